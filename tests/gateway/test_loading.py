"""Loading: every type kept, every bad input named, and all rows or none."""

import codecs
import csv
import datetime
import decimal
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import (
    AlreadyExistsError,
    ColumnNotFoundError,
    CorruptFileError,
    FileAccessError,
    InvalidDefinitionError,
    SqlError,
    TableNotFoundError,
)
from catalog.identifiers import TableName
from catalog.lake import open_catalog
from catalog.predicates import ALWAYS
from catalog.schema import type_name
from catalog.store import Catalog
from catalog.tables import PartitionField, Table
from gateway.engines.duckdb.ingest import DuckDBIngest
from gateway.loading import LoadMode, LoadProgress, LoadReport, LoadRequest, OnError, load
from gateway.loading.errors import (
    BrokenRowsError,
    ColumnMismatchError,
    EmptySourceError,
    SourceFormatError,
    SourceNotFoundError,
    WrongEncodingError,
)
from gateway.loading.requests import OnProgress
from gateway.loading.sources import find_sources
from gateway.settings import DuckDBSettings

NAME = TableName("lake", "default", "t")


class Lake:
    """A catalog in a temporary folder, and files to load into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.catalog: Catalog = open_catalog(
            "lake", database=root / "catalog.sqlite", warehouse=root / "warehouse", cache=root / "cache", properties={}
        )
        self.engine = DuckDBIngest(DuckDBSettings(memory_limit_bytes=500_000_000, threads=2), root / "tmp")
        (root / "in").mkdir()

    def file(self, content: str | bytes, name: str = "a.csv") -> Path:
        path = self.root / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, *sources: Path | str, **options: Any) -> LoadReport:
        on_progress: OnProgress | None = options.pop("on_progress", None)
        options.setdefault("rejects_file", self.root / "rejects.csv")
        request = LoadRequest(tuple(str(source) for source in sources), options.pop("table", NAME), **options)
        return load(request, self.catalog, self.engine, on_progress)

    def text(self, content: str | bytes, **options: Any) -> LoadReport:
        """Load one CSV file of that content."""
        return self.load(self.file(content), **options)

    def rows(self, name: TableName = NAME) -> list[tuple[Any, ...]]:
        """Return the rows, as text-ordered tuples in table order."""
        table = self.table(name)
        files: list[str] = table.scan(ALWAYS).files.paths.to_pylist()
        found = [tuple(row.values()) for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]
        return sorted(found, key=repr)

    def table(self, name: TableName = NAME) -> Table:
        found = self.catalog.load(name)
        assert not hasattr(found, "text")
        return found  # type: ignore[return-value]

    def types(self) -> dict[str, str]:
        return {column.name: type_name(column.type) for column in self.table().schema}

    def is_untouched(self) -> bool:
        """No table, and no staged file left."""
        return not self.catalog.tables("default") and not list((self.root / "warehouse").rglob("*.parquet"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


# Types


@pytest.mark.parametrize(
    ("texts", "type_", "values"),
    [
        (["1", "-20", "+3", " 4 "], "bigint", [1, -20, 3, 4]),
        (["01234", "12345"], "string", ["01234", "12345"]),
        (["9223372036854775807", "9223372036854775808"], "decimal(38,0)", [2**63 - 1, 2**63]),
        (["1" * 39, "2"], "double", [float("1" * 39), 2.0]),
        (["10.50", "3", "-0.07"], "decimal(18,2)", ["10.50", "3.00", "-0.07"]),
        (["1.2345", ".5"], "decimal(18,4)", ["1.2345", "0.5000"]),
        (["31.8934211", "-102.5"], "double", [31.8934211, -102.5]),
        (["1e3", "2.5"], "double", [1000.0, 2.5]),
        (["1,5", "2,5"], "string", ["1,5", "2,5"]),
        (["true", "FALSE"], "boolean", [True, False]),
        (["0x1F", "2"], "string", ["0x1F", "2"]),
        (["1_000", "2"], "string", ["1_000", "2"]),
        (["2024-01-31", "1969-12-01"], "date", [datetime.date(2024, 1, 31), datetime.date(1969, 12, 1)]),
        (["infinity", "2024-01-01"], "string", ["infinity", "2024-01-01"]),
        (["2024-02-30", "2024-01-01"], "string", ["2024-02-30", "2024-01-01"]),
        (["12/31/2024", "1/2/2024"], "date", [datetime.date(2024, 12, 31), datetime.date(2024, 1, 2)]),
        (["31/12/2024", "1/2/2024"], "date", [datetime.date(2024, 12, 31), datetime.date(2024, 2, 1)]),
        (["12/31/24", "1/2/24"], "string", ["12/31/24", "1/2/24"]),
        (["31-DEC-2024", "01-jan-2024"], "date", [datetime.date(2024, 12, 31), datetime.date(2024, 1, 1)]),
        (
            ["2024-01-31 10:00:00", "2024-01-31", "2024-01-31T10:00:00.123456"],
            "timestamp_ntz",
            [
                datetime.datetime(2024, 1, 31, 10),
                datetime.datetime(2024, 1, 31),
                datetime.datetime(2024, 1, 31, 10, 0, 0, 123456),
            ],
        ),
        (["2024-01-31 10:00:00.123456789"], "string", ["2024-01-31 10:00:00.123456789"]),
        (
            ["2024-01-31T10:00:00Z", "2024-01-31 10:00:00+02:00"],
            "timestamp",
            [
                datetime.datetime(2024, 1, 31, 10, tzinfo=datetime.UTC),
                datetime.datetime(2024, 1, 31, 8, tzinfo=datetime.UTC),
            ],
        ),
        (["1/31/2024 11:05:00 PM"], "timestamp_ntz", [datetime.datetime(2024, 1, 31, 23, 5)]),
        (["2024-01-31", "soon"], "string", ["2024-01-31", "soon"]),
    ],
)
def test_types_keep_all_that_the_texts_say(lake: Lake, texts: list[str], type_: str, values: list[Any]) -> None:
    lake.text("n;x\n" + "".join(f"{number};{text}\n" for number, text in enumerate(texts)) + "99;\n")
    assert lake.types() == {"n": "bigint", "x": type_}
    got = [row[1] for row in sorted(lake.rows(), key=lambda row: row[0])]
    expected = [decimal.Decimal(value) for value in values] if type_.startswith("decimal") else values
    assert got == [*expected, None]


LATE = 60_000


def late_text(first: str, last: str) -> str:
    """A file whose one odd value stands where no sample looks."""
    rows = [f"{number},{first},{'x' * 60}\n" for number in range(LATE)]
    rows[LATE // 3] = f"{LATE},{last},y\n"
    return "n,v,pad\n" + "".join(rows)


@pytest.mark.parametrize(
    ("first", "last", "type_", "value"),
    [
        ("12", "N/A", "string", "N/A"),
        ("12", "012", "string", "012"),
        ("12", "1.5", "decimal(18,1)", decimal.Decimal("1.5")),
        ("1.25", "1.255", "decimal(18,3)", decimal.Decimal("1.255")),
        ("2024-01-02", "2024-01-02 03:04:05", "timestamp_ntz", datetime.datetime(2024, 1, 2, 3, 4, 5)),
        ("01/02/2024", "13/02/2024", "date", datetime.date(2024, 2, 13)),
    ],
)
def test_a_late_row_widens_its_column_and_loses_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, first: str, last: str, type_: str, value: object
) -> None:
    monkeypatch.setattr("gateway.loading.samples.SAMPLE_BYTES", 100_000)
    report = lake.text(late_text(first, last))
    assert report.record_count == LATE
    assert lake.types()["v"] == type_
    assert [row[1] for row in lake.rows() if row[0] == LATE] == [value]
    (warning,) = [one for one in report.warnings if "v became" in one]
    assert last in warning
    assert "1 of 60,000" in warning


def test_a_column_of_nothing_is_text_and_said(lake: Lake) -> None:
    report = lake.text("a,b\n1,\n2,\n")
    assert lake.types() == {"a": "bigint", "b": "string"}
    assert any("b is empty" in warning for warning in report.warnings)


def test_dates_that_could_be_either_way_are_said(lake: Lake) -> None:
    report = lake.text("d\n01/02/2024\n03/04/2024\n")
    assert any("month first" in warning and "day first" in warning for warning in report.warnings)
    assert not lake.text("d\n01/02/2024\n12/31/2024\n", mode=LoadMode.REPLACE).warnings


def test_odd_values_among_numbers_are_said(lake: Lake) -> None:
    report = lake.text("v\n" + "7\n" * 50 + "N/A\n")
    assert lake.types() == {"v": "string"}
    assert any("'N/A'" in warning for warning in report.warnings)


def test_null_is_not_the_empty_text(lake: Lake) -> None:
    lake.text('a,b\n1,""\n2,\n')
    assert lake.rows() == [(1, ""), (2, None)]


def test_null_texts_can_be_named(lake: Lake) -> None:
    lake.text("a,b\n1,NA\n2,3\n", null_texts=("", "NA"))
    assert lake.rows() == [(1, None), (2, 3)]


# Layout


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(lake: Lake, delimiter: str) -> None:
    lake.text(f'a{delimiter}b\n1{delimiter}"x{delimiter}, y"\n')
    assert lake.rows() == [(1, f"x{delimiter}, y")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quoted_line_ends_and_quotes_are_kept(lake: Lake, newline: str) -> None:
    lake.text(newline.join(["a,b", '1,"two\nlines, and ""quotes"""', "2,", ""]))
    assert lake.rows() == [(1, 'two\nlines, and "quotes"'), (2, None)]


