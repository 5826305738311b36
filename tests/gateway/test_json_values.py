import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.json_values import json_text, unique_names

NESTED = pa.struct(
    {
        "n": pa.int64(),
        "texts": pa.list_(pa.string()),
        "deep": pa.map_(pa.string(), pa.list_(pa.struct({"x": pa.bool_(), "y": pa.string()}))),
    }
)
RECORDS = st.none() | st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-(2**63), 2**63 - 1),
        "texts": st.none() | st.lists(st.none() | st.text(), max_size=3),
        "deep": st.none()
        | st.dictionaries(
            st.text(max_size=3),
            st.none()
            | st.lists(st.fixed_dictionaries({"x": st.none() | st.booleans(), "y": st.text(max_size=3)}), max_size=2),
            max_size=2,
        ),
    }
)


@given(st.lists(RECORDS, max_size=6), st.integers(0, 3), st.integers(0, 6))
def test_nested_values_are_what_json_reads(records: list[Any], start: int, length: int) -> None:
    array = pa.array(
        [record and record | {"deep": record["deep"] and list(record["deep"].items())} for record in records], NESTED
    )
    shown = json_text(array.slice(start, length)).to_pylist()
    assert [json.loads(one) for one in shown] == records[start : start + length]


@pytest.mark.parametrize("make", [pa.list_, pa.large_list, lambda type_: pa.list_(type_, 2)])
def test_every_kind_of_list(make: Any) -> None:
    array = pa.array([[1, 2], None, [3, None]], make(pa.int8()))
    assert json_text(array).to_pylist() == ["[1,2]", "null", "[3,null]"]
    assert json_text(array[1:]).to_pylist() == ["null", "[3,null]"]


def test_what_null_lists_cover_is_not_shown() -> None:
    values = pa.array(["hidden", "b"])
    array = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), values, mask=pa.array([True, False]))
    assert json_text(array).to_pylist() == ["null", '["b"]']


def test_numbers_are_exact() -> None:
    assert json_text(pa.array([2**63 - 1])).to_pylist() == ["9223372036854775807"]
    decimals = pa.array([Decimal("0.00000001"), Decimal("12345678901234567890.12345678")], pa.decimal128(38, 8))
    assert json_text(decimals).to_pylist() == ["0.00000001", "12345678901234567890.12345678"]
    assert json_text(decimals, exact_text=True).to_pylist() == ['"0.00000001"', '"12345678901234567890.12345678"']
    assert json_text(pa.array([[2**53 + 1]]), exact_text=True).to_pylist() == ['["9007199254740993"]']
    assert json_text(pa.array([1], pa.int32()), exact_text=True).to_pylist() == ["1"]


def test_fields_of_one_name_are_told_apart() -> None:
    array = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert json_text(array).to_pylist() == ['{"a":1,"a_1":2}']


@given(st.lists(st.sampled_from(["a", "A", "a_1", "a_2", "b", "_1", ""]), max_size=8), st.booleans())
def test_unique_names_are_unique_and_first_ones_kept(names: list[str], folded: bool) -> None:
    unique = unique_names(names, folded=folded)
    key = str.casefold if folded else str
    assert len({key(name) for name in unique}) == len(names)
    for position, name in enumerate(names):
        if key(name) not in {key(earlier) for earlier in names[:position]}:
            assert unique[position] == name


def test_repeated_names_are_numbered() -> None:
    assert unique_names(["a", "a", "a_1", "a"]) == ["a", "a_2", "a_1", "a_3"]
