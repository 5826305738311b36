"""Pruning never loses a row, whatever the table, the partitioning and the predicate."""

import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import PredicateTypeError
from catalog.partitions import Transform, apply, result_type
from catalog.predicates import (
    ALWAYS,
    NEVER,
    And,
    Comparison,
    In,
    IsNotNull,
    IsNull,
    Operator,
    Or,
    Predicate,
    StartsWith,
)
from catalog.pruning import ColumnFacts, PartitionFacts, prune
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ

Meaning = Callable[[Predicate, dict[str, object]], bool]

DAYS = st.dates(datetime.date(1965, 1, 1), datetime.date(1975, 12, 31))
INSTANTS = st.datetimes(datetime.datetime(1968, 1, 1), datetime.datetime(1972, 12, 31))
VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "i": (pa.int32(), st.integers(-30, 30) | st.sampled_from([-(2**31), 2**31 - 1])),
    "l": (pa.int64(), st.integers(-30, 30) | st.sampled_from([-(2**63), 2**63 - 1])),
    "f": (pa.float64(), st.sampled_from([0.0, -0.0, 1.5, -1.5, math.nan, math.inf, -math.inf, 1e300])),
    "m": (pa.decimal128(6, 2), st.decimals(-9, 9, places=2)),
    "w": (pa.decimal128(38, 10), st.decimals(-(10**27), 10**27, places=10)),
    "s": (pa.string(), st.text("ab\u00e9\U0001f600", max_size=4)),
    "b": (pa.binary(), st.binary(max_size=3)),
    "o": (pa.bool_(), st.booleans()),
    "d": (pa.date32(), DAYS),
    "t": (TIMESTAMP, INSTANTS.map(lambda value: value.replace(tzinfo=datetime.UTC))),
    "n": (TIMESTAMP_NTZ, INSTANTS),
}
TRANSFORMS: dict[str, list[Transform]] = {
    "i": [Transform("identity"), Transform("bucket", 3), Transform("truncate", 7), Transform("void")],
    "l": [Transform("identity"), Transform("bucket", 4), Transform("truncate", 10)],
    "f": [Transform("identity")],
    "m": [Transform("identity"), Transform("bucket", 3), Transform("truncate", 150)],
    "w": [Transform("identity"), Transform("bucket", 3), Transform("truncate", 10**12)],
    "s": [Transform("identity"), Transform("bucket", 3), Transform("truncate", 2)],
    "b": [Transform("identity"), Transform("truncate", 1), Transform("bucket", 2)],
    "o": [Transform("identity")],
    "d": [Transform("identity"), Transform("year"), Transform("month"), Transform("day"), Transform("bucket", 3)],
    "t": [Transform("year"), Transform("month"), Transform("day"), Transform("hour"), Transform("bucket", 5)],
    "n": [Transform("year"), Transform("month"), Transform("day"), Transform("hour"), Transform("identity")],
}


def terms(column: str) -> st.SearchStrategy[Predicate]:
    literals = VALUES[column][1]
    kinds: list[st.SearchStrategy[Predicate]] = [
        st.builds(Comparison, st.just(column), st.sampled_from(Operator), literals),
        st.builds(In, st.just(column), st.lists(literals, min_size=1, max_size=3).map(tuple)),
        st.just(IsNull(column)),
        st.just(IsNotNull(column)),
    ]
    if column == "s":
        kinds.append(st.builds(StartsWith, st.just(column), literals))
    return st.one_of(kinds)


