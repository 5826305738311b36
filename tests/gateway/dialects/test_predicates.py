import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from catalog.predicates import (
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
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ
from gateway.dialects import reader
from gateway.dialects.predicates import Subject, convert

_TYPES = {
    "i": pa.int32(),
    "tiny": pa.int8(),
    "n": pa.decimal128(6, 2),
    "f": pa.float64(),
    "s": pa.string(),
    "d": pa.date32(),
    "ts": TIMESTAMP,
    "ntz": TIMESTAMP_NTZ,
    "ok": pa.bool_(),
}


def _lookup(node: exp.Expr) -> Subject | None:
    if not isinstance(node, exp.Column) or node.name not in _TYPES:
        return None
    return Subject(node.name, _TYPES[node.name])


def _convert(condition: str, zone: str = "UTC") -> Predicate | None:
    tree = reader.parse_tree(f"select 1 where {condition}", "spark")
    return convert(tree.args["where"].this, _lookup, zone)


_DAY = datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    ("condition", "predicate"),
    [
        ("d >= '2020-01-01'", Comparison("d", Operator.GE, _DAY)),
        ("date '2020-01-01' < d", Comparison("d", Operator.GT, _DAY)),
        ("d = cast('2020-01-01' as date)", Comparison("d", Operator.EQ, _DAY)),
        ("d < date '2020-01-31' + interval '1' month", Comparison("d", Operator.LT, datetime.date(2020, 2, 29))),
        ("d > add_months(date '2020-01-31', 1) - 1", Comparison("d", Operator.GT, datetime.date(2020, 2, 28))),
        ("d = '2020-1-1'", None),
        (
            "year(d) = 2020",
            And((Comparison("d", Operator.GE, _DAY), Comparison("d", Operator.LT, datetime.date(2021, 1, 1)))),
        ),
        ("i > 1.5", Comparison("i", Operator.GT, 1)),
        ("i <= 1.5", Comparison("i", Operator.LE, 1)),
        ("i < 1.5", Comparison("i", Operator.LT, 2)),
        ("i = 1.5", None),
        ("i = '5'", Comparison("i", Operator.EQ, 5)),
        ("tiny < 1000", IsNotNull("tiny")),
        ("tiny = 1000", Or(())),
        ("n >= 1.005", Comparison("n", Operator.GE, Decimal("1.01"))),
        ("n = 1", Comparison("n", Operator.EQ, Decimal("1.00"))),
        ("n = 1e0", None),
        ("f > 1", Comparison("f", Operator.GT, 1.0)),
        ("s = 1", None),
        ("s like 'ab%'", StartsWith("s", "ab")),
        ("s like 'a_c'", StartsWith("s", "a")),
        ("s like 'abc'", Comparison("s", Operator.EQ, "abc")),
        ("s not like 'ab%'", None),
        ("s in ('a', null, 'b')", In("s", ("a", "b"))),
        ("s in ('a', upper('b'))", None),
        ("ok", Comparison("ok", Operator.EQ, True)),
        ("not ok", Comparison("ok", Operator.EQ, False)),
        ("not (i > 1 or s is null)", And((Comparison("i", Operator.LE, 1), IsNotNull("s")))),
        ("not (i > 1 and rand() > 2)", None),
        ("i not between 1 and 3", Or((Comparison("i", Operator.LT, 1), Comparison("i", Operator.GT, 3)))),
        ("i <=> null", IsNull("i")),
        ("i is distinct from 3", Or((Comparison("i", Operator.NE, 3), IsNull("i")))),
        (
            "ts > '2020-01-01 00:00:00'",
            Comparison("ts", Operator.GT, datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)),
        ),
        ("ts > '2020'", None),
        ("ntz > '2020-01-01 00:00:00Z'", None),
        ("ntz >= date '2020-01-01'", Comparison("ntz", Operator.GE, datetime.datetime(2020, 1, 1))),
        ("coalesce(i, 1) = 1", None),
        ("i + 1 = 2", None),
    ],
)
def test_conditions_as_filters(condition: str, predicate: Predicate | None) -> None:
    assert _convert(condition) == predicate


def test_a_text_is_an_instant_in_the_sessions_zone() -> None:
    noon = datetime.datetime(2020, 7, 1, 10, tzinfo=datetime.UTC)
    assert _convert("ts = '2020-07-01 12:00:00'", "Europe/Berlin") == Comparison("ts", Operator.EQ, noon)


