"""What a condition says about one table, in the catalog's language of filters.

A filter must hold for every row that the condition accepts; it may hold for more. Literals are brought to the column's
own type by Spark's coercions; where that is not exact, or not certain, the condition says nothing.
"""

import datetime
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import pyarrow as pa
from sqlglot import exp

from catalog.predicates import (
    ALWAYS,
    NEVER,
    And,
    Comparison,
    In,
    IsNotNull,
    IsNull,
    Literal,
    Operator,
    Or,
    Predicate,
    StartsWith,
)
from gateway.dialects.constants import Constant, constant, parse_date, parse_local, parse_timestamp

_OPERATORS: Mapping[type, Operator] = {
    exp.EQ: Operator.EQ,
    exp.NEQ: Operator.NE,
    exp.LT: Operator.LT,
    exp.LTE: Operator.LE,
    exp.GT: Operator.GT,
    exp.GTE: Operator.GE,
}
_NEGATED = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.LT: Operator.GE,
    Operator.GE: Operator.LT,
    Operator.GT: Operator.LE,
    Operator.LE: Operator.GT,
}
_MIRRORED = {
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
    Operator.LT: Operator.GT,
    Operator.GT: Operator.LT,
    Operator.LE: Operator.GE,
    Operator.GE: Operator.LE,
}
_EXACT_DOUBLE = 2**53
_WIDE = Context(prec=130)


@dataclass(frozen=True, slots=True)
class Subject:
    """A column of the table in question."""

    name: str
    type: pa.DataType


Lookup = Callable[[exp.Expr], Subject | None]
"""Tells which column of the table a node is; None when it is none."""


def conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yield the terms that a condition joins with AND."""
    pending = [condition] if condition is not None else []
    while pending:
        node = pending.pop()
        if isinstance(node, exp.And):
            pending += [node.expression, node.this]
        elif isinstance(node, exp.Paren):
            pending.append(node.this)
        else:
            yield node


def convert(node: exp.Expr, lookup: Lookup, zone: str, negated: bool = False) -> Predicate | None:
    """Return a filter that holds wherever the condition (negated: its opposite) is true; None when none is known."""
    handler = _HANDLERS.get(type(node))
    return handler(node, lookup, zone, negated) if handler is not None else None


def _paren(node: exp.Paren, lookup: Lookup, zone: str, negated: bool) -> Predicate | None:
    return convert(node.this, lookup, zone, negated)


def _not(node: exp.Not, lookup: Lookup, zone: str, negated: bool) -> Predicate | None:
    return convert(node.this, lookup, zone, not negated)


def _connector(node: exp.Connector, lookup: Lookup, zone: str, negated: bool) -> Predicate | None:
    terms = [convert(each, lookup, zone, negated) for each in node.flatten()]
    known = [term for term in terms if term is not None]
    if isinstance(node, exp.And) != negated:
        return And(tuple(known)) if known else None
    return Or(tuple(known)) if len(known) == len(terms) else None


def _column(node: exp.Expr, lookup: Lookup, _: str, negated: bool) -> Predicate | None:
    subject = lookup(node)
    if subject is None or not pa.types.is_boolean(subject.type):
        return None
    return Comparison(subject.name, Operator.EQ, not negated)


def _comparison(node: exp.Binary, lookup: Lookup, zone: str, negated: bool) -> Predicate | None:
    operator = _OPERATORS[type(node)]
    if negated:
        operator = _NEGATED[operator]
    return _compare(node.this, operator, node.expression, lookup, zone)


def _compare(left: exp.Expr, operator: Operator, right: exp.Expr, lookup: Lookup, zone: str) -> Predicate | None:
    subject, other = lookup(_bare(left)), right
    if subject is None:
        subject, other, operator = lookup(_bare(right)), left, _MIRRORED[operator]
    if subject is None:
        return _compare_year(left, operator, right, lookup, zone)
    value = constant(other, zone)
    return None if value is None else bounded(subject, operator, value, zone)


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _compare_year(left: exp.Expr, operator: Operator, right: exp.Expr, lookup: Lookup, zone: str) -> Predicate | None:
    """Turn ``year(d) = 2020`` into a range of ``d``."""
    call, value = _bare(left), constant(right, zone)
    if not isinstance(call, exp.Anonymous) or call.name.lower() != "year" or len(call.expressions) != 1:
        return None
    subject = lookup(_bare(call.expressions[0]))
    if subject is None or not pa.types.is_date(subject.type) or type(value) is not int or not 1 <= value < 9999:
        return None
    first, following = datetime.date(value, 1, 1), datetime.date(value + 1, 1, 1)
    after = Comparison(subject.name, Operator.GE, first)
    before = Comparison(subject.name, Operator.LT, following)
    ranges: dict[Operator, Predicate] = {
        Operator.EQ: And((after, before)),
        Operator.GE: after,
        Operator.GT: Comparison(subject.name, Operator.GE, following),
        Operator.LE: before,
        Operator.LT: Comparison(subject.name, Operator.LT, first),
    }
    return ranges.get(operator)


def _between(node: exp.Between, lookup: Lookup, zone: str, negated: bool) -> Predicate | None:
    low = _compare(node.this, Operator.LT if negated else Operator.GE, node.args["low"], lookup, zone)
    high = _compare(node.this, Operator.GT if negated else Operator.LE, node.args["high"], lookup, zone)
    if negated:
        return Or((low, high)) if low is not None and high is not None else None
    known = tuple(each for each in (low, high) if each is not None)
    return And(known) if known else None


def _in(node: exp.In, lookup: Lookup, zone: str, negated: bool) -> Predicate | None:
    subject = lookup(_bare(node.this))
    if subject is None or node.args.get("query") is not None or not node.expressions or negated:
        return None
    values: list[Literal] = []
    for each in node.expressions:
        if isinstance(each, exp.Null):
            continue
        value = constant(each, zone)
        predicate = bounded(subject, Operator.EQ, value, zone) if value is not None else None
        if predicate == NEVER:
            continue
        if not isinstance(predicate, Comparison):
            return None
        values.append(predicate.literal)
    return In(subject.name, tuple(values))


def _like(node: exp.Like, lookup: Lookup, _: str, negated: bool) -> Predicate | None:
    subject = lookup(_bare(node.this))
    pattern = node.expression
    if subject is None or negated or node.args.get("negate") or not pa.types.is_string(subject.type):
        return None
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        return None
    text = str(pattern.this)
    prefix = text
    for special in "%_\\":
        prefix = prefix.partition(special)[0]
    if prefix == text:
        return Comparison(subject.name, Operator.EQ, text)
    return StartsWith(subject.name, prefix) if prefix else IsNotNull(subject.name)


def _is(node: exp.Is, lookup: Lookup, _: str, negated: bool) -> Predicate | None:
    subject = lookup(_bare(node.this))
    if subject is None or not isinstance(node.expression, exp.Null):
        return None
    return IsNotNull(subject.name) if negated else IsNull(subject.name)


def _null_safe(node: exp.Binary, lookup: Lookup, zone: str, negated: bool) -> Predicate | None:
    same = isinstance(node, exp.NullSafeEQ) != negated
    subject, other = lookup(_bare(node.this)), node.expression
    if subject is None:
        subject, other = lookup(_bare(node.expression)), node.this
    if subject is None:
        return None
    if isinstance(other, exp.Null):
        return IsNull(subject.name) if same else IsNotNull(subject.name)
    value = constant(other, zone)
    found = bounded(subject, Operator.EQ if same else Operator.NE, value, zone) if value is not None else None
    return found if same or found is None else Or((found, IsNull(subject.name)))


_HANDLERS: Mapping[type, Callable[..., Predicate | None]] = {
    exp.Paren: _paren,
    exp.Not: _not,
    exp.And: _connector,
    exp.Or: _connector,
    exp.Column: _column,
    **dict.fromkeys(_OPERATORS, _comparison),
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _like,
    exp.Is: _is,
    exp.NullSafeEQ: _null_safe,
    exp.NullSafeNEQ: _null_safe,
}


def bounded(subject: Subject, operator: Operator, value: Constant, zone: str) -> Predicate | None:
    """Return ``subject operator value`` with the value in the column's own type, None when that is not exact."""
    type_ = subject.type
    if pa.types.is_integer(type_):
        return _on_steps(subject, operator, _number(value), Decimal(1))
    if pa.types.is_decimal(type_):
        if isinstance(value, (float, str)):
            return None
        return _on_steps(subject, operator, _number(value), Decimal(1).scaleb(-type_.scale))
    exact = _exact(type_, value, zone)
    return None if exact is None else Comparison(subject.name, operator, exact)


