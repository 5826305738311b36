"""Files read in place: Hive-partitioned Parquet, CSV, JSON lines."""

import datetime
import gzip
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import (
    AlreadyExistsError,
    CorruptFileError,
    FileAccessError,
    InvalidDefinitionError,
    SnapshotNotFoundError,
    SqlError,
    TableNotFoundError,
    UnsupportedTableError,
)
from catalog.formats.external import Listings
from catalog.identifiers import TableName
from catalog.lake import LakeCatalog
from catalog.predicates import ALWAYS, Comparison, IsNull, Operator
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema
from catalog.store import ExternalDefinition
from catalog.tables import CsvOptions, FileFormat, Table

Named = Callable[[str], TableName]
RowsOf = Callable[..., list[dict[str, Any]]]
Register = Callable[..., Table]


@pytest.fixture
def register(lake: LakeCatalog, named: Named) -> Register:
    def create(location: Path | str, format_: FileFormat = FileFormat.PARQUET, **facts: Any) -> Table:
        definition = ExternalDefinition(**{"format": format_, "location": str(location), "schema": None, **facts})
        return lake.create_external_table(named("e"), definition)

    return create


def put(path: Path, rows: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path)


@pytest.fixture
def hive(tmp_path: Path) -> Path:
    """A folder partitioned by state and year; one state is awkward, one is NULL."""
    root = tmp_path / "data"
    number = 0
    for state in ("TX", "S%C3%A3o%3D1", "Nuevo León", "__HIVE_DEFAULT_PARTITION__"):
        for year in ("2020", "02021"):
            put(root / f"state={state}" / f"Year={year}" / "part.parquet", pa.table({"id": [number, number + 1]}))
            number += 10
    (root / "_SUCCESS").touch()
    put(root / "_temporary" / "x.parquet", pa.table({"other": [1]}))
    (root / ".crc").touch()
    return root


def test_partition_values_are_decoded_and_inferred_as_text(register: Register, hive: Path, rows_of: RowsOf) -> None:
    table = register(hive)
    assert [(c.name, c.type) for c in table.schema] == [
        ("id", pa.int64()),
        ("state", pa.string()),
        ("Year", pa.string()),
    ]
    scan = table.scan(ALWAYS)
    assert scan.hive_partitions == ("state", "Year")
    assert scan.location == str(hive)
    assert set(scan.files.partitions["state"].to_pylist()) == {"TX", "São=1", "Nuevo León", None}
    assert set(scan.files.partitions["Year"].to_pylist()) == {"2020", "02021"}
    assert len(rows_of(scan)) == 16
    assert [field.source for field in table.partitioning] == ["state", "Year"]


def test_declared_partition_types_hold(register: Register, hive: Path) -> None:
    schema = Schema((Column("id", pa.int64()), Column("State", pa.string()), Column("year", pa.int32())))
    table = register(hive, schema=schema)
    assert set(table.scan(ALWAYS).files.partitions["year"].to_pylist()) == {2020, 2021}
    assert len(table.scan(Comparison("YEAR", Operator.EQ, 2021)).files) == 4
    assert len(table.scan(IsNull("state")).files) == 2
    statistics = table.statistics()
    assert statistics.columns["State"].distinct_count == 3
    assert statistics.columns["State"].null_count == 4
    assert statistics.record_count == 16


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (pa.date32(), "2020-02-29", datetime.date(2020, 2, 29)),
        (pa.decimal128(6, 2), "12.50", Decimal("12.50")),
        (pa.bool_(), "TRUE", True),
        (TIMESTAMP_NTZ, "2020-01-01 00%3A30%3A00", datetime.datetime(2020, 1, 1, 0, 30)),
        (pa.string(), "a+b %25", "a+b %"),
    ],
)
def test_partition_values_of_every_type(
    register: Register, tmp_path: Path, type_: pa.DataType, text: str, value: Any
) -> None:
    put(tmp_path / "d" / f"p={text}" / "x.parquet", pa.table({"id": [1]}))
    table = register(tmp_path / "d", schema=Schema((Column("id", pa.int64()), Column("p", type_))))
    assert table.scan(ALWAYS).files.partitions["p"].to_pylist() == [value]