def test_nul_bytes_are_kept(lake: Lake) -> None:
    lake.text(b"a,b\n1,x\0y\n")
    assert lake.rows() == [(1, "x\0y")]


def test_headers_are_made_unique_and_said(lake: Lake) -> None:
    report = lake.text("a,,A,a,b_2,b\n1,2,3,4,5,6\n")
    assert [column.name for column in report.schema] == ["a", "column_2", "A_2", "a_3", "b_2", "b"]
    assert sum("became" in warning for warning in report.warnings) == 3


def test_a_file_without_header_can_be_loaded(lake: Lake) -> None:
    lake.text("1,x\n2,y\n", header=False)
    assert lake.types() == {"column_1": "bigint", "column_2": "string"}
    assert lake.rows() == [(1, "x"), (2, "y")]


def test_a_header_that_looks_like_data_is_said(lake: Lake) -> None:
    assert any("looks like data" in warning for warning in lake.text("1,2\n3,4\n").warnings)


def test_a_byte_order_mark_is_no_part_of_the_first_name(lake: Lake) -> None:
    lake.text(codecs.BOM_UTF8 + "ä,b\n1,é\n".encode())
    assert lake.rows() == [(1, "é")]
    assert list(lake.types()) == ["ä", "b"]


@pytest.mark.parametrize(
    ("encoding", "text"), [("latin-1", "é"), ("windows-1252", "“é”"), ("utf-16", "é”"), ("shift_jis", "日本")]
)
def test_other_encodings_are_read_when_declared(lake: Lake, encoding: str, text: str) -> None:
    lake.text(f"a,b\n1,{text}\n".encode(encoding), encoding=encoding)
    assert lake.rows() == [(1, text)]