def _number(value: Constant) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(value) if math.isfinite(value) and abs(value) < _EXACT_DOUBLE else None
    if isinstance(value, str) and value.lstrip("+-").isdecimal() and value.isascii():
        return Decimal(value)
    return None


def _on_steps(subject: Subject, operator: Operator, value: Decimal | None, step: Decimal) -> Predicate | None:
    """Move a bound between two values of an integer or decimal column to the nearest one that says the same."""
    if value is None or value.adjusted() > 60:
        return None
    on_step = _WIDE.remainder(value, step) == 0
    if operator in (Operator.EQ, Operator.NE) and not on_step:
        return None
    rounding = ROUND_FLOOR if operator in (Operator.GT, Operator.LE) else ROUND_CEILING
    nearest = value.quantize(step, rounding, _WIDE)
    lowest, highest = _range(subject.type)
    if not lowest <= nearest <= highest:
        return _out_of_range(subject, operator, above=nearest > highest)
    return Comparison(subject.name, operator, int(nearest) if pa.types.is_integer(subject.type) else nearest)


def _range(type_: pa.DataType) -> tuple[Decimal, Decimal]:
    if pa.types.is_integer(type_):
        half = Decimal(2) ** (type_.bit_width - 1)
        return -half, half - 1
    largest = _WIDE.subtract(Decimal(1).scaleb(type_.precision - type_.scale), Decimal(1).scaleb(-type_.scale))
    return -largest, largest


def _out_of_range(subject: Subject, operator: Operator, *, above: bool) -> Predicate:
    below_bound = operator in (Operator.LT, Operator.LE)
    holds = operator is Operator.NE or (operator is not Operator.EQ and below_bound == above)
    return IsNotNull(subject.name) if holds else NEVER


def _exact(type_: pa.DataType, value: Constant, zone: str) -> Literal | None:
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return value if isinstance(value, str) else None
    if pa.types.is_boolean(type_):
        return value if isinstance(value, bool) else None
    if pa.types.is_floating(type_):
        return _exact_float(type_, value)
    if pa.types.is_date(type_):
        return _exact_date(value)
    if pa.types.is_timestamp(type_):
        return _exact_instant(value, zone) if type_.tz is not None else _exact_local(value)
    return value if pa.types.is_binary(type_) and isinstance(value, bytes) else None


def _exact_float(type_: pa.DataType, value: Constant) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    number = float(value)
    if pa.types.is_float32(type_):
        try:
            narrowed = struct.unpack("f", struct.pack("f", number))[0]
        except OverflowError:
            return None
        return number if narrowed == number else None
    return number


def _exact_date(value: Constant) -> datetime.date | None:
    if isinstance(value, str):
        return parse_date(value)
    return value if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime) else None


def _exact_instant(value: Constant, zone: str) -> datetime.datetime | None:
    if isinstance(value, str):
        return parse_timestamp(value, zone)
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo is not None else None
    return parse_timestamp(value.isoformat(), zone) if isinstance(value, datetime.date) else None


def _exact_local(value: Constant) -> datetime.datetime | None:
    if isinstance(value, str):
        return parse_local(value)
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo is None else None
    return datetime.datetime.combine(value, datetime.time()) if isinstance(value, datetime.date) else None


def union(predicates: Sequence[Sequence[Predicate]]) -> Predicate:
    """Return what holds when the filters of one of several references hold."""
    if not predicates or any(not each for each in predicates):
        return ALWAYS
    terms = tuple(dict.fromkeys(each[0] if len(each) == 1 else And(tuple(each)) for each in predicates))
    return terms[0] if len(terms) == 1 else Or(terms)
