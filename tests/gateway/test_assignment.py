"""ANSI store assignment: what may be stored where without a cast."""

import pyarrow as pa
import pytest

from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column
from gateway.assignment import assignable, check
from gateway.errors import TypeMismatchError

MONEY = pa.decimal128(15, 2)


@pytest.mark.parametrize(
    ("value", "column", "expected"),
    [
        (pa.int32(), pa.int32(), True),
        (pa.int64(), pa.int32(), True),
        (pa.float64(), MONEY, True),
        (pa.null(), MONEY, True),
        (pa.string(), pa.int32(), False),
        (pa.string(), pa.date32(), False),
        (pa.int32(), pa.string(), True),
        (pa.bool_(), pa.string(), True),
        (pa.bool_(), pa.int32(), False),
        (pa.int32(), pa.bool_(), False),
        (pa.date32(), TIMESTAMP, True),
        (TIMESTAMP, TIMESTAMP_NTZ, True),
        (pa.int64(), TIMESTAMP, False),
        (TIMESTAMP, pa.int64(), False),
        (pa.list_(pa.int32()), pa.list_(pa.int64()), True),
        (pa.list_(pa.string()), pa.list_(pa.int64()), False),
        (pa.list_(pa.int32()), pa.string(), False),
        (pa.map_(pa.string(), pa.int32()), pa.map_(pa.string(), pa.int64()), True),
        (pa.struct([("a", pa.int32())]), pa.struct([("a", pa.int32()), ("b", pa.int32())]), False),
        (pa.binary(), pa.int32(), False),
    ],
)
def test_store_assignment(value: pa.DataType, column: pa.DataType, expected: bool) -> None:
    assert assignable(value, column) is expected


def test_every_wrong_column_is_named() -> None:
    values = [pa.field("x", pa.string()), pa.field("y", pa.int32()), pa.field("z", pa.string())]
    columns = [Column("id", pa.int64()), Column("n", pa.int32()), Column("day", pa.date32())]

    with pytest.raises(TypeMismatchError, match=r"id is bigint, the value is string; day is date, the value is string"):
        check(values, columns, "lake.default.t")