@pytest.mark.parametrize(
    ("folders", "type_", "word"),
    [
        (["p=1", "p=x"], pa.int32(), "p=x"),
        (["p=2020-02-30"], pa.date32(), "2020-02-30"),
        (["p=1", "."], pa.int32(), "no partition folder"),
        (["p=1", "p=1/q=2"], pa.int32(), "p=…/q=…"),
        (["p=1", "q=1"], pa.int32(), "q=…"),
        (["p="], pa.string(), "empty partition value"),
        (["p=1"], TIMESTAMP, "timestamp"),
    ],
)
def test_partitions_that_cannot_be_told_are_refused(
    register: Register, tmp_path: Path, folders: list[str], type_: pa.DataType, word: str
) -> None:
    for folder in folders:
        put(tmp_path / "d" / folder / "x.parquet", pa.table({"id": [1]}))
    schema = Schema((Column("id", pa.int64()), Column("p", type_)))
    with pytest.raises((UnsupportedTableError, InvalidDefinitionError), match=word):
        register(tmp_path / "d", schema=schema, partitions=("p",))


def test_a_glob_names_the_files(register: Register, hive: Path, lake: LakeCatalog, named: Named) -> None:
    table = register(f"{hive}/state=*/Year=2020/*.parquet")
    scan = table.scan(ALWAYS)
    assert (len(scan.files), scan.location, scan.hive_partitions) == (4, str(hive), ("state", "Year"))
    lake.drop_table(named("e"))
    with pytest.raises(FileAccessError, match="no file matches"):
        register(f"{hive}/nope-*.parquet")


def test_a_single_file_is_a_table(register: Register, tmp_path: Path, rows_of: RowsOf) -> None:
    put(tmp_path / "one.parquet", pa.table({"a": [1], "b": ["x"]}))
    assert rows_of(register(tmp_path / "one.parquet").scan(ALWAYS)) == [{"a": 1, "b": "x"}]


def test_files_are_pruned_by_their_footers(register: Register, tmp_path: Path) -> None:
    for start in (0, 100, 200):
        put(
            tmp_path / "d" / f"{start}.parquet",
            pa.table({"n": list(range(start, start + 10)), "f": [float("nan")] * 10}),
        )
    table = register(tmp_path / "d")
    assert len(table.scan(Comparison("n", Operator.GT, 150)).files) == 1
    assert len(table.scan(Comparison("f", Operator.GT, 1.0)).files) == 3
    assert table.statistics().columns["n"].upper == 209


def test_identity_follows_the_files(
    register: Register, hive: Path, lake: LakeCatalog, named: Named, rows_of: RowsOf
) -> None:
    table = register(hive)
    first = lake.load(named("e"))
    assert first.identity == table.identity  # type: ignore[union-attr]
    put(hive / "state=TX" / "Year=2020" / "more.parquet", pa.table({"id": [99]}))
    second = lake.load(named("e"))
    assert second.identity != table.identity  # type: ignore[union-attr]
    assert {"id": 99, "state": "TX", "Year": "2020"} in rows_of(second.scan(ALWAYS))  # type: ignore[union-attr]
    assert len(table.scan(ALWAYS).files) == 8
    (hive / "state=TX" / "Year=2020" / "more.parquet").unlink()
    assert lake.load(named("e")).identity == table.identity  # type: ignore[union-attr]


def test_large_listings_are_kept_until_refresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Listings, "KEPT_FROM", 2)
    for name in "ab":
        (tmp_path / name).touch()
    listings = Listings()
    assert len(listings.get(str(tmp_path)).files) == 2
    (tmp_path / "c").touch()
    assert len(listings.get(str(tmp_path)).files) == 2
    listings.forget(str(tmp_path))
    assert len(listings.get(str(tmp_path)).files) == 3


def test_footers_are_kept_for_other_processes(
    register: Register, hive: Path, named: Named, reopen: Callable[[], LakeCatalog]
) -> None:
    register(hive)
    changed = hive / "state=TX" / "Year=2020" / "part.parquet"
    status = changed.stat()
    changed.write_bytes(b"x" * status.st_size)  # same size and time: the kept footer is believed
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    other = reopen().load(named("e"))
    assert other.statistics().record_count == 16  # type: ignore[union-attr]
    os.utime(changed)
    with pytest.raises(CorruptFileError, match=r"part\.parquet"):
        reopen().load(named("e")).scan(ALWAYS)  # type: ignore[union-attr]


def test_columns_are_the_union_of_all_files(register: Register, tmp_path: Path, rows_of: RowsOf) -> None:
    put(tmp_path / "d" / "1.parquet", pa.table({"a": [1]}))
    put(tmp_path / "d" / "2.parquet", pa.table({"a": [2], "b": ["x"]}))
    table = register(tmp_path / "d")
    assert rows_of(table.scan(ALWAYS)) == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]
    assert len(table.scan(Comparison("b", Operator.EQ, "x")).files) == 1


