"""Expressions of a qualified tree, each to its DuckDB text, reference type and Spark name.

One walk, leaves first. What has no handler is not portable; so has every part of a node that a handler does not know.
"""

# ruff: noqa: ARG001  handlers share one signature

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from sqlglot import exp

from gateway.bound import BindingContext
from gateway.dialects.portability import arithmetic, casts
from gateway.dialects.portability.java import double_text
from gateway.dialects.portability.typed import (
    AGGREGATE,
    COLUMN,
    DIVIDES,
    NO_NAME,
    NULLS,
    RAISES,
    READS,
    UNKNOWN,
    NotPortableError,
    Typed,
    flags_of,
    hides_an_error,
)
from gateway.dialects.portability.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DAY_TIME,
    DOUBLE,
    FLOAT,
    FRACTIONAL,
    INT,
    INTEGRAL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    VOID,
    YEAR_MONTH,
    Type,
    array,
    as_decimal,
    common,
    decimal,
    duckdb_name,
    is_decimal,
    is_exact,
    is_numeric,
    literal_decimal,
    map_of,
    quote,
    spark_name,
    struct,
    text,
    wider_decimal,
)


@dataclass(frozen=True, slots=True)
class Output:
    """One column that a relation gives."""

    name: str
    type: Type


@dataclass
class Scope:
    """The relations a query's expressions may read, and those of the queries around it."""

    relations: dict[str, Mapping[str, Output]] = field(default_factory=dict)
    """Folded alias → folded column name → column."""
    outer: "Scope | None" = None
    aliases: dict[str, Typed] = field(default_factory=dict)
    """Folded alias → projection, for ORDER BY, HAVING and QUALIFY."""
    keys: dict[str, Typed] = field(default_factory=dict)
    """Text of a grouping expression → what it becomes."""
    grouped: bool = False
    windows: Mapping[str, exp.Window] = field(default_factory=dict)
    in_aggregate: bool = False
    in_predicate: bool = False
    """WHERE or ON, where comparisons must stay bare for pruning and joins."""
    certain: bool = False
    """There is one row whatever the data, so an error of a constant is the answer."""
    lambdas: tuple[Mapping[str, Typed], ...] = ()


@dataclass
class Facts:
    """What the walk learns of the whole statement."""

    order_dependent: bool = False
    outer_reads: int = 0
    """Columns of outer queries read so far; Spark names a correlated subquery after them."""


class Expressions:
    """Translates expressions within one scope. ``query`` translates a subquery within it."""

    def __init__(
        self,
        scope: Scope,
        context: BindingContext,
        facts: Facts,
        query: Callable[[exp.Expr, Scope], tuple[str, list[Output]]],
    ) -> None:
        self.scope = scope
        self.context: BindingContext = context
        self.facts = facts
        self.query = query
        self.utc = context.time_zone in ("UTC", "Etc/UTC", "Z", "GMT", "+00:00")

    def __call__(self, node: exp.Expr) -> Typed:
        """Return the expression translated.

        Raises: NotPortableError naming the first construct outside the portable set.
        """
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise NotPortableError(_label(node), "not in the portable set", node)
        known = _PARTS.get(type(node), _BINARY)
        for key, part in node.args.items():
            if part and key not in known:
                raise NotPortableError(f"{_label(node)} with {key}", "not in the portable set", node)
        result = handler(self, node)
        keys = self.scope.keys
        if keys and not self.scope.in_aggregate and result.sql in keys:
            grouped = keys[result.sql]
            return Typed(grouped.sql, result.type, result.name, UNKNOWN, READS, result.bare_column)
        return result

    def all(self, nodes: Any) -> list[Typed]:
        return [self(node) for node in nodes]

    def cast(self, value: Typed, to: Type, node: exp.Expr | None = None, *, safe: bool = False) -> Typed:
        try:
            made = casts.cast(value, to, self.utc, safe=safe, certain=self.scope.certain)
        except NotPortableError as error:
            raise NotPortableError(error.construct, error.reason, error.node or node) from None
        if made.flags & DIVIDES and not made.flags & READS and not self.scope.certain:
            raise NotPortableError(f"CAST of a constant AS {to}", "DuckDB fails before it knows of a row", node)
        return made

    def boolean(self, node: exp.Expr) -> Typed:
        value = self(node)
        if value.type == BOOLEAN or value.type == VOID:
            return self.cast(value, BOOLEAN)
        raise NotPortableError(value.name or "condition", f"a condition of type {value.type}", node)

    def together(self, values: list[Typed], node: exp.Expr) -> list[Typed]:
        """Return the values cast to the type they meet in."""
        type_ = values[0].type
        for value in values[1:]:
            found = common(type_, value.type)
            if found is None:
                raise NotPortableError(f"{type_} and {value.type} together", "types that do not meet", node)
            type_ = found
        return [self.cast(value, type_, node) for value in values]

    def comparable(self, left: Typed, right: Typed, node: exp.Expr) -> tuple[Typed, Typed]:
        """Return two operands of a comparison in one type, floats safe from footer statistics."""
        exact = left.type != right.type and is_exact(left.type) and is_exact(right.type)
        if exact and (is_decimal(left.type) or is_decimal(right.type)):
            both = wider_decimal(arithmetic.exact_type(left), arithmetic.exact_type(right))
            return self.cast(left, both, node), self.cast(right, both, node)
        left, right = self.together([left, right], node)
        if left.type.kind in ("map", "struct", "array"):
            raise NotPortableError(f"comparison of {left.type}", "nested values compare differently", node)
        return self.cured(left), self.cured(right)

    def guarded(self, left: Typed, right: Typed, sql: str) -> str:
        """Return an operation that does not try its right side where the left one is NULL, as Spark does not.

        Left out for long texts, which would double at each level.
        """
        if right.flags & RAISES and not left.constant and len(left.sql) <= _GUARDED_CHARACTERS:
            return f"(CASE WHEN {left.sql} IS NULL THEN NULL ELSE {sql} END)"
        return sql

    def cured(self, value: Typed) -> Typed:
        """Return a float column as an expression that DuckDB cannot prune by footer statistics, which leave out NaN."""
        if value.bare_column and value.type in FRACTIONAL:
            return Typed(f"({value.sql} + {_zero(value.type)})", value.type, value.name, UNKNOWN, value.flags)
        return value


