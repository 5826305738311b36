"""Operators on numbers: result types by Spark's rules, DuckDB text that computes exactly them."""

# ruff: noqa: ARG001  operations share one signature

from decimal import Decimal

from sqlglot import exp

from gateway.dialects.portability.typed import DIVIDES, RAISES, UNKNOWN, NotPortableError, Typed, flags_of
from gateway.dialects.portability.types import (
    BIGINT,
    DOUBLE,
    INT,
    INTEGRAL,
    Type,
    adjusted,
    as_decimal,
    decimal,
    duckdb_name,
    is_decimal,
    literal_decimal,
)

_INT64_DIGITS = 18
_MIN_DIVISION_SCALE = 6
_TOO_WIDE = "the exact result needs more than 38 digits"


def exact_type(value: Typed) -> Type:
    """Return the decimal type of an exact operand; an integer literal takes only the digits it has."""
    if value.type in INTEGRAL and isinstance(value.value, int) and (value.name or "").lstrip("-").isdigit():
        return decimal(len(str(abs(value.value))), 0)
    return as_decimal(value.type)


def _as(value: Typed, type_: Type) -> str:
    return value.sql if value.type == type_ else f"CAST({value.sql} AS {duckdb_name(type_)})"


def decimal_operation(symbol: str, left: Typed, right: Typed, node: exp.Expr) -> Typed:
    """Return ``left symbol right`` for two exact operands of which one is a decimal."""
    a, b = exact_type(left), exact_type(right)
    sql, type_ = _OPERATIONS[symbol](left, a, right, b, node)
    flags = flags_of((left, right))
    if symbol in "/%" and not nonzero(right):
        flags |= RAISES | DIVIDES
    elif type_.precision == 38:
        flags |= RAISES
    return Typed(sql, type_, f"({left.name} {symbol} {right.name})", UNKNOWN, flags)


def _sum(symbol: str, left: Typed, a: Type, right: Typed, b: Type, node: exp.Expr) -> tuple[str, Type]:
    scale = max(a.scale, b.scale)
    type_ = adjusted(max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale)
    if type_.scale < scale:
        sides = [f"hg_raise({unscaled(v, t)}, {_power(scale - t.scale)})" for v, t in ((left, a), (right, b))]
        return scaled(f"hg_divide({sides[0]} {symbol} {sides[1]}, {_power(scale - type_.scale)})", type_), type_
    return f"CAST({_as(left, type_)} {symbol} {_as(right, type_)} AS {duckdb_name(type_)})", type_


def _power(exponent: int) -> str:
    return f"{10**exponent}::HUGEINT"


def _add(left: Typed, a: Type, right: Typed, b: Type, node: exp.Expr) -> tuple[str, Type]:
    return _sum("+", left, a, right, b, node)


def _subtract(left: Typed, a: Type, right: Typed, b: Type, node: exp.Expr) -> tuple[str, Type]:
    return _sum("-", left, a, right, b, node)


def _multiply(left: Typed, a: Type, right: Typed, b: Type, node: exp.Expr) -> tuple[str, Type]:
    type_ = adjusted(a.precision + b.precision + 1, a.scale + b.scale)
    if type_.scale < a.scale + b.scale:
        lost = _power(a.scale + b.scale - type_.scale)
        return scaled(f"hg_product({unscaled(left, a)}, {unscaled(right, b)}, {lost})", type_), type_
    # DuckDB keeps 64 bits and overflows when both operands fit in them and the product may not.
    wide = a.precision + b.precision > _INT64_DIGITS and max(a.precision, b.precision) <= _INT64_DIGITS
    first = decimal(_INT64_DIGITS + 1, a.scale) if wide else a
    return f"CAST({_as(left, first)} * {_as(right, b)} AS {duckdb_name(type_)})", type_


def unscaled(value: Typed, type_: Type) -> str:
    """Return the HUGEINT of a decimal's digits."""
    if type_.scale == 0:
        return f"CAST({value.sql} AS HUGEINT)"
    if type_.precision + type_.scale <= 38:
        power = f"CAST(1{'0' * type_.scale} AS DECIMAL({type_.scale + 1},0))"
        return f"CAST(CAST({value.sql} AS DECIMAL(38,{type_.scale})) * {power} AS HUGEINT)"
    return f"CAST(replace(CAST(CAST({value.sql} AS {duckdb_name(type_)}) AS VARCHAR), '.', '') AS HUGEINT)"