def test_columns_of_many_files_are_matched_by_name(lake: Lake) -> None:
    lake.file("a,b\n1,x\n", "one.csv")
    lake.file("B;A\ny;2\n", "two.csv")
    lake.file("c,a\n2.5,3\n", "three.csv")
    report = lake.load(lake.root / "in")
    assert lake.rows() == [(1, "x", None), (2, "y", None), (3, None, decimal.Decimal("2.5"))]
    assert report.source_count == 3
    assert any("same columns" in warning for warning in report.warnings)


def test_globs_and_names_that_look_like_globs(lake: Lake) -> None:
    lake.file("a\n1\n", "x[1].csv")
    lake.file("a\n2\n", "x1.csv")
    assert lake.load(lake.root / "in" / "x[1].csv").record_count == 1
    assert lake.rows() == [(1,)]
    assert lake.load(lake.root / "in" / "*.csv", mode=LoadMode.REPLACE).record_count == 2


def test_compressed_files_are_known_by_content(lake: Lake) -> None:
    zstd = pa.Codec("zstd").compress(b"a\n2\n", asbytes=True)
    lake.load(lake.file(gzip.compress(b"a\n1\n"), "a.csv.gz"), lake.file(zstd, "b.csv"))
    assert lake.rows() == [(1,), (2,)]