_GUARDED_CHARACTERS = 600


def _zero(type_: Type) -> str:
    return "0e0" if type_ == DOUBLE else "CAST(0 AS FLOAT)"


def normal_float(value: Typed) -> Typed:
    """Return a grouping value with -0.0 made 0.0, as Spark's NormalizeFloatingNumbers does."""
    if value.type in FRACTIONAL:
        return Typed(f"({value.sql} + {_zero(value.type)})", value.type, value.name, UNKNOWN, value.flags)
    return value


def _label(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return f"{node.name.lower()}()"
    return type(node).__name__


def only(node: exp.Expr, *known: str) -> None:
    """Refuse a node that carries parts its handler does not know."""
    for key, part in node.args.items():
        if part and key not in known:
            raise NotPortableError(f"{_label(node)} with {key}", "not in the portable set", node)


# Leaves.


def _literal(walk: Expressions, node: exp.Expr) -> Typed:
    if node.args.get("is_string"):
        return Typed(text(node.this), STRING, node.this, node.this)
    return _number(node.this, node)


def _number(written: str, node: exp.Expr) -> Typed:
    if written.lstrip("-").isdigit():
        value = int(written)
        if -(2**31) <= value < 2**31:
            return Typed(_signed(str(value)), INT, str(value), value)
        if -(2**63) <= value < 2**63:
            return Typed(f"CAST({value} AS BIGINT)", BIGINT, str(value), value)
        return _decimal(str(value), node)
    if "e" in written.lower():
        number = float(written)
        return Typed(f"CAST({number!r} AS DOUBLE)", DOUBLE, double_text(number), number)
    return _decimal(written, node)


def _signed(sql: str) -> str:
    return f"({sql})" if sql.startswith("-") else sql


def _decimal(written: str, node: exp.Expr) -> Typed:
    type_ = literal_decimal(written)
    if type_.precision > 38:
        raise NotPortableError(written, "a number of more than 38 digits", node)
    value = Decimal(written)
    return Typed(f"CAST({value:f} AS {duckdb_name(type_)})", type_, f"{value:f}", value)


_SUFFIXES = {"L": BIGINT, "S": SMALLINT, "Y": TINYINT}


def _suffixed(walk: Expressions, node: exp.Expr, written: str) -> Typed:
    """Return ``1L``, ``2.5BD``, ``1e0D``, ``1F``."""
    upper = written.upper()
    negative = isinstance(node.this, exp.Neg)
    sign = "-" if negative else ""
    if upper.endswith("BD"):
        value = Decimal(sign + written[:-2])
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or exponent > 0:
            raise NotPortableError(written, "a decimal literal with an exponent", node)
        return _decimal(f"{value:f}", node)
    digits = sign + written[:-1]
    if upper[-1] in _SUFFIXES:
        type_ = _SUFFIXES[upper[-1]]
        return Typed(f"CAST({digits} AS {duckdb_name(type_)})", type_, str(int(digits)), int(digits))
    if upper[-1] == "D":
        number = float(digits)
        return Typed(f"CAST({number!r} AS DOUBLE)", DOUBLE, double_text(number), number)
    raise NotPortableError(written, "not in the portable set", node)


def _null(walk: Expressions, node: exp.Expr) -> Typed:
    return Typed("NULL", VOID, "NULL", None, NULLS)


def _boolean_literal(walk: Expressions, node: exp.Expr) -> Typed:
    value = bool(node.this)
    return Typed(str(value).lower(), BOOLEAN, str(value).lower(), value)


def _hex(walk: Expressions, node: exp.Expr) -> Typed:
    digits = str(node.this)
    if len(digits) % 2:
        digits = "0" + digits
    return Typed(f"unhex('{digits}')", BINARY, f"X'{digits.upper()}'", bytes.fromhex(digits))


def _column(walk: Expressions, node: exp.Expr) -> Typed:
    assert isinstance(node, exp.Column)
    name, table = node.name, node.table
    if not table:
        return _unqualified(walk, node, name)
    scope: Scope | None = walk.scope
    flags = COLUMN | READS
    while scope is not None:
        relation = scope.relations.get(table.lower())
        if relation is not None:
            found = relation.get(name.lower())
            if found is None:
                break
            if scope is not walk.scope:
                walk.facts.outer_reads += 1
            return Typed(f"{quote(table)}.{quote(found.name)}", found.type, name, UNKNOWN, flags, True)
        scope, flags = scope.outer, READS
    raise NotPortableError(f"{table}.{name}", "its type is not known", node)


def _unqualified(walk: Expressions, node: exp.Expr, name: str) -> Typed:
    for variables in walk.scope.lambdas:
        if name.lower() in variables:
            return variables[name.lower()]
    found = walk.scope.aliases.get(name.lower())
    if found is None:
        raise NotPortableError(name, "its type is not known", node)
    return found.named(name)


def _variable(walk: Expressions, node: exp.Expr) -> Typed:
    for variables in walk.scope.lambdas:
        found = variables.get(node.name.lower())
        if found is not None:
            return found
    raise NotPortableError(node.name, "an unknown variable", node)


def _paren(walk: Expressions, node: exp.Expr) -> Typed:
    return walk(node.this)


# Numbers.


def _arithmetic(symbol: str) -> Callable[[Expressions, exp.Expr], Typed]:
    def handle(walk: Expressions, node: exp.Expr) -> Typed:
        left, right = walk(node.this), walk(node.expression)
        if symbol in "+-":
            from gateway.dialects.portability.datetimes import plus

            dated = plus(walk, symbol, left, right, node)
            if dated is not None:
                return dated
        return number_operation(walk, symbol, left, right, node)

    return handle


def _too_early(walk: Expressions, left: Typed, right: Typed) -> bool:
    """Return whether DuckDB may divide by zero before it knows that there is no row to divide for."""
    return not (left.flags | right.flags) & READS and not arithmetic.nonzero(right) and not walk.scope.certain


def number_operation(walk: Expressions, symbol: str, left: Typed, right: Typed, node: exp.Expr) -> Typed:
    """Return ``left symbol right`` for numbers and for text read as numbers."""
    name = f"({left.name} {symbol} {right.name})"
    if hides_an_error((left, right)):
        raise NotPortableError(symbol, "a constant NULL beside what may fail", node)
    if VOID in (left.type, right.type):
        other = right.type if left.type == VOID else left.type
        other = DOUBLE if other == VOID or (symbol == "/" and left.type == VOID) else other
        left, right = (walk.cast(side, other, node) if is_numeric(side.type) else side for side in (left, right))
        left, right = walk.cast(left, other), walk.cast(right, other)
    if STRING in (left.type, right.type):
        met = common(left.type, right.type)
        if left.type == right.type:
            met = DOUBLE
        if met is None or not is_numeric(met):
            raise NotPortableError(name, f"{left.type} {symbol} {right.type}", node)
        left, right = (walk.cast(side, met, node) if side.type == STRING else side for side in (left, right))
    if symbol in "/%" and _too_early(walk, left, right):
        raise NotPortableError(name, "DuckDB would fail before it knows whether there is a row", node)
    if not is_numeric(left.type) or not is_numeric(right.type):
        raise NotPortableError(name, f"{left.type} {symbol} {right.type}", node)
    if is_exact(left.type) and is_exact(right.type) and (is_decimal(left.type) or is_decimal(right.type)):
        made = arithmetic.decimal_operation(symbol, left, right, node)
        return replace(made, name=name, sql=made.sql if symbol in "/%" else walk.guarded(left, right, made.sql))
    met = common(left.type, right.type)
    if symbol == "/" or (met == DOUBLE):
        met = DOUBLE
    assert met is not None
    left, right = walk.cast(left, met, node), walk.cast(right, met, node)
    made = arithmetic.plain_operation(symbol, left, right, met)
    if symbol in "/%":
        return made.named(name)  # Spark tries the divisor first
    return replace(made, name=name, sql=walk.guarded(left, right, made.sql))


def _integer_division(walk: Expressions, node: exp.Expr) -> Typed:
    left, right = walk(node.this), walk(node.expression)
    if left.type not in INTEGRAL or right.type not in INTEGRAL:
        raise NotPortableError(f"{left.type} div {right.type}", "only integers are divided so", node)
    if _too_early(walk, left, right):
        raise NotPortableError("div", "DuckDB would fail before it knows whether there is a row", node)
    sides = [walk.cast(side, BIGINT) for side in (left, right)]
    sql = f"({sides[0].sql} // {sides[1].sql})"
    return Typed(sql, BIGINT, f"({left.name} div {right.name})", UNKNOWN, flags_of(sides) | RAISES | DIVIDES)


def _negative(walk: Expressions, node: exp.Expr) -> Typed:
    inner = node.this
    if isinstance(inner, exp.Literal) and not inner.is_string:
        return _number("-" + inner.this, node)
    if isinstance(inner, exp.Cast) and "literal" in inner.meta:
        return _suffixed(walk, inner, "-" + inner.meta["literal"])
    value = walk(inner)
    if not is_numeric(value.type):
        raise NotPortableError(f"-{value.type}", "only numbers are negated", node)
    return Typed(f"(- {value.sql})", value.type, f"(- {value.name})", UNKNOWN, value.flags | RAISES)


def _bits(symbol: str, duck: Callable[[str, str], str]) -> Callable[[Expressions, exp.Expr], Typed]:
    def handle(walk: Expressions, node: exp.Expr) -> Typed:
        left, right = walk(node.this), walk(node.expression)
        name = f"({left.name} {symbol} {right.name})"
        if left.type not in INTEGRAL or right.type not in INTEGRAL:
            raise NotPortableError(name, f"{left.type} {symbol} {right.type}", node)
        left, right = walk.together([left, right], node)
        sql = walk.guarded(left, right, duck(left.sql, right.sql))
        return Typed(sql, left.type, name, UNKNOWN, flags_of((left, right)))

    return handle


def _shift(symbol: str, function: str) -> Callable[[Expressions, exp.Expr], Typed]:
    def handle(walk: Expressions, node: exp.Expr) -> Typed:
        call = exp.Anonymous(this=function, expressions=[node.this, node.expression])
        value = _call(walk, call)
        left, right = walk(node.this), walk(node.expression)
        return value.named(f"({left.name} {symbol} {right.name})")

    return handle


def _bit_not(walk: Expressions, node: exp.Expr) -> Typed:
    value = walk(node.this)
    if value.type not in INTEGRAL:
        raise NotPortableError(f"~{value.type}", "only integers", node)
    return Typed(f"(~ {value.sql})", value.type, f"~{value.name}", UNKNOWN, value.flags)


# Conditions.


_ROUNDED_UP = {">": False, ">=": True, "<": True, "<=": False}
"""Whether a decimal literal on the right of an integer is rounded up; on the left it is the other way about."""


def _whole_name(symbol: str, value: Typed, other: Typed, on_left: bool) -> str | None:
    """Return the name of one side; Spark compares an integer to a decimal literal as to a whole number."""
    if not isinstance(value.value, Decimal) or other.type not in INTEGRAL or not is_decimal(value.type):
        return value.name
    up = _ROUNDED_UP[symbol] != on_left
    whole = int(value.value.to_integral_value(ROUND_CEILING if up else ROUND_FLOOR))
    return str(whole) if -(2**63) <= whole < 2**63 else NO_NAME


def _comparison(symbol: str) -> Callable[[Expressions, exp.Expr], Typed]:
    def handle(walk: Expressions, node: exp.Expr) -> Typed:
        left, right = walk(node.this), walk(node.expression)
        name = f"({left.name} {symbol} {right.name})"
        if symbol in _ROUNDED_UP:
            name = f"({_whole_name(symbol, left, right, True)} {symbol} {_whole_name(symbol, right, left, False)})"
        if isinstance(node, exp.NEQ):
            name = f"(NOT ({left.name} = {right.name}))"
        a, b = walk.comparable(left, right, node)
        if hides_an_error((a, b)):
            raise NotPortableError(symbol, "a constant NULL beside what may fail", node)
        sql = f"({a.sql} {symbol} {b.sql})"
        sql = sql if walk.scope.in_predicate else walk.guarded(a, b, sql)  # joins are made of bare comparisons
        return Typed(sql, BOOLEAN, name, UNKNOWN, flags_of((a, b)))

    return handle


def _null_safe(walk: Expressions, node: exp.Expr) -> Typed:
    left, right = walk(node.this), walk(node.expression)
    a, b = walk.comparable(left, right, node)
    sql = f"({a.sql} IS NOT DISTINCT FROM {b.sql})"
    return Typed(sql, BOOLEAN, f"({left.name} <=> {right.name})", UNKNOWN, flags_of((a, b)))


def _distinct_from(walk: Expressions, node: exp.Expr) -> Typed:
    value = _null_safe(walk, node)
    return Typed(f"(NOT {value.sql})", BOOLEAN, f"(NOT {value.name})", UNKNOWN, value.flags)


def _connector(symbol: str) -> Callable[[Expressions, exp.Expr], Typed]:
    def handle(walk: Expressions, node: exp.Expr) -> Typed:
        left, right = walk.boolean(node.this), walk.boolean(node.expression)
        flags = flags_of((left, right))
        name = f"({left.name} {symbol} {right.name})"
        if right.flags & RAISES and right.flags & DIVIDES:
            # Spark skips the right side when the left one decides; DuckDB may evaluate both.
            decided, other = ("false", "true") if symbol == "AND" else ("true", "false")
            sql = (
                f"(CASE {left.sql} WHEN {decided} THEN {decided} WHEN {other} THEN {right.sql}"
                f" ELSE (NULL {symbol} {right.sql}) END)"
            )
            return Typed(sql, BOOLEAN, name, UNKNOWN, flags)
        return Typed(f"({left.sql} {symbol} {right.sql})", BOOLEAN, name, UNKNOWN, flags)

    return handle


def _not(walk: Expressions, node: exp.Expr) -> Typed:
    inner = node.this
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null) and "prefix" not in node.meta:
        return _is_null(walk, walk(inner.this), negated=True)
    value = walk.boolean(inner)
    return Typed(f"(NOT {value.sql})", BOOLEAN, f"(NOT {value.name})", UNKNOWN, value.flags)


