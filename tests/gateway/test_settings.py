"""Settings: one name each, later sources win, wrong ones are refused with the name that was meant."""

from pathlib import Path

import pytest

from gateway.errors import InvalidSettingError
from gateway.settings import Settings, from_environment, names, parse_duration, parse_size, read_file, resolve


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("512", 512), ("1KB", 1000), ("1 KiB", 1024), ("1.5GB", 1_500_000_000), ("2gib", 2 * 1024**3)],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("90", 90.0), ("250ms", 0.25), ("15m", 900.0), ("2h", 7200.0)])
def test_durations(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "much", "-1GB", "1XB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettingError, match=r"duckdb\.memory_limit"):
        resolve({"duckdb.memory_limit": text})


def test_later_sources_win() -> None:
    settings = resolve({"duckdb.threads": 1, "server.port": 1}, {"duckdb.threads": "3"})

    assert (settings.duckdb.threads, settings.server.port) == (3, 1)


def test_nothing_given_is_the_defaults() -> None:
    assert resolve() == Settings()


def test_units_leave_the_public_name() -> None:
    known = names()

    assert "duckdb.memory_limit" in known
    assert "spark.idle" in known
    assert "duckdb.memory_limit_bytes" not in known


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(InvalidSettingError) as caught:
        resolve({"duckdb.memory_limt": "1GB"})
    assert caught.value.hint is not None
    assert "duckdb.memory_limit" in caught.value.hint


def test_the_environment_is_sections_and_keys() -> None:
    environment = {"HEADGATE_DUCKDB__THREADS": "2", "HEADGATE_HOME": "/x", "PATH": "/bin"}

    assert from_environment(environment) == {"duckdb.threads": "2"}


def test_spark_and_catalog_properties_pass_through() -> None:
    settings = resolve(
        {"spark.conf.spark.sql.shuffle.partitions": "8", "catalog.type": "rest", "catalog.s3.region": "x"}
    )

    assert settings.spark.conf == {"spark.sql.shuffle.partitions": "8"}
    assert settings.catalog == {"type": "rest", "s3.region": "x"}


def test_a_file_is_flattened(tmp_path: Path) -> None:
    file = tmp_path / "headgate.toml"
    file.write_text('[duckdb]\nmemory_limit = "1GB"\n[spark.conf]\n"spark.x" = 1\n[spark]\nwarm = false\n')

    settings = resolve(read_file(file))

    assert settings.duckdb.memory_limit_bytes == 10**9
    assert settings.spark.warm is False
    assert settings.spark.conf == {"spark.x": "1"}


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert read_file(tmp_path / "none.toml") == {}


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    file = tmp_path / "headgate.toml"
    file.write_text("[duckdb\n")

    with pytest.raises(InvalidSettingError, match="line 1"):
        resolve(read_file(file))


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("off", False), (True, True)])
def test_booleans(text: object, expected: bool) -> None:
    assert resolve({"spark.warm": text}).spark.warm is expected


def test_what_is_no_boolean_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match=r"spark\.warm"):
        resolve({"spark.warm": "maybe"})
