"""Calls with a syntax of their own: EXTRACT, TRIM, POSITION, RLIKE, INTERVAL, brackets, fields, ordered sets."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from gateway.dialects.portability import datetimes
from gateway.dialects.portability.functions.registry import TABLE, Call, Function, find
from gateway.dialects.portability.typed import DIVIDES, RAISES, UNKNOWN, NotPortableError, Typed, flags_of
from gateway.dialects.portability.types import BIGINT, INT, INTEGRAL, STRING, duckdb_name, quote, text

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions

_FIELDS = {
    "YEAR": "year",
    "YEARS": "year",
    "Y": "year",
    "YR": "year",
    "YRS": "year",
    "MONTH": "month",
    "MONTHS": "month",
    "MON": "month",
    "MONS": "month",
    "DAY": "day",
    "DAYS": "day",
    "D": "day",
    "HOUR": "hour",
    "HOURS": "hour",
    "H": "hour",
    "HR": "hour",
    "HRS": "hour",
    "MINUTE": "minute",
    "MINUTES": "minute",
    "M": "minute",
    "MIN": "minute",
    "MINS": "minute",
    "QUARTER": "quarter",
    "QTR": "quarter",
    "WEEK": "weekofyear",
    "WEEKS": "weekofyear",
    "W": "weekofyear",
    "DAYOFWEEK": "dayofweek",
    "DOW": "dayofweek",
    "DOY": "dayofyear",
    "DAYOFWEEK_ISO": "hg_isodow",
    "DOW_ISO": "hg_isodow",
    "YEAROFWEEK": "hg_isoyear",
    "SECOND": "hg_second",
    "SECONDS": "hg_second",
    "S": "hg_second",
    "SEC": "hg_second",
    "SECS": "hg_second",
}
"""EXTRACT's fields → the function that answers (DatePart.parseExtractField)."""


def field_of(walk: "Expressions", field: str, value: Typed, node: exp.Expr) -> Typed:
    """Return one part of a date or instant."""
    name = _FIELDS.get(field.upper())
    function = TABLE.get(name) if name is not None else None
    if function is None or value.type.kind.startswith("interval"):
        raise NotPortableError(f"extract({field})", "not in the portable set", node)
    return called(walk, function, [value], node)


def called(walk: "Expressions", function: Function, arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    """Return a scalar function of the table over translated arguments."""
    row, fitted = find(function, arguments, walk, node)
    type_ = row.result(fitted) if callable(row.result) else row.result
    if callable(row.body):
        sql = row.body(Call(fitted, type_, walk, node))
        if isinstance(sql, Typed):
            return sql
    else:
        sql = row.body.format(*(argument.sql for argument in fitted))
    flags = flags_of(fitted) | (RAISES | DIVIDES if row.raises else 0)
    return Typed(f"CAST({sql} AS {duckdb_name(type_)})", type_, None, UNKNOWN, flags)


def _extract(walk: "Expressions", node: exp.Expr) -> Typed:
    value = walk(node.expression)
    field = node.this.name
    written = node.meta.get("field", field)
    return field_of(walk, field, value, node).named(f"extract({written} FROM {value.name})")


def _trim(walk: "Expressions", node: exp.Expr) -> Typed:
    side = node.args.get("position") or "BOTH"
    value = walk.cast(walk(node.this), STRING, node)
    name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[side]
    if node.args.get("expression") is None:
        shown = f"TRIM({side} FROM {value.name})"
        return Typed(f"{name}({value.sql}, ' ')", STRING, shown, UNKNOWN, value.flags)
    what = walk.cast(walk(node.expression), STRING, node)
    shown = f"TRIM({side} {what.name} FROM {value.name})"
    return Typed(f"{name}({value.sql}, {what.sql})", STRING, shown, UNKNOWN, flags_of((value, what)))


def _position(walk: "Expressions", node: exp.Expr) -> Typed:
    value, what = (walk.cast(walk(part), STRING, node) for part in (node.this, node.args["substr"]))
    sql = f"CAST(strpos({value.sql}, {what.sql}) AS INTEGER)"
    return Typed(sql, INT, f"locate({what.name}, {value.name}, 1)", UNKNOWN, flags_of((value, what)))


def _rlike(walk: "Expressions", node: exp.Expr) -> Typed:
    function = TABLE.get("regexp_like")
    if function is None:
        raise NotPortableError("RLIKE", "not in the portable set", node)
    value, pattern = walk(node.this), walk(node.expression)
    return called(walk, function, [value, pattern], node).named(f"RLIKE({value.name}, {pattern.name})")


def _bracket(walk: "Expressions", node: exp.Expr) -> Typed:
    if len(node.expressions) != 1:
        raise NotPortableError("[…]", "not in the portable set", node)
    value, key = walk(node.this), walk(node.expressions[0])
    name = f"{value.name}[{key.name}]"
    flags = flags_of((value, key)) | RAISES | DIVIDES
    if value.type.kind == "array" and key.type in INTEGRAL:
        index = walk.cast(key, BIGINT)
        sql = f"hg_item({value.sql}, {index.sql})"
        return Typed(sql, value.type.parts[0], name, UNKNOWN, flags)
    if value.type.kind == "map":
        return Typed(
            f"map_extract_value({value.sql}, {walk.cast(key, value.type.parts[0], node).sql})",
            value.type.parts[1],
            name,
            UNKNOWN,
            flags_of((value, key)),
        )
    raise NotPortableError(f"{value.type}[{key.type}]", "not in the portable set", node)


def _dot(walk: "Expressions", node: exp.Expr) -> Typed:
    value = walk(node.this)
    name = node.expression.name
    if value.type.kind == "struct":
        for field, type_ in zip(value.type.names, value.type.parts, strict=True):
            if field.lower() == name.lower():
                shown = name if value.bare_column else f"{value.name}.{field}"
                return Typed(f"struct_extract({value.sql}, {text(field)})", type_, shown, UNKNOWN, value.flags)
    raise NotPortableError(f".{name}", "not a field of a struct", node)


SYNTAX: dict[type[exp.Expr], Callable[["Expressions", exp.Expr], Typed]] = {
    exp.Interval: datetimes.interval,
    exp.Extract: _extract,
    exp.Trim: _trim,
    exp.StrPosition: _position,
    exp.RegexpLike: _rlike,
    exp.Bracket: _bracket,
    exp.Dot: _dot,
}

__all__ = ["SYNTAX", "called", "field_of", "quote"]