def _is(walk: Expressions, node: exp.Expr) -> Typed:
    what = node.expression
    if isinstance(what, exp.Null):
        return _is_null(walk, walk(node.this), negated=False)
    if isinstance(what, exp.Boolean):
        value = walk.boolean(node.this)
        word = "true" if what.this else "false"
        return Typed(f"({value.sql} IS {word.upper()})", BOOLEAN, f"({value.name} <=> {word})", UNKNOWN, value.flags)
    raise NotPortableError("IS", "only IS NULL, IS TRUE and IS FALSE", node)


def _is_null(walk: Expressions, value: Typed, *, negated: bool) -> Typed:
    word = "IS NOT NULL" if negated else "IS NULL"
    return Typed(f"({value.sql} {word})", BOOLEAN, f"({value.name} {word})", UNKNOWN, value.flags)


def _between(walk: Expressions, node: exp.Expr) -> Typed:
    only(node, "this", "low", "high")
    value, low, high = walk(node.this), walk(node.args["low"]), walk(node.args["high"])
    a, b = walk.comparable(value, low, node)
    c, d = walk.comparable(value, high, node)
    sql = f"({a.sql} BETWEEN {b.sql} AND {d.sql})" if a.sql == c.sql else f"({a.sql} >= {b.sql} AND {c.sql} <= {d.sql})"
    return Typed(sql, BOOLEAN, f"between({value.name}, {low.name}, {high.name})", UNKNOWN, flags_of((a, b, c, d)))