# Other formats


def test_json_lines_with_nested_values(lake: Lake) -> None:
    rows = [
        {"id": 1, "code": "01", "tags": ["x"], "at": {"lat": 1.5}, "day": "2024-01-02"},
        {"id": 2**40, "code": "02", "new": True},
    ]
    lake.load(lake.file("\n".join(map(json.dumps, rows)), "a.jsonl"))
    assert lake.types() == {
        "id": "bigint",
        "code": "string",
        "tags": "array<string>",
        "at": "struct<lat:double>",
        "day": "date",
        "new": "boolean",
    }
    assert lake.rows() == [
        (1, "01", ["x"], {"lat": 1.5}, datetime.date(2024, 1, 2), None),
        (2**40, "02", None, None, None, True),
    ]


def test_json_types_are_learned_from_every_row(lake: Lake) -> None:
    lake.load(lake.file('{"v": 1}\n' * 50_000 + '{"v": "x"}\n', "a.json"))
    assert lake.types() == {"v": "string"}
    assert len(lake.rows()) == 50_001


def test_a_json_array_is_its_objects(lake: Lake) -> None:
    lake.load(lake.file('[{"a": 1},\n {"a": 2}]', "a.json"))
    assert lake.rows() == [(1,), (2,)]


def test_parquet_types_become_those_of_the_catalog(lake: Lake) -> None:
    table = pa.table(
        {
            "u8": pa.array([200], pa.uint8()),
            "u64": pa.array([2**64 - 1], pa.uint64()),
            "t": pa.array([datetime.time(1, 2)], pa.time64("us")),
            "d": pa.array(["x"]).dictionary_encode(),
            "ns": pa.array([1_000], pa.timestamp("ns")),
            "f": pa.array([float("nan")], pa.float32()),
            "nested": pa.array([{"a": [1]}], pa.struct([("a", pa.list_(pa.uint32()))])),
        }
    )
    pq.write_table(table, lake.root / "in" / "a.parquet")
    lake.load(lake.root / "in" / "a.parquet")
    assert lake.types() == {
        "u8": "int",
        "u64": "decimal(20,0)",
        "t": "string",
        "d": "string",
        "ns": "timestamp_ntz",
        "f": "float",
        "nested": "struct<a:array<bigint>>",
    }
    assert lake.rows()[0][:3] == (200, decimal.Decimal(2**64 - 1), "01:02:00")


def test_a_workbook_keeps_codes_typed_as_text(lake: Lake) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (
        ["code", "n", "when", "ok", None],
        ["123", 1, datetime.datetime(2024, 1, 2), True],
        [None, 2.5, None, False],
        ['a "b"\nc', 3, datetime.datetime(2024, 1, 3), None],
    ):
        book.active.append(row)
    book.create_sheet("more")
    path = lake.root / "in" / "a.xlsx"
    book.save(path)
    report = lake.load(path)
    assert lake.types() == {"code": "string", "n": "decimal(18,1)", "when": "date", "ok": "boolean"}
    assert [row[0] for row in lake.rows()] == ["123", 'a "b"\nc', None]
    assert any("2 sheets" in warning for warning in report.warnings)


# Modes and partitions


def test_append_matches_columns_by_name_and_fills_with_null(lake: Lake) -> None:
    lake.text("id,name,cost\n1,x,1.50\n")
    report = lake.text("COST,ID\n2,7\n", mode=LoadMode.APPEND)
    assert lake.rows() == [(1, "x", decimal.Decimal("1.50")), (7, None, decimal.Decimal("2.00"))]
    assert report.warnings == ("the files have no column name: it is NULL in the new rows",)


