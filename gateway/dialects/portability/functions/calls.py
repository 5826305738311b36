"""From a call in the tree to its row in the table: arguments, DISTINCT, FILTER, OVER."""

from typing import TYPE_CHECKING

from sqlglot import exp

from gateway.dialects.portability.functions.pinned import reason
from gateway.dialects.portability.functions.registry import AGGREGATE, TABLE, WINDOW, Call, Function, Row, find
from gateway.dialects.portability.typed import (
    AGGREGATE as AGGREGATE_FLAG,
)
from gateway.dialects.portability.typed import (
    COLUMN,
    DIVIDES,
    RAISES,
    READS,
    UNKNOWN,
    NotPortableError,
    Typed,
    flags_of,
    hides_an_error,
)
from gateway.dialects.portability.typed import (
    WINDOW as WINDOW_FLAG,
)
from gateway.dialects.portability.types import duckdb_name

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions


def call(walk: "Expressions", node: exp.Expr) -> Typed:
    """Return a plain call: a scalar function, or an aggregate over the group."""
    return _called(walk, node, None, None)


def special(walk: "Expressions", node: exp.Expr) -> Typed:
    """Return what stands around a call, or has a syntax of its own."""
    if isinstance(node, exp.Filter):
        return _called(walk, node.this, node.expression, None)
    if isinstance(node, exp.Window):
        inner = node.this
        where = None
        if isinstance(inner, exp.Filter):
            inner, where = inner.this, inner.expression
        if isinstance(inner, (exp.IgnoreNulls, exp.RespectNulls)):
            inner = _flagged(inner)
        return _called(walk, inner, where, node)
    from gateway.dialects.portability.functions.syntax import SYNTAX

    if isinstance(node, (exp.IgnoreNulls, exp.RespectNulls)):
        return _called(walk, _flagged(node), None, None)
    handler = SYNTAX.get(type(node))
    if handler is None:
        raise NotPortableError(type(node).__name__, "not in the portable set", node)
    return handler(walk, node)


def _flagged(node: exp.Expr) -> exp.Expr:
    """Return ``first(x) IGNORE NULLS`` as ``first(x, true)``, which is the same."""
    inner = node.this
    names = ("first", "last", "first_value", "last_value", "any_value")
    if not isinstance(inner, exp.Anonymous) or inner.name.lower() not in names or len(inner.expressions) != 1:
        raise NotPortableError("IGNORE NULLS", "not in the portable set", node)
    flag = exp.Boolean(this=isinstance(node, exp.IgnoreNulls))
    name = inner.name.lower()
    if isinstance(node, exp.IgnoreNulls):
        name = name.removesuffix("_value") if name != "any_value" else name
    return exp.Anonymous(this=name, expressions=[inner.expressions[0], flag])


def _function(node: exp.Expr) -> Function:
    if not isinstance(node, exp.Anonymous):
        raise NotPortableError(type(node).__name__, "not in the portable set", node)
    name = node.name.lower()
    function = TABLE.get(name)
    if function is None:
        raise NotPortableError(f"{name}()", reason(name), node)
    return function


def _called(walk: "Expressions", node: exp.Expr, where: exp.Expr | None, over: exp.Window | None) -> Typed:
    if node.args.get("expressions") and isinstance(node.expressions[0], exp.Var):
        return _with_unit(walk, node)
    function = _function(node)
    if function.kind == WINDOW and over is None:
        raise NotPortableError(f"{function.name}()", "needs OVER", node)
    if function.kind not in (AGGREGATE, WINDOW):
        if where is not None or over is not None:
            raise NotPortableError(f"{function.name}() with FILTER or OVER", "not an aggregate", node)
        return _scalar(walk, function, node)
    return _aggregated(walk, function, node, where, over)


def _with_unit(walk: "Expressions", node: exp.Expr) -> Typed:
    from gateway.dialects.portability.functions.dates import with_unit

    if len(node.expressions) != 3:
        raise NotPortableError(f"{node.name.lower()}()", "needs three arguments", node)
    return with_unit(walk, node.name.lower(), node)


def _named(function: Function, row: Row, arguments: list[Typed], distinct: str = "") -> str | None:
    if row.name is not None:
        return row.name(arguments)
    return f"{function.name}({distinct}{', '.join(str(argument.name) for argument in arguments)})"