def _in(walk: Expressions, node: exp.Expr) -> Typed:
    only(node, "this", "expressions", "query")
    value = walk(node.this)
    query = node.args.get("query")
    if query is not None:
        return _in_query(walk, value, query, node)
    listed = walk.all(node.expressions)
    name = f"({value.name} IN ({', '.join(str(item.name) for item in listed)}))"
    if all(is_exact(item.type) for item in (value, *listed)):
        met: Type = arithmetic.exact_type(value) if is_decimal(value.type) else value.type
        for item in listed:
            if is_decimal(item.type) or is_decimal(met):
                met = wider_decimal(as_decimal(met), arithmetic.exact_type(item))
            else:
                met = common(met, item.type) or met
        sides = [walk.cast(item, met, node) for item in (value, *listed)]
    else:
        sides = walk.together([value, *listed], node)
    if sides[0].type.kind in ("array", "map", "struct"):
        raise NotPortableError(f"IN over {sides[0].type}", "nested values compare differently", node)
    sides = [walk.cured(side) for side in sides]
    sql = f"({sides[0].sql} IN ({', '.join(side.sql for side in sides[1:])}))"
    return Typed(sql, BOOLEAN, name, UNKNOWN, flags_of(sides))


def _in_query(walk: Expressions, value: Typed, query: exp.Expr, node: exp.Expr) -> Typed:
    sql, outputs = walk.query(query.this if isinstance(query, exp.Subquery) else query, walk.scope)
    if len(outputs) != 1:
        raise NotPortableError("IN with several columns", "not in the portable set", node)
    inner = Typed('"hg_in"."hg_v"', outputs[0].type, "", UNKNOWN, 0, True)
    a, b = walk.comparable(value, inner, node)
    if b.sql != inner.sql:
        sql = f'SELECT {b.sql} FROM ({sql}) AS "hg_in"("hg_v")'
    name = None
    return Typed(f"({a.sql} IN ({sql}))", BOOLEAN, name, UNKNOWN, a.flags | (b.flags & (RAISES | DIVIDES)))