def test_append_reads_texts_as_the_table_has_them(lake: Lake) -> None:
    lake.text("code,day\nx1,2024-01-02\n")
    lake.text("code,day\n0012,12/31/2024\n", mode=LoadMode.APPEND)
    assert lake.rows() == [("0012", datetime.date(2024, 12, 31)), ("x1", datetime.date(2024, 1, 2))]


def test_append_refuses_columns_that_the_table_lacks(lake: Lake) -> None:
    lake.text("a\n1\n")
    with pytest.raises(ColumnMismatchError, match="no column extra"):
        lake.text("a,extra\n1,2\n", mode=LoadMode.APPEND)
    assert lake.rows() == [(1,)]


def test_append_names_the_rows_that_do_not_fit_by_line(lake: Lake) -> None:
    lake.text("a,b\n1,2\n")
    content = 'a,b\n1,"x"\n"2\n",3\n\n4,5.5\n'
    with pytest.raises(BrokenRowsError) as caught:
        lake.text(content, mode=LoadMode.APPEND)
    assert "line 2: column b takes whole numbers (bigint), not 'x'" in caught.value.message
    assert "line 6: column b takes whole numbers (bigint), not '5.5'" in caught.value.message
    assert lake.rows() == [(1, 2)]


def test_append_can_skip_the_rows_that_do_not_fit(lake: Lake) -> None:
    lake.text("a,b\n1,2\n")
    report = lake.text("a,b\nx,1\n3\n\n4,5\n6,y\n", mode=LoadMode.APPEND, on_error=OnError.SKIP)
    assert lake.rows() == [(1, 2), (4, 5)]
    assert (report.record_count, report.skipped_count) == (1, 3)
    assert report.rejects_file is not None
    rejects = report.rejects_file.read_text().splitlines()
    assert [line.split(",")[1] for line in rejects[1:]] == ["3", "2", "6"]


def test_append_of_typed_files_takes_only_types_that_fit(lake: Lake) -> None:
    lake.text("a,b\n1,2\n")
    pq.write_table(pa.table({"A": pa.array([5], pa.int32())}), lake.root / "in" / "a.parquet")
    lake.load(lake.root / "in" / "a.parquet", mode=LoadMode.APPEND)
    assert lake.rows() == [(1, 2), (5, None)]
    pq.write_table(pa.table({"a": [1.5]}), lake.root / "in" / "a.parquet")
    with pytest.raises(ColumnMismatchError, match="a is double in the files and bigint in the table"):
        lake.load(lake.root / "in" / "a.parquet", mode=LoadMode.APPEND)


def test_replace_swaps_columns_and_rows(lake: Lake) -> None:
    lake.text("a\n1\n")
    lake.text("b,c\nx,2\n", mode=LoadMode.REPLACE)
    assert lake.rows() == [("x", 2)]
    assert list(lake.types()) == ["b", "c"]


def test_create_does_not_touch_a_table_that_is_there(lake: Lake) -> None:
    lake.text("a\n1\n")
    with pytest.raises(AlreadyExistsError):
        lake.text("a\n2\n")
    assert lake.rows() == [(1,)]


def test_append_needs_a_table(lake: Lake) -> None:
    with pytest.raises(TableNotFoundError):
        lake.text("a\n1\n", mode=LoadMode.APPEND)


def test_partitions_are_iceberg_transforms(lake: Lake) -> None:
    rows = "".join(f"{n},S{n % 3},2024-{n % 12 + 1:02}-01\n" for n in range(100))
    report = lake.text("id,State,day\n" + rows, partition_by="state, months(DAY), bucket(2, id)")
    assert report.partitioning == (
        PartitionField("State", "identity", "State"),
        PartitionField("day", "month", "day_month"),
        PartitionField("id", "bucket[2]", "id_bucket"),
    )
    assert len(lake.rows()) == 100
    assert report.file_count > 12


