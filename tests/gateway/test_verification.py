"""Two answers are the same or the difference is named."""

import decimal

import pyarrow as pa
import pytest

from gateway.verification import compare, same


def test_bags_ignore_order() -> None:
    left, right = pa.table({"a": [1, 2, 2]}), pa.table({"a": [2, 1, 2]})

    assert compare(left, right, ordered=False) == ()


def test_order_matters_when_it_was_asked_for() -> None:
    found = compare(pa.table({"a": [1, 2]}), pa.table({"a": [2, 1]}), ordered=True)

    assert [difference.where for difference in found] == ["row 1, column a", "row 2, column a"]


def test_bags_count_duplicates() -> None:
    found = compare(pa.table({"a": [1, 1, 2]}), pa.table({"a": [1, 2, 2]}), ordered=False)

    assert [(difference.reference, difference.other) for difference in found] == [("a=1", "a=2")]


def test_types_and_names_are_compared_first() -> None:
    found = compare(
        pa.table({"a": pa.array([1], pa.int32())}), pa.table({"b": pa.array([1], pa.int64())}), ordered=True
    )

    assert [(difference.where, difference.reference, difference.other) for difference in found] == [
        ("column 1", "a int", "b bigint")
    ]


def test_a_missing_row_is_told() -> None:
    found = compare(pa.table({"a": [1, 2]}), pa.table({"a": [1]}), ordered=False)

    assert [(difference.reference, difference.other) for difference in found] == [
        ("2 rows", "1 rows"),
        ("a=2", "no such row"),
    ]


def test_doubles_agree_to_twelve_digits_in_bags_too() -> None:
    left = pa.table({"k": ["x", "y"], "a": [0.1 + 0.2, 1.0]})
    right = pa.table({"k": ["y", "x"], "a": [1.0, 0.3]})

    assert compare(left, right, ordered=False) == ()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (float("nan"), float("nan"), True),
        (float("nan"), 1.0, False),
        (0.0, -0.0, True),
        (1.0, 1.0 + 1e-9, False),
        (None, None, True),
        (None, 0, False),
        (True, 1, False),
        (decimal.Decimal("1.50"), decimal.Decimal("1.5"), True),
        ([1, None], [1, None], True),
        ([1, 2], [2, 1], False),
        ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)], True),
        ({"x": 1.0}, {"x": 1.0 + 1e-14}, True),
    ],
)
def test_values(left: object, right: object, expected: bool) -> None:
    assert same(left, right) is expected


def test_no_more_than_the_limit_is_reported() -> None:
    found = compare(pa.table({"a": list(range(50))}), pa.table({"a": list(range(50, 100))}), ordered=False, limit=3)

    assert len(found) == 3