@pytest.mark.parametrize(
    ("type_", "read_as"),
    [
        (pa.uint8(), pa.int16()),
        (pa.uint16(), pa.int32()),
        (pa.uint32(), pa.int64()),
        (pa.uint64(), pa.decimal128(20, 0)),
        (pa.timestamp("ms"), TIMESTAMP_NTZ),
        (pa.timestamp("us", "America/Denver"), TIMESTAMP),
        (pa.large_string(), pa.string()),
        (pa.dictionary(pa.int32(), pa.string()), pa.string()),
        (pa.list_(pa.uint8()), pa.list_(pa.int16())),
    ],
)
def test_types_are_read_as_spark_reads_them(
    register: Register, tmp_path: Path, type_: pa.DataType, read_as: pa.DataType
) -> None:
    put(tmp_path / "d" / "1.parquet", pa.table({"c": pa.array([None], type_)}))
    assert register(tmp_path / "d").schema.column("c").type == read_as


def test_unsigned_bounds_are_right(register: Register, tmp_path: Path) -> None:
    put(tmp_path / "d" / "1.parquet", pa.table({"c": pa.array([2**64 - 1], pa.uint64())}))
    table = register(tmp_path / "d")
    assert table.statistics().columns["c"].upper == Decimal(2**64 - 1)
    assert len(table.scan(Comparison("c", Operator.GT, Decimal(2**63))).files) == 1


@pytest.mark.parametrize(
    "rows",
    [
        pa.table({"c": pa.array([1], pa.time64("us"))}),
        pa.table({"c": pa.array([1], pa.timestamp("ns"))}),
        pa.table({"c": pa.array([1.0], pa.float16())}),
        pa.table({"C": [1], "c": [2]}),
        pa.table({"x": pa.array([{"c": 1}], pa.struct([("c", pa.time32("ms"))]))}),
    ],
)
def test_columns_that_engines_read_differently_are_refused_by_name(
    register: Register, tmp_path: Path, rows: pa.Table
) -> None:
    put(tmp_path / "d" / "1.parquet", rows)
    with pytest.raises(UnsupportedTableError, match=r"'(x\.)?c'"):
        register(tmp_path / "d")


def test_old_timestamps_are_refused(register: Register, tmp_path: Path) -> None:
    rows = pa.table({"c": pa.array([1], pa.timestamp("us"))})
    pq.write_table(rows, tmp_path / "x.parquet", use_deprecated_int96_timestamps=True)
    with pytest.raises(UnsupportedTableError, match="INT96"):
        register(tmp_path / "x.parquet")


def test_files_that_disagree_are_refused(register: Register, tmp_path: Path, lake: LakeCatalog, named: Named) -> None:
    put(tmp_path / "d" / "1.parquet", pa.table({"a": pa.array([1], pa.int32())}))
    table = register(tmp_path / "d")
    put(tmp_path / "d" / "2.parquet", pa.table({"A": pa.array([1], pa.int64())}))
    with pytest.raises(UnsupportedTableError, match=r"2\.parquet"):
        lake.load(table.name).scan(ALWAYS)  # type: ignore[union-attr]
    lake.drop_table(named("e"))
    with pytest.raises(UnsupportedTableError, match="bigint"):
        register(tmp_path / "d")


@pytest.mark.parametrize(
    ("break_it", "error", "word"),
    [
        (lambda file: file.write_bytes(b""), CorruptFileError, "0 bytes"),
        (lambda file: file.write_bytes(file.read_bytes()[:-9]), CorruptFileError, "part"),
        (lambda file: file.write_text("id\n1\n"), CorruptFileError, "part"),
    ],
)
def test_broken_files_are_named(
    register: Register, hive: Path, break_it: Callable[[Path], object], error: type[SqlError], word: str
) -> None:
    break_it(hive / "state=TX" / "Year=2020" / "part.parquet")
    with pytest.raises(error, match=word) as caught:
        register(hive)
    assert "state=TX" in str(caught.value)


def test_what_is_not_there_is_named(register: Register, tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="nope"):
        register(tmp_path / "nope")
    with pytest.raises(UnsupportedTableError, match="s3://"):
        register("s3://bucket/data")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidDefinitionError, match="no files"):
        register(tmp_path / "empty")
    table = register(tmp_path / "empty", schema=Schema((Column("a", pa.int32()),)))
    assert len(table.scan(ALWAYS).files) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_folder_is_named(register: Register, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0)
    with pytest.raises(FileAccessError, match="Permission"):
        register(tmp_path / "d")