@pytest.mark.parametrize("spec", ["bucket(id)", "month(4, id)", "zorder(id)", "id,,id", "id, id", "bucket(0, id)", "("])
def test_wrong_partition_specs_are_refused(lake: Lake, spec: str) -> None:
    with pytest.raises(InvalidDefinitionError):
        lake.text("id\n1\n", partition_by=spec)
    assert lake.is_untouched()


def test_a_partition_column_that_is_not_there_gets_the_nearest_names(lake: Lake) -> None:
    with pytest.raises(ColumnNotFoundError) as caught:
        lake.text("state,county\na,b\n", partition_by="stat")
    assert "state" in str(caught.value.hint)


def test_progress_goes_from_nothing_to_all(lake: Lake) -> None:
    seen: list[LoadProgress] = []
    lake.text("a\n" + "1\n" * 1000, on_progress=seen.append)
    assert seen[0].bytes_read == 0
    assert seen[-1] == LoadProgress(2002, 2002, 1000, 1, "committing")


def test_a_load_stopped_midway_leaves_nothing(lake: Lake) -> None:
    def stop(progress: LoadProgress) -> None:
        if progress.stage == "reading":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lake.text("a\n" + "1\n" * 1_000_000, on_progress=stop)
    assert lake.is_untouched()
    assert list((lake.root / "tmp").glob("load-*/*")) == []


# Bad input


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\n1,2,3\n4,5\n6,7,8\n", "line 3: 2 columns instead of 3: 4,5"),
        ("a,b,c\n1,2,3\n4,5,6,7\n", "line 3: 4 columns instead of 3: 4,5,6,7"),
        ('a,b\n1,"two\nlines"\n3\n', "line 4: 1 columns instead of 2: 3"),
        ('a,b\n1,2\n3,"x\n5,6\n', "line 3: a quote is not closed"),
        ('a,b\n1,2\n3,"x"y\n', "line 3: a quote is not closed, or text follows a closing quote"),
    ],
)
def test_broken_rows_are_named_by_line(lake: Lake, content: str, message: str) -> None:
    with pytest.raises(BrokenRowsError) as caught:
        lake.text(content)
    assert f"{lake.root / 'in' / 'a.csv'}, {message}" in caught.value.message
    assert "--on-error skip" in str(caught.value.hint)
    assert lake.is_untouched()


def test_only_the_first_broken_rows_are_listed_and_all_counted(lake: Lake) -> None:
    with pytest.raises(BrokenRowsError, match="30 rows are broken") as caught:
        lake.text("a,b\n" + "1,2\n3\n" * 30)
    assert caught.value.message.count("line") == 5
    assert "and 25 more" in caught.value.message


def test_broken_rows_can_be_skipped_into_a_file(lake: Lake) -> None:
    report = lake.text(b'a,b\n1,2\n3\n4,5\n6,"7"8\n9,caf\xe9\n10,"x\ny"\n11,12,13\n', on_error=OnError.SKIP)
    assert (report.record_count, report.skipped_count) == (3, 4)
    assert report.rejects_file == lake.root / "rejects.csv"
    lines = report.rejects_file.read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["3", "5", "6", "9"]
    assert lines[3].endswith('"9,caf\\xe9"')
    assert len(lake.rows()) == 3


def test_skipping_nothing_writes_no_rejects_file(lake: Lake) -> None:
    report = lake.text("a\n1\n", on_error=OnError.SKIP)
    assert report.rejects_file is None
    assert not (lake.root / "rejects.csv").exists()


def test_a_wrong_encoding_is_named_by_offset_and_line(lake: Lake) -> None:
    with pytest.raises(WrongEncodingError, match="byte 0xE9 at offset 11, line 3") as caught:
        lake.text(b"a,b\n1,2\ncaf\xe9,3\n")
    assert "--encoding latin-1" in str(caught.value.hint)
    assert lake.is_untouched()


def test_a_wrong_encoding_far_into_a_file_is_named_by_offset_and_line(lake: Lake) -> None:
    content = b"a,b\n" + b"xxxx,1\n" * 100_000 + b"caf\xe9,2\n" + b"y,3\n"
    with pytest.raises(WrongEncodingError, match="byte 0xE9 at offset 700,007, line 100,002"):
        lake.text(content)


