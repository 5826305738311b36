import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import InvalidDefinitionError
from catalog.partitions import Transform, apply, apply_array, check_transform, hashed_bytes, murmur3, parse_transform
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ

MOMENT = datetime.datetime(2017, 11, 16, 22, 31, 8)


@pytest.mark.parametrize(
    ("value", "type_", "hashed"),
    [
        (34, pa.int32(), 2017239379),
        (34, pa.int64(), 2017239379),
        (Decimal("14.20"), pa.decimal128(9, 2), -500754589),
        (datetime.date(2017, 11, 16), pa.date32(), -653330422),
        (MOMENT, TIMESTAMP_NTZ, -2047944441),
        (MOMENT.replace(tzinfo=datetime.UTC), TIMESTAMP, -2047944441),
        ("iceberg", pa.string(), 1210000089),
        (b"\x00\x01\x02\x03", pa.binary(), -188683207),
    ],
)
def test_hashes_are_those_of_the_specification(value: Any, type_: pa.DataType, hashed: int) -> None:
    assert murmur3(hashed_bytes(value, type_)) == hashed % 2**32


@pytest.mark.parametrize(
    ("transform", "value", "type_", "expected"),
    [
        ("year", datetime.date(1969, 12, 31), pa.date32(), -1),
        ("month", datetime.date(1969, 12, 31), pa.date32(), -1),
        ("month", datetime.date(2017, 11, 16), pa.date32(), 574),
        ("day", datetime.datetime(1969, 12, 31, 23), TIMESTAMP_NTZ, -1),
        ("hour", datetime.datetime(1970, 1, 1, 1, 59), TIMESTAMP_NTZ, 1),
        ("truncate[10]", -1, pa.int32(), -10),
        ("truncate[50]", Decimal("10.65"), pa.decimal128(9, 2), Decimal("10.50")),
        ("truncate[3]", "\U0001f600ab\u00e9", pa.string(), "\U0001f600ab"),
        ("truncate[7]", -(2**31), pa.int32(), 2147483643),
        ("void", 1, pa.int32(), None),
    ],
)
def test_transforms_of_single_values(transform: str, value: Any, type_: pa.DataType, expected: Any) -> None:
    parsed = parse_transform(transform)
    assert parsed is not None
    assert apply(parsed, value, type_) == expected


@pytest.mark.parametrize("text", ["bucket", "bucket[0]", "identity[3]", "zorder", "truncate[-1]"])
def test_unknown_transforms(text: str) -> None:
    assert parse_transform(text) is None
    with pytest.raises(InvalidDefinitionError, match="transform"):
        check_transform(text, pa.int64(), "c")


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("year", pa.string()),
        ("hour", pa.date32()),
        ("bucket[2]", pa.float64()),
        ("truncate[2]", pa.date32()),
        ("identity", pa.list_(pa.int32())),
    ],
)
def test_a_transform_must_fit_its_column(text: str, type_: pa.DataType) -> None:
    with pytest.raises(InvalidDefinitionError, match="'c'"):
        check_transform(text, type_, "c")


COLUMNS: list[tuple[pa.DataType, st.SearchStrategy[Any], list[Transform]]] = [
    (pa.int32(), st.integers(-(2**31), 2**31 - 1), [Transform("truncate", 7), Transform("bucket", 5)]),
    (pa.string(), st.text(max_size=6), [Transform("truncate", 2), Transform("bucket", 5)]),
    (pa.date32(), st.dates(), [Transform("year"), Transform("month"), Transform("day"), Transform("bucket", 3)]),
    (TIMESTAMP_NTZ, st.datetimes(), [Transform("year"), Transform("month"), Transform("day"), Transform("hour")]),
    (
        TIMESTAMP,
        st.datetimes(timezones=st.just(datetime.UTC)),
        [Transform("year"), Transform("month"), Transform("day"), Transform("hour"), Transform("bucket", 4)],
    ),
    (pa.decimal128(9, 2), st.decimals(-100, 100, places=2), [Transform("truncate", 50), Transform("bucket", 4)]),
]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_column_is_transformed_as_its_values_are(data: st.DataObject) -> None:
    type_, strategy, transforms = data.draw(st.sampled_from(COLUMNS))
    values = data.draw(st.lists(st.none() | strategy, max_size=8))
    transform = data.draw(st.sampled_from(transforms))
    expected = [None if value is None else apply(transform, value, type_) for value in values]
    assert apply_array(transform, pa.array(values, type_)).to_pylist() == expected