def _exists(walk: Expressions, node: exp.Expr) -> Typed:
    before = walk.facts.outer_reads
    sql, _ = walk.query(node.this, walk.scope)
    name = "exists()" if walk.facts.outer_reads == before else None
    return Typed(f"(EXISTS ({sql}))", BOOLEAN, name, UNKNOWN, READS)


def _subquery(walk: Expressions, node: exp.Expr) -> Typed:
    only(node, "this", "alias")
    before = walk.facts.outer_reads
    sql, outputs = walk.query(node.this, walk.scope)
    if len(outputs) != 1:
        raise NotPortableError("scalar subquery", "gives several columns", node)
    name = "scalarsubquery()" if walk.facts.outer_reads == before else None
    return Typed(f"({sql})", outputs[0].type, name, UNKNOWN, RAISES | READS)


def _condition(walk: Expressions, node: exp.Expr) -> Typed:
    if isinstance(node, exp.Null):
        raise NotPortableError("CASE WHEN NULL", "an error in Spark", node)
    return walk.boolean(node)


def _case(walk: Expressions, node: exp.Expr) -> Typed:
    only(node, "this", "ifs", "default")
    operand = node.args.get("this")
    subject = walk(operand) if operand is not None else None
    conditions: list[Typed] = []
    for branch in node.args["ifs"]:
        if subject is None:
            conditions.append(_condition(walk, branch.this))
        else:
            against = walk(branch.this)
            a, b = walk.comparable(subject, against, node)
            name = f"({subject.name} = {against.name})"
            conditions.append(Typed(f"({a.sql} = {b.sql})", BOOLEAN, name, UNKNOWN, flags_of((a, b))))
    results = [walk(branch.args["true"]) for branch in node.args["ifs"]]
    default = node.args.get("default")
    last = walk(default) if default is not None else None
    cast = walk.together([*results, *([last] if last is not None else [])], node)
    pairs = list(zip(conditions, cast, strict=False))
    name = "CASE" + "".join(f" WHEN {c.name} THEN {r.name}" for c, r in zip(conditions, results, strict=True))
    name += f" ELSE {last.name} END" if last is not None else " END"
    sql = "(CASE" + "".join(f" WHEN {c.sql} THEN {r.sql}" for c, r in pairs)
    sql += f" ELSE {cast[-1].sql} END)" if last is not None else " END)"
    return Typed(sql, cast[0].type, name, UNKNOWN, flags_of((*conditions, *cast)) & ~NULLS)