def test_an_unknown_encoding_and_an_undeclared_one_are_refused(lake: Lake) -> None:
    with pytest.raises(WrongEncodingError, match="no encoding 'klingon'"):
        lake.text("a\n1\n", encoding="klingon")
    with pytest.raises(WrongEncodingError, match="looks like UTF-16"):
        lake.text("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\n1\n".encode("utf-16-le"))
    with pytest.raises(WrongEncodingError, match="not SHIFT_JIS"):
        lake.text(b"a\n" + b"x\n" * 200_000 + b"\xff\xff\n", encoding="shift_jis")


@pytest.mark.parametrize("content", ["", "  \n \n"])
def test_an_empty_file_is_refused(lake: Lake, content: str) -> None:
    with pytest.raises(EmptySourceError):
        lake.text(content)


def test_a_header_alone_makes_an_empty_table(lake: Lake) -> None:
    report = lake.text("a,b\n")
    assert (report.record_count, report.file_count) == (0, 0)
    assert list(lake.types()) == ["a", "b"]


def test_missing_files_get_the_nearest_name(lake: Lake) -> None:
    lake.file("a\n1\n", "wells.csv")
    with pytest.raises(SourceNotFoundError) as caught:
        lake.load(lake.root / "in" / "well.csv")
    assert "wells.csv" in str(caught.value.hint)
    with pytest.raises(SourceNotFoundError, match="no file matches"):
        lake.load(lake.root / "in" / "*.tsv")
    (lake.root / "in" / "empty").mkdir()
    with pytest.raises(SourceNotFoundError, match="holds no file"):
        lake.load(lake.root / "in" / "empty")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so be somebody else for a while."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(own)


@pytest.mark.parametrize("what", ["closed", "closed/a.csv", "a.csv"])
def test_what_may_not_be_read_is_named(what: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "closed").mkdir()
        for path in (root / "closed" / "a.csv", root / "a.csv"):
            path.write_text("a\n1\n")
            path.chmod(0)
        root.chmod(0o755)
        (root / "closed").chmod(0)
        with as_nobody(), pytest.raises(FileAccessError, match="Permission denied"):
            find_sources([str(root / what)], None)