def test_external_tables_take_no_writes_and_keep_their_files(
    register: Register, hive: Path, lake: LakeCatalog, named: Named
) -> None:
    table = register(hive)
    with pytest.raises(AlreadyExistsError):
        register(hive)
    with pytest.raises(AlreadyExistsError):
        lake.create_table(named("E"), table.schema)
    for change in (
        lambda: lake.stage(named("e")),
        lambda: lake.drop_column(named("e"), "id"),
        lambda: lake.expire_snapshots(named("e"), older_than_ms=None, retain_last=1),
        lambda: lake.stage_new(named("e"), table.schema, replace=True),
    ):
        with pytest.raises(UnsupportedTableError, match="external"):
            change()
    with pytest.raises(SnapshotNotFoundError):
        table.at_snapshot(1)
    assert table.snapshots() == ()
    lake.drop_table(named("e"))
    assert (hive / "state=TX" / "Year=2020" / "part.parquet").exists()
    with pytest.raises(TableNotFoundError):
        lake.load(named("e"))


def test_definitions_survive_a_restart(
    register: Register, tmp_path: Path, reopen: Callable[[], LakeCatalog], named: Named
) -> None:
    (tmp_path / "a.csv").write_text("x;y\n1;2\n")
    schema = Schema((Column("x", pa.int32(), comment="first"), Column("y", pa.decimal128(5, 1), nullable=False)))
    options = CsvOptions(delimiter=";", null_text="NA")
    table = register(tmp_path / "a.csv", FileFormat.CSV, schema=schema, csv=options)
    again = reopen().load(named("e"))
    assert again.schema == table.schema
    assert again.scan(ALWAYS).csv == options  # type: ignore[union-attr]
    assert again.format_name == "csv"  # type: ignore[union-attr]


def test_csv_columns_come_from_the_header_as_text(register: Register, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.csv").write_text('\ufeffname,"the ""other"", one"\nx,1\n')
    with gzip.open(tmp_path / "d" / "b.csv.gz", "wt") as file:
        file.write('NAME,"the ""other"", one"\nx,1\n')
    (tmp_path / "d" / "c.csv").touch()
    table = register(tmp_path / "d", FileFormat.CSV)
    assert [(c.name, c.type) for c in table.schema] == [("name", pa.string()), ('the "other", one', pa.string())]
    scan = table.scan(ALWAYS, ["name"])
    assert len(scan.schema) == 2  # found by position, so all are needed
    assert scan.files.record_counts.null_count == 3
    assert table.statistics().record_count is None


@pytest.mark.parametrize(
    ("text", "word"),
    [("a,,c\n", "empty name"), ("a,A\n", "twice"), ("", "is empty"), ("\x00\xff", "name")],
)
def test_bad_headers_are_refused(register: Register, tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    if text.startswith("\x00"):
        (tmp_path / "a.csv").write_bytes("naïve,b\n".encode("latin-1"))
        with pytest.raises(CorruptFileError, match="not utf-8"):
            register(tmp_path / "a.csv", FileFormat.CSV)
        return
    with pytest.raises((UnsupportedTableError, InvalidDefinitionError), match=word):
        register(tmp_path / "a.csv", FileFormat.CSV)


def test_csv_headers_must_agree_with_the_table(register: Register, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("b,a\n1,2\n")
    schema = Schema((Column("a", pa.int32()), Column("b", pa.int32())))
    with pytest.raises(UnsupportedTableError, match="column 1"):
        register(tmp_path / "a.csv", FileFormat.CSV, schema=schema)
    with pytest.raises(UnsupportedTableError, match="2 columns"):
        register(tmp_path / "a.csv", FileFormat.CSV, schema=Schema(schema.columns[:1]))
    assert register(tmp_path / "a.csv", FileFormat.CSV, schema=schema, csv=CsvOptions(header=False)).schema == schema


def test_json_types_come_from_all_rows(register: Register, tmp_path: Path, lake: LakeCatalog, named: Named) -> None:
    (tmp_path / "d" / "k=1").mkdir(parents=True)
    (tmp_path / "d" / "k=1" / "a.json").write_text(
        '{"a": 1, "at": "2020-01-01", "n": null}\n{"a": 2.5, "l": [{"x": 1}]}\n'
    )
    table = register(tmp_path / "d", FileFormat.JSON)
    assert {c.name: c.type for c in table.schema} == {
        "a": pa.float64(),
        "at": pa.string(),
        "n": pa.string(),
        "l": pa.list_(pa.struct([("x", pa.int64())])),
        "k": pa.string(),
    }
    lake.drop_table(named("e"))
    (tmp_path / "bad.json").write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(CorruptFileError, match=r"bad\.json"):
        register(tmp_path / "bad.json", FileFormat.JSON)