def scaled(digits: str, type_: Type) -> str:
    """Return the decimal of a HUGEINT's digits."""
    if type_.scale == 0:
        return f"CAST({digits} AS {duckdb_name(type_)})"
    unit = f"CAST(0.{'0' * (type_.scale - 1)}1 AS DECIMAL({type_.scale},{type_.scale}))"
    return f"CAST(CAST({digits} AS DECIMAL(38,0)) * {unit} AS {duckdb_name(type_)})"


def division_type(a: Type, b: Type) -> Type:
    scale = max(_MIN_DIVISION_SCALE, a.scale + b.precision + 1)
    return adjusted(a.precision - a.scale + b.scale + scale, scale)


def _divide(left: Typed, a: Type, right: Typed, b: Type, node: exp.Expr) -> tuple[str, Type]:
    type_ = division_type(a, b)
    return exact_quotient(left, a, right, b, type_, node), type_


def exact_quotient(left: Typed, a: Type, right: Typed, b: Type, type_: Type, node: exp.Expr) -> str:
    """Return the quotient rounded half up to the scale of ``type_``; division by zero is an error."""
    shift = type_.scale - a.scale + b.scale
    dividend, divisor = unscaled(left, a), unscaled(right, b)
    if a.precision + shift > 38 or shift < 0:
        # Only values near the 38 digits that no sum of money has leave the 128 bits; those go to Spark.
        side = "hg_raise({}, " + _power(abs(shift)) + ")"
        dividend, divisor = (side.format(dividend), divisor) if shift >= 0 else (dividend, side.format(divisor))
    elif shift:
        dividend = f"{dividend} * {_power(shift)}"
    return scaled(f"hg_divide({dividend}, {divisor})", type_)


def _remainder(left: Typed, a: Type, right: Typed, b: Type, node: exp.Expr) -> tuple[str, Type]:
    scale = max(a.scale, b.scale)
    type_ = adjusted(min(a.precision - a.scale, b.precision - b.scale) + scale, scale)
    wide = max(a.precision - a.scale, b.precision - b.scale) + scale
    if wide > 38:
        raise NotPortableError(f"{a} % {b}", _TOO_WIDE, node)
    both = decimal(wide, scale)
    return f"CAST({_as(left, both)} % {_as(right, both)} AS {duckdb_name(type_)})", type_


_OPERATIONS = {"+": _add, "-": _subtract, "*": _multiply, "/": _divide, "%": _remainder}


def plain_operation(symbol: str, left: Typed, right: Typed, type_: Type) -> Typed:
    """Return ``left symbol right`` for two operands of one integral or floating type."""
    name = f"({left.name} {symbol} {right.name})"
    flags = flags_of((left, right))
    folded = _folded(symbol, left.value, right.value)
    if folded is not None and type_ == INT and -(2**31) <= folded < 2**31:
        return Typed(f"({folded})" if folded < 0 else str(folded), INT, name, folded)
    if symbol == "/":
        sql = f"({left.sql} / {right.sql})"
        flags |= 0 if nonzero(right) else RAISES | DIVIDES
    elif symbol == "%":
        whole = type_ in INTEGRAL
        sql = f"hg_remainder({left.sql}, {right.sql})" if whole else f"({left.sql} % {right.sql})"
        flags |= 0 if nonzero(right) else RAISES | DIVIDES
    else:
        sql = f"({left.sql} {symbol} {right.sql})"
        flags |= 0 if type_.kind in ("double", "float") else RAISES
    return Typed(sql, type_, name, UNKNOWN, flags)


def nonzero(value: Typed) -> bool:
    """Return whether the value is a constant that can be divided by without an error."""
    return value.value is None or (isinstance(value.value, (int, float, Decimal)) and value.value != 0)


def _folded(symbol: str, left: object, right: object) -> int | None:
    if type(left) is not int or type(right) is not int or symbol not in "+-*":
        return None
    return left + right if symbol == "+" else left - right if symbol == "-" else left * right


__all__ = [
    "BIGINT",
    "DOUBLE",
    "decimal_operation",
    "exact_quotient",
    "exact_type",
    "is_decimal",
    "literal_decimal",
    "plain_operation",
]