def _if(walk: Expressions, node: exp.Expr) -> Typed:
    only(node, "this", "true", "false")
    if node.args.get("false") is None:
        raise NotPortableError("IF", "needs three arguments", node)
    condition, yes, no = _condition(walk, node.this), walk(node.args["true"]), walk(node.args["false"])
    a, b = walk.together([yes, no], node)
    sql = f"(CASE WHEN {condition.sql} THEN {a.sql} ELSE {b.sql} END)"
    return Typed(
        sql, a.type, f"(IF({condition.name}, {yes.name}, {no.name}))", UNKNOWN, flags_of((condition, a, b)) & ~NULLS
    )


# Casts.

_DTYPES: dict[exp.DType, Type] = {
    exp.DType.BOOLEAN: BOOLEAN,
    exp.DType.TINYINT: TINYINT,
    exp.DType.SMALLINT: SMALLINT,
    exp.DType.INT: INT,
    exp.DType.BIGINT: BIGINT,
    exp.DType.FLOAT: FLOAT,
    exp.DType.DOUBLE: DOUBLE,
    exp.DType.TEXT: STRING,
    exp.DType.BINARY: BINARY,
    exp.DType.DATE: DATE,
    exp.DType.TIMESTAMP: TIMESTAMP,
    exp.DType.TIMESTAMPTZ: TIMESTAMP,
    exp.DType.TIMESTAMPLTZ: TIMESTAMP,
    exp.DType.TIMESTAMPNTZ: TIMESTAMP_NTZ,
}