PREDICATES: st.SearchStrategy[Predicate] = st.recursive(
    st.sampled_from(sorted(VALUES)).flatmap(terms),
    lambda inner: (
        st.builds(And, st.lists(inner, max_size=3).map(tuple)) | st.builds(Or, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=4,
)


@st.composite
def file_values(draw: st.DrawFn, column: str) -> tuple[list[list[Any]], Transform | None]:
    """Draw the values of a column in a few files, split by a transform when one is drawn."""
    values = draw(st.lists(st.none() | VALUES[column][1], min_size=1, max_size=12))
    transform = draw(st.none() | st.sampled_from(TRANSFORMS[column]))
    if transform is None or transform.kind == "void":
        cut = draw(st.integers(0, len(values)))
        return [part for part in (values[:cut], values[cut:]) if part], transform
    groups: dict[Any, list[Any]] = {}
    for value in values:
        key = None if value is None else apply(transform, value, VALUES[column][0])
        groups.setdefault("nan" if isinstance(key, float) and math.isnan(key) else key, []).append(value)
    return list(groups.values()), transform


def facts(column: str, files: list[list[Any]], transform: Transform | None, known_nans: bool) -> ColumnFacts:
    type_ = VALUES[column][0]
    is_text = pa.types.is_string(type_)
    encode = (lambda value: None if value is None else value.encode()) if is_text else (lambda value: value)
    lower = [min((encode(v) for v in values if v is not None and v == v), default=None) for values in files]
    upper = [max((encode(v) for v in values if v is not None and v == v), default=None) for values in files]
    if is_text:
        lower, upper = ([None if v is None else v.decode() for v in side] for side in (lower, upper))
    partitions = []
    if transform is not None:
        results = [None if v[0] is None else apply(transform, v[0], type_) for v in files]
        array = pa.array(results, result_type(transform, type_))
        partitions.append(PartitionFacts(transform, array, np.ones(len(files), bool)))
    nans = [sum(1 for v in values if isinstance(v, float) and v != v) for values in files]
    return ColumnFacts(
        column,
        type_,
        pa.array(lower, type_),
        pa.array(upper, type_),
        pa.array([values.count(None) for values in files], pa.int64()),
        pa.array(nans if known_nans else [None] * len(files), pa.int64()),
        pa.array([len(values) for values in files], pa.int64()),
        tuple(partitions),
    )


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_pruning_never_loses_a_row(data: st.DataObject, meaning: Meaning) -> None:
    column = data.draw(st.sampled_from(sorted(VALUES)))
    files, transform = data.draw(file_values(column))
    predicate = data.draw(terms(column) | st.builds(Or, st.lists(terms(column), max_size=3).map(tuple)))
    known = facts(column, files, transform, data.draw(st.booleans()))
    kept = prune(predicate, len(files), lambda _: known)
    for values, keep in zip(files, kept, strict=True):
        wanted = [value for value in values if meaning(predicate, {column: value})]
        assert keep or not wanted, (predicate, transform, wanted)


@given(predicate=PREDICATES, count=st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_nothing_is_pruned_where_nothing_is_known(predicate: Predicate, count: int) -> None:
    def nothing(name: str) -> ColumnFacts:
        return ColumnFacts(name, VALUES[name][0])

    mask = prune(predicate, count, nothing)
    hopeless = prune(predicate, count, lambda _: None)
    assert mask.tolist() == hopeless.tolist()


def ints(lower: list[int | None], upper: list[int | None], nulls: list[int] | None = None) -> ColumnFacts:
    return ColumnFacts(
        "i",
        pa.int64(),
        pa.array(lower, pa.int64()),
        pa.array(upper, pa.int64()),
        None if nulls is None else pa.array(nulls, pa.int64()),
        None,
        pa.array([10] * len(lower), pa.int64()),
    )


@pytest.mark.parametrize(
    ("operator", "literal", "kept"),
    [
        (Operator.EQ, 5, [True, False, True]),
        (Operator.LT, 1, [False, False, True]),
        (Operator.LE, 1, [True, False, True]),
        (Operator.GT, 19, [False, True, True]),
        (Operator.GE, 20, [False, True, True]),
        (Operator.GT, 20, [False, False, True]),
        (Operator.EQ, Decimal("5.5"), [True, True, True]),
        (Operator.LT, 10**30, [True, True, True]),
    ],
)
def test_bounds_rule_files_out(operator: Operator, literal: Any, kept: list[bool]) -> None:
    known = ints([1, 11, None], [10, 20, None])
    assert prune(Comparison("i", operator, literal), 3, lambda _: known).tolist() == kept


def test_a_file_of_nulls_only_answers_is_null() -> None:
    known = ints([None, 1], [None, 2], [10, 0])
    assert prune(IsNull("i"), 2, lambda _: known).tolist() == [True, False]
    assert prune(IsNotNull("i"), 2, lambda _: known).tolist() == [False, True]
    assert prune(Comparison("i", Operator.NE, 7), 2, lambda _: known).tolist() == [False, True]


def test_float_bounds_prune_only_where_no_nan_is_known() -> None:
    known = ColumnFacts(
        "f",
        pa.float64(),
        pa.array([1.0, 1.0, 1.0]),
        pa.array([2.0, 2.0, 2.0]),
        nan_count=pa.array([0, 1, None], pa.int64()),
    )
    predicate = Comparison("f", Operator.GT, 100.0)
    assert prune(predicate, 3, lambda _: known).tolist() == [False, True, True]


def test_many_literals_are_pruned_by_their_hull() -> None:
    known = ints([1, 5000], [10, 6000])
    assert prune(In("i", tuple(range(2000))), 2, lambda _: known).tolist() == [True, False]


@pytest.mark.parametrize("predicate", [ALWAYS, NEVER])
def test_always_and_never(predicate: Predicate) -> None:
    assert prune(predicate, 2, lambda _: None).tolist() == [predicate == ALWAYS] * 2


@pytest.mark.parametrize(
    ("type_", "literal"),
    [
        (pa.int64(), "1"),
        (pa.int64(), True),
        (pa.string(), 1),
        (pa.date32(), datetime.datetime(2020, 1, 1)),
        (TIMESTAMP, datetime.datetime(2020, 1, 1)),
        (TIMESTAMP_NTZ, datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)),
        (pa.bool_(), 1),
    ],
)
def test_a_literal_of_another_type_is_an_error(type_: pa.DataType, literal: Any) -> None:
    with pytest.raises(PredicateTypeError, match="'c'"):
        prune(Comparison("c", Operator.EQ, literal), 1, lambda name: ColumnFacts(name, type_))


def test_old_writers_rounded_instants_before_1970_towards_zero() -> None:
    part = PartitionFacts(Transform("day"), pa.array([0, -1, -2], pa.int32()), np.ones(3, bool))
    known = ColumnFacts("t", TIMESTAMP_NTZ, partitions=(part,))
    instant = datetime.datetime(1969, 12, 31, 12)
    assert prune(Comparison("t", Operator.EQ, instant), 3, lambda _: known).tolist() == [True, True, False]