def _scalar(walk: "Expressions", function: Function, node: exp.Expr) -> Typed:
    if any(isinstance(part, exp.Lambda) for part in node.expressions):
        return _lambda(walk, function, node)
    arguments = [walk(part.this if isinstance(part, exp.Alias) else part) for part in node.expressions]
    if any(isinstance(part, exp.Alias) for part in node.expressions):
        if function.name != "struct":
            raise NotPortableError(f"{function.name}()", "aliases among arguments", node)
        arguments = [
            a.named(f"{a.name} AS {p.alias}") if isinstance(p, exp.Alias) else a
            for a, p in zip(arguments, node.expressions, strict=True)
        ]
    row, fitted = find(function, arguments, walk, node)
    type_ = row.result(fitted) if callable(row.result) else row.result
    flags = flags_of(fitted) | (RAISES | DIVIDES if row.raises else 0)
    if function.name not in ("coalesce", "nvl", "ifnull", "nvl2", "if", "decode") and hides_an_error(fitted):
        raise NotPortableError(f"{function.name}()", "a constant NULL beside what may fail", node)
    made = _body(row, Call(fitted, type_, walk, node))
    if isinstance(made, Typed):
        extra = RAISES | DIVIDES if row.raises else 0
        return Typed(made.sql, made.type, _named(function, row, arguments), made.value, made.flags | extra)
    return Typed(made, type_, _named(function, row, arguments), UNKNOWN, flags)


def _lambda(walk: "Expressions", function: Function, node: exp.Expr) -> Typed:
    from gateway.dialects.portability.functions.nested import LAMBDAS

    source = walk(node.expressions[0])
    body = LAMBDAS.get(function.name)
    if (
        body is None
        or source.type.kind != "array"
        or isinstance(node.expressions[1], exp.Lambda) != (len(node.expressions) == 2)
    ):
        raise NotPortableError(f"{function.name}() with a lambda", "not in the portable set", node)
    return body(Call([source], source.type, walk, node))


def _body(row: Row, call_: Call) -> str | Typed:
    if callable(row.body):
        sql = row.body(call_)
        if isinstance(sql, Typed):
            return sql
    else:
        sql = row.body.format(*(a.sql for a in call_.arguments), d=call_.distinct, t=call_.tail)
    return f"CAST({sql} AS {duckdb_name(call_.type)})"


def _aggregated(
    walk: "Expressions", function: Function, node: exp.Expr, where: exp.Expr | None, over: exp.Window | None
) -> Typed:
    from gateway.dialects.portability.windows import Frame, frame

    nodes = list(node.expressions)
    distinct = ""
    if nodes and isinstance(nodes[0], exp.Distinct):
        nodes, distinct = list(nodes[0].expressions), "DISTINCT "
    outer = walk.scope.in_aggregate
    if over is None:
        walk.scope.in_aggregate = True
    try:
        if function.name == "count" and len(nodes) == 1 and isinstance(nodes[0], exp.Star):
            nodes = [exp.Literal.number(1)]
        arguments = walk.all(nodes)
        condition = walk.boolean(where.this) if where is not None else None
    finally:
        walk.scope.in_aggregate = outer
    inner = flags_of(arguments)
    if inner & WINDOW_FLAG or (over is None and inner & AGGREGATE_FLAG):
        raise NotPortableError(f"{function.name}()", "nested aggregates or windows", node)
    row, fitted = find(function, arguments, walk, node)
    if distinct and over is not None:
        raise NotPortableError(f"{function.name}(DISTINCT) OVER", "an error in Spark", node)
    if distinct and not row.distinct:
        raise NotPortableError(f"{function.name}(DISTINCT)", "not in the portable set", node)
    shift = next((a.value for a in fitted[1:2] if isinstance(a.value, int)), 1)
    window = frame(walk, over, function, shift) if over is not None else Frame("", "", 0)
    tail = (f" FILTER (WHERE {condition.sql})" if condition is not None else "") + window.sql
    type_ = row.result(fitted) if callable(row.result) else row.result
    made = _body(row, Call(fitted, type_, walk, node, distinct, tail))
    sql, type_ = (made.sql, made.type) if isinstance(made, Typed) else (made, type_)
    if row.order_dependent:
        walk.facts.order_dependent = True
    name = _named(function, row, arguments, distinct)
    if condition is not None and name is not None:
        name = f"{name} FILTER (WHERE {condition.name})"
    if over is not None:
        name = f"{name} OVER ({window.name})" if name is not None and window.name is not None else None
        flags = (inner & ~AGGREGATE_FLAG) | (inner & COLUMN) | window.flags | WINDOW_FLAG | READS
    else:
        flags = (inner & ~COLUMN) | AGGREGATE_FLAG | READS
    return Typed(sql, type_, name, UNKNOWN, flags | (RAISES | DIVIDES if row.raises else 0))
