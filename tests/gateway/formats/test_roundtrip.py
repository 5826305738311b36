"""What is written is read back: each format's own reader restores every value."""

import csv
import datetime as dt
import io
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import formats
from gateway.formats import FormatOptions

MICROS = st.integers(-(2**55), 2**55)
TYPES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.bool_(): st.booleans(),
    pa.decimal128(38, 12): st.decimals(-(10**25), 10**25, places=12),
    pa.decimal128(9, 0): st.decimals(-(10**8), 10**8, places=0),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.string(): st.text(),
    pa.binary(): st.binary(),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(dt.UTC)),
}
FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    types = draw(st.lists(st.sampled_from(list(TYPES)), min_size=1, max_size=4))
    rows = draw(st.integers(0, 5))
    columns = [
        pa.array(draw(st.lists(st.none() | TYPES[type_], min_size=rows, max_size=rows)), type_) for type_ in types
    ]
    return pa.record_batch(columns, names=[f"c{number}" for number in range(len(types))])


def encoded(name: str, batch: pa.RecordBatch, options: FormatOptions | None = None) -> bytes:
    cut = batch.num_rows // 2
    parts = [batch.slice(0, cut), batch.slice(cut)]
    return b"".join(formats.named(name).encode(batch.schema, iter(parts), options or FormatOptions()))


def rows_of(batch: pa.RecordBatch) -> list[list[Any]]:
    columns = [column.to_pylist() for column in batch.columns]
    return [[column[row] for column in columns] for row in range(batch.num_rows)]


def restored(value: str | None, type_: pa.DataType) -> Any:
    """The value that the documented text form stands for."""
    if value is None:
        return None
    readers: list[tuple[Callable[[pa.DataType], bool], Callable[[str], Any]]] = [
        (pa.types.is_boolean, {"true": True, "false": False}.__getitem__),
        (pa.types.is_integer, int),
        (pa.types.is_floating, float),
        (pa.types.is_decimal, Decimal),
        (pa.types.is_binary, bytes.fromhex),
        (pa.types.is_date, dt.date.fromisoformat),
        (pa.types.is_timestamp, dt.datetime.fromisoformat),
    ]
    return next((read(value) for matches, read in readers if matches(type_)), value)


def same(left: Any, right: Any, type_: pa.DataType) -> bool:
    if type_ == pa.float32() and left is not None and right is not None:
        left, right = (pa.scalar(float(value), pa.float32()).as_py() for value in (left, right))
    if isinstance(left, float) and isinstance(right, float):
        return (math.isnan(left) and math.isnan(right)) or (
            left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return left == right and left.as_tuple().exponent == right.as_tuple().exponent
    return bool(left == right) and type(left) is type(right)


def check(batch: pa.RecordBatch, read: list[list[Any]]) -> None:
    assert len(read) == batch.num_rows
    for expected, actual in zip(rows_of(batch), read, strict=True):
        for left, right, field in zip(expected, actual, batch.schema, strict=True):
            assert same(left, right, field.type), (left, right, field.type)


@FAST
@given(batches())
def test_csv_restores_every_value(batch: pa.RecordBatch) -> None:
    read = pa.csv.read_csv(
        io.BytesIO(encoded("csv", batch)),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(batch.schema.names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    table = [
        [restored(row[name], batch.schema.field(name).type) for name in batch.schema.names] for row in read.to_pylist()
    ]
    check(batch, table)


@FAST
@given(batches())
def test_csv_is_what_python_reads_too(batch: pa.RecordBatch) -> None:
    text = encoded("csv", batch).decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    assert len(rows) == batch.num_rows
    assert all(len(row) == batch.num_columns or (batch.num_columns == 1 and not row) for row in rows)


@FAST
@given(batches())
def test_tsv_restores_every_value(batch: pa.RecordBatch) -> None:
    escapes = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}

    def field(text: str) -> str | None:
        return None if text == "\\N" else re.sub(r"\\.", lambda found: escapes[found[0]], text)

    lines = encoded("tsv", batch).decode().split("\n")[1:-1]
    read = [list(map(field, line.split("\t"))) for line in lines]
    check(batch, [list(map(restored, row, batch.schema.types)) for row in read])


def from_json(value: Any, type_: pa.DataType) -> Any:
    """Numbers arrive as the text they were; so do strings."""
    return value if value is None or isinstance(value, bool) else restored(str(value), type_)


@FAST
@given(batches(), st.booleans())
def test_json_and_ndjson_restore_every_value(batch: pa.RecordBatch, exact_text: bool) -> None:
    options = FormatOptions(exact_text=exact_text)
    whole = json.loads(encoded("json", batch, options), parse_int=str, parse_float=str)
    lines = encoded("ndjson", batch, options).decode().split("\n")[:-1]
    assert [json.loads(line, parse_int=str, parse_float=str) for line in lines] == whole
    assert all(list(row) == batch.schema.names for row in whole)
    check(batch, [list(map(from_json, row.values(), batch.schema.types)) for row in whole])


@FAST
@given(batches())
def test_arrow_restores_every_value(batch: pa.RecordBatch) -> None:
    read = pa.ipc.open_stream(encoded("arrow", batch)).read_all()
    assert read.schema.equals(batch.schema)
    check(batch, [list(row.values()) for row in read.to_pylist()])


@FAST
@given(batches())
def test_parquet_restores_every_value(batch: pa.RecordBatch) -> None:
    read = pq.read_table(io.BytesIO(encoded("parquet", batch)))
    assert read.schema.equals(batch.schema)
    check(batch, [list(row.values()) for row in read.to_pylist()])


def from_cell(cell: Any, type_: pa.DataType) -> Any:
    value = cell.value
    if isinstance(value, str):
        unescaped = re.sub(r"_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value)
        return restored(unescaped, type_)
    if isinstance(value, dt.datetime):
        return value.date() if pa.types.is_date(type_) else value.replace(tzinfo=dt.UTC if type_.tz else None)
    if pa.types.is_decimal(type_) and value is not None:
        return Decimal(repr(value)).quantize(Decimal(1).scaleb(-type_.scale))
    return float(value) if pa.types.is_floating(type_) and value is not None else value


@settings(FAST, max_examples=25)
@given(batches())
def test_xlsx_restores_every_value(batch: pa.RecordBatch) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(encoded("xlsx", batch))).active
    read = [list(map(from_cell, row, batch.schema.types)) for row in list(sheet.iter_rows())[1:]]
    signless = [[0.0 if isinstance(value, float) and value == 0 else value for value in row] for row in read]
    expected = [
        pa.array([0.0 if value == 0 else value for value in column.to_pylist()], column.type)
        if pa.types.is_floating(column.type)
        else column
        for column in batch.columns
    ]
    check(pa.record_batch(expected, schema=batch.schema), signless)


@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_null_is_not_the_empty_string(name: str) -> None:
    batch = pa.record_batch({"a": ["", None], "b": [1, 2], "c": pa.array([b"", None])})
    null, empty = {"csv": ("", '""'), "tsv": ("\\N", "")}[name]
    separator = {"csv": ",", "tsv": "\t"}[name]
    lines = encoded(name, batch).decode().splitlines()[1:]
    assert lines == [separator.join([empty, "1", empty]), separator.join([null, "2", null])]