def test_what_is_no_parquet_is_named(lake: Lake) -> None:
    with pytest.raises(SourceFormatError, match="not a parquet file"):
        lake.load(lake.file("a,b\n1,2\n", "a.parquet"))
    pq.write_table(pa.table({"a": list(range(1000))}), lake.root / "in" / "b.parquet")
    whole = (lake.root / "in" / "b.parquet").read_bytes()
    with pytest.raises(CorruptFileError, match=r"c\.parquet cannot be read as Parquet"):
        lake.load(lake.file(whole[: len(whole) // 2], "c.parquet"))
    with pytest.raises(CorruptFileError, match=r"d\.parquet cannot be read as Parquet"):
        lake.load(lake.file(b"PAR1" + b"\0" * 100 + whole[104:], "d.parquet"))
    assert lake.is_untouched()


def test_broken_json_is_named_by_line(lake: Lake) -> None:
    path = lake.file('{"a": 1}\n\n{"a": \n{"a": 3}\n[1]\n', "a.jsonl")
    with pytest.raises(BrokenRowsError, match=r"a\.jsonl, line 3: no JSON"):
        lake.load(path)
    report = lake.load(path, on_error=OnError.SKIP)
    assert lake.rows() == [(1,), (3,)]
    assert report.skipped_count == 2


def test_a_truncated_archive_is_named(lake: Lake) -> None:
    packed = gzip.compress(os.urandom(300_000).hex().encode())
    with pytest.raises(SqlError):
        lake.load(lake.file(packed[: len(packed) // 2], "a.csv.gz"))
    assert lake.is_untouched()


def test_a_broken_workbook_is_named(lake: Lake) -> None:
    pytest.importorskip("openpyxl")
    with pytest.raises(SourceFormatError, match="cannot be read as a workbook"):
        lake.load(lake.file(b"PK\x03\x04rubbish", "a.xlsx"))
    with pytest.raises(SourceFormatError, match="not a xlsx file"):
        lake.load(lake.file("a,b\n", "a.xlsx"))


def test_several_formats_at_once_are_refused(lake: Lake) -> None:
    with pytest.raises(SourceFormatError, match="several formats: csv, json"):
        lake.load(lake.file("a\n1\n"), lake.file("{}", "a.json"))


def test_mixed_line_ends_are_refused_and_said(lake: Lake) -> None:
    with pytest.raises(SqlError) as caught:
        lake.text(b'a,b\r\n1,2\r\n3,4\n5,"6"\n')
    assert "line ends" in str(caught.value.hint)
    assert lake.is_untouched()


CELLS = st.sampled_from(["1", "", "x", '"q"', '"a\nb"', '"a\r\nb"', '"a,b"', '"a""b"'])


@given(
    st.lists(
        st.tuples(*[st.sampled_from(["1", "", "x", '"q"', '"a\nb"', '"a\r\nb"', '"a,b"', '"a""b"'])] * 2), min_size=1
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_rows_are_those_that_the_csv_module_reads(cells: list[tuple[str, str]], newline: str, ended: bool) -> None:
    text = newline.join(["a,b", *map(",".join, cells)]) + newline * ended
    expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row][1:]
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        lake.text(text)
        got = [["" if cell is None else str(cell) for cell in row] for row in lake.rows()]
    assert sorted(got) == sorted(expected)


# What a process may die of


SCRIPT = """
    import sys
    from pathlib import Path
    from catalog.identifiers import TableName
    from catalog.lake import open_catalog
    from catalog.errors import SqlError
    from gateway.engines.duckdb.ingest import DuckDBIngest
    from gateway.loading import LoadMode, LoadRequest, load
    from gateway.settings import DuckDBSettings

    root = Path(sys.argv[1])
    catalog = open_catalog("lake", database=root / "catalog.sqlite", warehouse=root / "warehouse",
                           cache=root / "cache", properties={})
    engine = DuckDBIngest(DuckDBSettings(memory_limit_bytes=500_000_000, threads=2), root / "tmp")
    request = LoadRequest((str(root / "in" / "big.csv"),), TableName("lake", "default", "t"), LoadMode.APPEND)
"""


def run(lake: Lake, script: str) -> "subprocess.Popen[str]":
    text = textwrap.dedent(SCRIPT) + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", text, str(lake.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.fixture
def big(lake: Lake) -> Lake:
    lake.text("a,b\n0,x\n")
    lake.file("a,b\n" + "".join(f"{number},{number * 7919 % 1000003}\n" for number in range(1_000_000)), "big.csv")
    return lake


def test_a_killed_load_leaves_the_table_as_it_was(big: Lake) -> None:
    script = """
    def tell(progress):
        if progress.stage == "committing":
            print("written", flush=True)
            sys.stdin.read()
    load(request, catalog, engine, tell)
    """
    text = textwrap.dedent(SCRIPT) + textwrap.dedent(script)
    with subprocess.Popen(
        [sys.executable, "-c", text, str(big.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert big.rows() == [(0, "x")]
    staged = set((big.root / "warehouse").rglob("*.parquet"))
    assert len(staged) > 1
    big.catalog.clean_debris(older_than_seconds=0)
    assert len(set((big.root / "warehouse").rglob("*.parquet"))) == 1
    assert big.rows() == [(0, "x")]


def test_a_full_disk_leaves_the_table_as_it_was(big: Lake) -> None:
    # A limit on the size of a file is the full disk that every user may have.
    script = """
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        load(request, catalog, engine)
    except SqlError as error:
        print(error.code, error.kind.value)
    """
    process = run(big, script)
    out, err = process.communicate()
    assert (out, process.returncode) == ("DISK_FULL RESOURCE\n", 0), err
    assert big.rows() == [(0, "x")]
    assert len(list((big.root / "warehouse").rglob("*.parquet"))) == 1
