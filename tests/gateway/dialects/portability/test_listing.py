"""The portable set as users see it."""

from pathlib import Path

from gateway.dialects.portability import function_table
from gateway.dialects.portability.functions import TABLE
from gateway.dialects.portability.listing import markdown

ROOT = Path(__file__).parents[4]


def test_the_document_is_current() -> None:
    assert (ROOT / "docs/portability.md").read_text("utf-8") == markdown()


def test_every_row_of_the_table_is_a_function_of_spark() -> None:
    known = set(function_table().column("name").to_pylist())
    assert [name for name in TABLE if name not in known and not name.startswith("hg_")] == []


def test_what_only_spark_runs_says_why() -> None:
    for row in function_table().to_pylist():
        assert (row["reason"] is not None) == (row["rule"] == "spark-only") == (row["engines"] == "spark")


def test_more_than_half_of_sparks_scalar_and_aggregate_functions_are_portable() -> None:
    rows = [row for row in function_table().to_pylist() if row["kind"] in ("scalar", "aggregate")]
    assert sum(row["rule"] != "spark-only" for row in rows) >= 0.55 * len(rows)