def _accepts(predicate: Predicate, row: dict[str, Any]) -> bool:
    match predicate:
        case And(terms):
            return all(_accepts(term, row) for term in terms)
        case Or(terms):
            return any(_accepts(term, row) for term in terms)
        case IsNull(column):
            return row[column] is None
        case IsNotNull(column):
            return row[column] is not None
        case In(column, literals):
            return row[column] in literals
        case StartsWith(column, prefix):
            return row[column] is not None and row[column].startswith(prefix)
        case Comparison(column, operator, literal):
            return row[column] is not None and _COMPARE[operator](_order(row[column]), _order(literal))


def _order(value: Any) -> Any:
    """NaN above everything, as in Spark."""
    return (math.isnan(value), 0.0 if math.isnan(value) else value) if isinstance(value, float) else value


_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: lambda a, b: a == b,
    Operator.NE: lambda a, b: a != b,
    Operator.LT: lambda a, b: a < b,
    Operator.LE: lambda a, b: a <= b,
    Operator.GT: lambda a, b: a > b,
    Operator.GE: lambda a, b: a >= b,
}
_ROWS = [
    {"i": i, "n": n, "f": f, "s": s, "d": d}
    for i, n, f, s, d in zip(
        [None, -3, 0, 1, 2, 5, 2**31 - 1, 1],
        [
            None,
            Decimal("-1.00"),
            Decimal("0.00"),
            Decimal("1.00"),
            Decimal("1.01"),
            Decimal("2.50"),
            Decimal("9999.99"),
            None,
        ],
        [None, -0.0, 0.0, 1.5, math.nan, math.inf, -math.inf, 2.0],
        [None, "", "a", "ab", "abc", "b", "é", "%"],
        [
            None,
            *(datetime.date(2019, 12, 31) + datetime.timedelta(days=each) for each in (0, 1, 2, 31, 366, 367)),
            None,
        ],
        strict=True,
    )
]
_LITERALS = {
    "i": ["0", "1", "2", "1.5", "-3", "2147483647", "3000000000"],
    "n": ["0", "1", "1.005", "1.01", "2.5", "10000", "-1"],
    "f": ["0e0", "1.5e0", "-0e0", "2"],
    "s": ["''", "'a'", "'ab'", "'b'", "'é'"],
    "d": ["DATE '2020-01-01'", "'2020-01-01'", "DATE '2019-12-31' + INTERVAL 1 MONTH", "DATE '2021-01-01' - 1"],
}


@st.composite
def _conditions(draw: st.DrawFn, depth: int = 3) -> str:
    kind = draw(st.integers(0, 8 if depth else 5))
    if kind == 6:
        return f"NOT ({draw(_conditions(depth - 1))})"
    if kind > 6:
        word = draw(st.sampled_from(["AND", "OR"]))
        return f"({draw(_conditions(depth - 1))}) {word} ({draw(_conditions(depth - 1))})"
    column = draw(st.sampled_from(sorted(_LITERALS)))
    literal = st.sampled_from(_LITERALS[column])
    if kind == 0:
        return f"{column} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    if kind == 1:
        return f"{column} {draw(st.sampled_from(['', 'NOT ']))}BETWEEN {draw(literal)} AND {draw(literal)}"
    if kind == 2:
        return f"{column} {draw(st.sampled_from(['', 'NOT ']))}IN ({draw(literal)}, {draw(literal)}, NULL)"
    if kind == 3:
        pattern = draw(st.sampled_from(["a%", "ab%c", "%", "a_", "ab", ""]))
        return f"s {draw(st.sampled_from(['', 'NOT ']))}LIKE '{pattern}'"
    operator = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]))
    left, right = (column, draw(literal)) if kind == 4 else (draw(literal), column)
    return f"{left} {operator} {right}"


@settings(max_examples=300, deadline=None)
@given(_conditions())
def test_a_filter_never_rejects_a_row_that_the_condition_accepts(condition: str) -> None:
    predicate = _convert(condition)
    if predicate is None:
        return
    with duckdb.connect() as connection:
        schema = pa.schema([(name, _TYPES[name]) for name in _LITERALS])
        connection.register("rows", pa.Table.from_pylist([{**row} for row in _ROWS], schema))
        numbered = "(select row_number() over () - 1 as number, * from rows)"
        kept = connection.sql(f"select number from {numbered} where {condition}").fetchall()
    for (number,) in kept:
        assert _accepts(predicate, _ROWS[number]), condition