def written_type(node: exp.Expr) -> Type:
    """Return the type a DataType node names."""
    assert isinstance(node, exp.DataType)
    simple = _DTYPES.get(node.this)
    if simple is not None and not node.expressions:
        return simple
    if node.this == exp.DType.DECIMAL:
        numbers = [int(parameter.this.name) for parameter in node.expressions]
        return decimal(*numbers) if len(numbers) == 2 else decimal(numbers[0] if numbers else 10, 0)
    if node.this == exp.DType.ARRAY and node.args.get("nested"):
        return array(written_type(node.expressions[0]))
    if node.this == exp.DType.MAP and node.args.get("nested"):
        return map_of(*(written_type(part) for part in node.expressions))
    if node.this == exp.DType.STRUCT and all(isinstance(part, exp.ColumnDef) for part in node.expressions):
        parts = node.expressions
        return struct([part.name for part in parts], [written_type(part.args["kind"]) for part in parts])
    raise NotPortableError(f"type {node.sql('spark')}", "not in the portable set", node)


def _cast(walk: Expressions, node: exp.Expr) -> Typed:
    only(node, "this", "to")
    if "literal" in node.meta:
        return _suffixed(walk, node, node.meta["literal"])
    to = written_type(node.args["to"])
    if "typed_literal" in node.meta:
        return _typed_literal(walk, node, to)
    value = walk(node.this)
    name = f"CAST({value.name} AS {spark_name(to)})"
    return walk.cast(value, to, node).named(name)


def _typed_literal(walk: Expressions, node: exp.Expr, to: Type) -> Typed:
    sql = casts.datetime_literal(node.this.name, to)
    if sql is None or (to == TIMESTAMP and not walk.utc):
        raise NotPortableError(f"{to} '{node.this.name}'", "not one of the plain forms", node)
    shown = sql[sql.index("'") + 1 : -1]
    if to != DATE:
        shown = shown.removesuffix("+00")
        shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return Typed(sql, to, f"{spark_name(to)} '{shown}'", shown)


def _try_cast(walk: Expressions, node: exp.Expr) -> Typed:
    only(node, "this", "to", "safe")
    to = written_type(node.args["to"])
    value = walk(node.this)
    if value.flags & RAISES:
        # TRY would also hide an error of the operand.
        raise NotPortableError("try_cast", "its operand may fail by itself", node)
    return walk.cast(value, to, node, safe=True).named(f"TRY_CAST({value.name} AS {spark_name(to)})")


# Text.


def _like(walk: Expressions, node: exp.Expr) -> Typed:
    return _liked(walk, node, "\\")


def _escape(walk: Expressions, node: exp.Expr) -> Typed:
    if not isinstance(node.this, (exp.Like, exp.ILike)):
        raise NotPortableError("ESCAPE", "only after LIKE", node)
    return _liked(walk, node.this, node.expression.name)


def _liked(walk: Expressions, node: exp.Expr, escape: str) -> Typed:
    only(node, "this", "expression", "negate")
    insensitive = isinstance(node, exp.ILike)
    value = like(walk, walk(node.this), node.expression, node, insensitive=insensitive, escape=escape)
    if node.args.get("negate"):
        return Typed(f"(NOT {value.sql})", BOOLEAN, f"(NOT {value.name})", UNKNOWN, value.flags)
    return value


def like(
    walk: Expressions, value: Typed, pattern_node: exp.Expr, node: exp.Expr, *, insensitive: bool, escape: str = "\\"
) -> Typed:
    """Return LIKE with a constant pattern."""
    shown = "" if escape == "\\" else f" ESCAPE '{escape}'"
    if isinstance(pattern_node, (exp.Any, exp.All, exp.Tuple)):
        raise NotPortableError("LIKE ANY/ALL", "not in the portable set", node)
    pattern = walk(pattern_node)
    word = "ILIKE" if insensitive else "LIKE"
    if not isinstance(pattern.value, str) or len(escape) != 1:
        raise NotPortableError(f"{word} with a computed pattern", "a bad escape would be an error in Spark only", node)
    value = walk.cast(value, STRING, node)
    _check_escapes(pattern.value, escape, node)
    subject, written = value.sql, pattern.value
    if insensitive:
        if not written.isascii():
            raise NotPortableError("ILIKE with a non-ASCII pattern", "case rules differ", node)
        subject, written = f"lower({subject})", written.lower()
    suffix = f" ESCAPE {text(escape)}" if escape in written else ""
    name = f"{value.name} {word} {pattern.name}{shown}" if not insensitive else f"ilike({value.name}, {pattern.name})"
    return Typed(f"({subject} LIKE {text(written)}{suffix})", BOOLEAN, name, UNKNOWN, value.flags)


