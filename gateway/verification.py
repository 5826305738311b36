"""Two answers to one query, compared: the first differences in schema, row and cell.

Floating-point sums depend on the order of their terms on any engine, so doubles are equal when they
agree to twelve digits; everything else is equal only when it is the same. Rows without an ORDER BY are
compared as bags.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.schema import type_name

RELATIVE_TOLERANCE = 1e-12
"""Twelve digits: what is left of a double's sixteen after sums of millions of terms in another order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement, in words."""

    where: str
    """``columns``, ``column 2``, ``row 17``, ``row 17, column total`` or ``rows``; rows count from 1."""
    reference: str
    """What the reference engine answered."""
    other: str
    """What the other engine answered."""


@dataclass(frozen=True, slots=True)
class Verification:
    """One query, answered by both engines."""

    compared: bool
    """False when only one engine may answer, so that there is nothing to compare."""
    differences: tuple[Difference, ...]
    note: str
    """In words: how many rows agree, or why nothing was compared, or why a difference may be rightful."""


def compare(reference: pa.Table, other: pa.Table, *, ordered: bool, limit: int = 10) -> tuple[Difference, ...]:
    """Return the first ``limit`` differences; empty when both are the same answer."""
    different = list(_schema_differences(reference.schema, other.schema))
    if different:
        return tuple(different[:limit])
    if reference.num_rows != other.num_rows:
        different.append(Difference("rows", f"{reference.num_rows:,} rows", f"{other.num_rows:,} rows"))
    left, right = _rows(reference), _rows(other)
    names = reference.schema.names
    found = _in_order(left, right, names) if ordered else _as_bags(left, right, names)
    for difference in found:
        if len(different) >= limit:
            break
        different.append(difference)
    return tuple(different)


def _schema_differences(reference: pa.Schema, other: pa.Schema) -> Iterator[Difference]:
    if len(reference) != len(other):
        yield Difference("columns", f"{len(reference)}: {_names(reference)}", f"{len(other)}: {_names(other)}")
        return
    for position, (left, right) in enumerate(zip(reference, other, strict=True), start=1):
        expected, actual = (f"{field.name} {type_name(field.type)}" for field in (left, right))
        if expected != actual:
            yield Difference(f"column {position}", expected, actual)


def _names(schema: pa.Schema) -> str:
    return ", ".join(schema.names)


def _rows(table: pa.Table) -> list[tuple[object, ...]]:
    if not table.num_columns:
        return [()] * table.num_rows
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _in_order(
    reference: Sequence[tuple[object, ...]], other: Sequence[tuple[object, ...]], names: Sequence[str]
) -> Iterator[Difference]:
    for number, (left, right) in enumerate(zip(reference, other, strict=False), start=1):
        for name, expected, actual in zip(names, left, right, strict=True):
            if not same(expected, actual):
                yield Difference(f"row {number}, column {name}", repr(expected), repr(actual))


def _as_bags(
    reference: Sequence[tuple[object, ...]], other: Sequence[tuple[object, ...]], names: Sequence[str]
) -> Iterator[Difference]:
    """Match equal rows first; what is left over is paired in sorted order and compared with tolerance."""
    left, right = Counter(map(_key, reference)), Counter(map(_key, other))
    only_reference = _left_over(reference, left - right)
    only_other = _left_over(other, right - left)
    for expected, actual in zip(only_reference, only_other, strict=False):
        if not all(map(same, expected, actual)):
            yield Difference("row", _show(names, expected), _show(names, actual))
    shorter = min(len(only_reference), len(only_other))
    for row in only_reference[shorter:]:
        yield Difference("row", _show(names, row), "no such row")
    for row in only_other[shorter:]:
        yield Difference("row", "no such row", _show(names, row))


def _left_over(rows: Sequence[tuple[object, ...]], wanted: Counter[str]) -> list[tuple[object, ...]]:
    remaining = Counter(wanted)
    kept = []
    for row in rows:
        key = _key(row)
        if remaining[key] > 0:
            remaining[key] -= 1
            kept.append(row)
    return sorted(kept, key=_sort_key)


def _key(row: tuple[object, ...]) -> str:
    return repr(tuple(map(_canonical, row)))


def _sort_key(row: tuple[object, ...]) -> str:
    return repr(tuple(f"{value:.6g}" if isinstance(value, float) else _canonical(value) for value in row))


def _canonical(value: object) -> object:
    """Return a value whose repr is equal for equal values: map entries in one order, zero without sign."""
    if isinstance(value, float):
        return 0.0 if value == 0 else value
    if isinstance(value, dict):
        return {name: _canonical(inner) for name, inner in value.items()}
    if isinstance(value, list):
        items = [_canonical(item) for item in value]
        is_map = bool(items) and all(isinstance(item, tuple) and len(item) == 2 for item in items)
        return sorted(items, key=repr) if is_map else items
    if isinstance(value, tuple):
        return tuple(map(_canonical, value))
    return value


def same(left: object, right: object) -> bool:
    """Return True when two values are one answer: doubles to twelve digits, NaN equal to itself."""
    if isinstance(left, float) and isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        left, right = _canonical(left), _canonical(right)
        assert isinstance(left, list | tuple)
        assert isinstance(right, list | tuple)
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _show(names: Sequence[str], row: tuple[object, ...]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in zip(names, row, strict=True))