def _check_escapes(pattern: str, escape: str, node: exp.Expr) -> None:
    position = 0
    while position < len(pattern):
        if pattern[position] == escape:
            if pattern[position + 1 : position + 2] not in ("%", "_", escape):
                raise NotPortableError("LIKE", "the pattern has a bad escape", node)
            position += 1
        position += 1


def _dpipe(walk: Expressions, node: exp.Expr) -> Typed:
    left, right = walk(node.this), walk(node.expression)
    a, b = (walk.cast(side, STRING, node) for side in (left, right))
    if hides_an_error((a, b)):
        raise NotPortableError("||", "a constant NULL beside what may fail", node)
    return Typed(f"({a.sql} || {b.sql})", STRING, f"concat({left.name}, {right.name})", UNKNOWN, flags_of((a, b)))


def _call(walk: Expressions, node: exp.Expr) -> Typed:
    from gateway.dialects.portability.functions import call

    return call(walk, node)


def _special(walk: Expressions, node: exp.Expr) -> Typed:
    from gateway.dialects.portability.functions import special

    return special(walk, node)


_BINARY = frozenset(("this", "expression"))
_PARTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Literal: frozenset(("this", "is_string")),
    exp.Column: frozenset(("this", "table")),
    exp.Identifier: frozenset(("this", "quoted")),
    exp.Between: frozenset(("this", "low", "high")),
    exp.In: frozenset(("this", "expressions", "query")),
    exp.Subquery: frozenset(("this", "alias")),
    exp.Case: frozenset(("this", "ifs", "default")),
    exp.If: frozenset(("this", "true", "false")),
    exp.Cast: frozenset(("this", "to")),
    exp.TryCast: frozenset(("this", "to", "safe")),
    exp.Like: frozenset(("this", "expression", "negate")),
    exp.ILike: frozenset(("this", "expression", "negate")),
    exp.DPipe: frozenset(("this", "expression", "safe")),
    exp.Anonymous: frozenset(("this", "expressions")),
    exp.Window: frozenset(("this", "partition_by", "order", "spec", "over", "alias")),
    exp.Trim: frozenset(("this", "expression", "position")),
    exp.StrPosition: frozenset(("this", "substr")),
    exp.Interval: frozenset(("this", "unit")),
    exp.Bracket: frozenset(("this", "expressions")),
}
"""What a handler knows of its node; any other part that is set is refused."""
_HANDLERS: dict[type[exp.Expr], Callable[[Expressions, exp.Expr], Typed]] = {
    exp.Literal: _literal,
    exp.Null: _null,
    exp.Boolean: _boolean_literal,
    exp.HexString: _hex,
    exp.Column: _column,
    exp.Identifier: _variable,
    exp.Paren: _paren,
    exp.Add: _arithmetic("+"),
    exp.Sub: _arithmetic("-"),
    exp.Mul: _arithmetic("*"),
    exp.Div: _arithmetic("/"),
    exp.Mod: _arithmetic("%"),
    exp.IntDiv: _integer_division,
    exp.Neg: _negative,
    exp.BitwiseAnd: _bits("&", lambda a, b: f"({a} & {b})"),
    exp.BitwiseOr: _bits("|", lambda a, b: f"({a} | {b})"),
    exp.BitwiseXor: _bits("^", lambda a, b: f"xor({a}, {b})"),
    exp.BitwiseNot: _bit_not,
    exp.BitwiseLeftShift: _shift("<<", "shiftleft"),
    exp.BitwiseRightShift: _shift(">>", "shiftright"),
    exp.EQ: _comparison("="),
    exp.NEQ: _comparison("<>"),
    exp.LT: _comparison("<"),
    exp.LTE: _comparison("<="),
    exp.GT: _comparison(">"),
    exp.GTE: _comparison(">="),
    exp.NullSafeEQ: _null_safe,
    exp.NullSafeNEQ: _distinct_from,
    exp.And: _connector("AND"),
    exp.Or: _connector("OR"),
    exp.Not: _not,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Exists: _exists,
    exp.Subquery: _subquery,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.TryCast: _try_cast,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _escape,
    exp.DPipe: _dpipe,
    exp.Anonymous: _call,
    exp.Filter: _special,
    exp.Window: _special,
    exp.WithinGroup: _special,
    exp.IgnoreNulls: _special,
    exp.RespectNulls: _special,
    exp.Extract: _special,
    exp.Trim: _special,
    exp.StrPosition: _special,
    exp.RegexpLike: _special,
    exp.Interval: _special,
    exp.Bracket: _special,
    exp.Dot: _special,
}

__all__ = ["AGGREGATE", "DAY_TIME", "YEAR_MONTH", "Expressions", "Facts", "Output", "Scope", "normal_float"]
