"""Dates, instants and intervals: literals and the + and - between them."""

# ruff: noqa: ARG001  operations share one signature

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from gateway.dialects.portability.typed import RAISES, UNKNOWN, NotPortableError, Typed, flags_of
from gateway.dialects.portability.types import (
    DATE,
    DAY_TIME,
    INT,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    YEAR_MONTH,
    Type,
    duckdb_name,
)

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions

_DATETIMES = (DATE, TIMESTAMP, TIMESTAMP_NTZ)
_DAY_MICROS = 86_400_000_000
_MICROS = {
    "WEEK": 7 * _DAY_MICROS,
    "DAY": _DAY_MICROS,
    "HOUR": 3_600_000_000,
    "MINUTE": 60_000_000,
    "SECOND": 1_000_000,
    "MILLISECOND": 1_000,
    "MICROSECOND": 1,
}
_MONTHS = {"YEAR": 12, "QUARTER": 3, "MONTH": 1}
_TERM = re.compile(r"\s*([+-]?\d+)(?:\.(\d{1,6}))?\s+([A-Za-z]+?)S?\s*(?=[+\-\d]|\Z)", re.IGNORECASE)


def interval(walk: "Expressions", node: exp.Expr) -> Typed:
    """Return a constant interval; months and shorter units never mix in one ANSI interval."""
    written = node.this.name
    unit = node.args.get("unit")
    if unit is not None and not isinstance(unit, exp.Var):
        raise NotPortableError("INTERVAL … TO …", "not in the portable set", node)
    terms = _terms(f"{written} {unit.name}" if unit is not None else written)
    if terms is None:
        raise NotPortableError(f"INTERVAL '{written}'", "not in the portable set", node)
    months = sum(n * _MONTHS[u] for n, _, u in terms if u in _MONTHS)
    micros_terms = [(n, fraction, u) for n, fraction, u in terms if u in _MICROS]
    if len(micros_terms) == len(terms):
        days = sum(n * _MICROS[u] // _DAY_MICROS for n, _, u in micros_terms if u in ("WEEK", "DAY"))
        micros = sum(_micros(n, fraction, u) for n, fraction, u in micros_terms if u not in ("WEEK", "DAY"))
        sql = f"(to_days({days}) + to_microseconds({micros}))"
        coarse = all(u in ("DAY", "WEEK") for _, _, u in micros_terms)
        return Typed(sql, DAY_TIME, _interval_name(terms), ("days" if coarse else "time", days * _DAY_MICROS + micros))
    if not micros_terms:
        return Typed(f"to_months({months})", YEAR_MONTH, _interval_name(terms), ("months", months))
    raise NotPortableError(f"INTERVAL '{written}'", "months mixed with shorter units", node)


def _terms(written: str) -> list[tuple[int, str, str]] | None:
    terms, at = [], 0
    while at < len(written):
        match = _TERM.match(written, at)
        if match is None:
            return None
        unit = match[3].upper()
        if unit not in _MICROS and unit not in _MONTHS:
            return None
        if match[2] and unit != "SECOND":
            return None
        terms.append((int(match[1]), match[2] or "", unit))
        at = match.end()
    return terms or None


def _micros(number: int, fraction: str, unit: str) -> int:
    part = int(fraction.ljust(6, "0")) if fraction else 0
    return number * _MICROS[unit] + (part if number >= 0 else -part)


def _interval_name(terms: list[tuple[int, str, str]]) -> str | None:
    if len(terms) != 1 or terms[0][1] or terms[0][2] not in ("DAY", "MONTH", "YEAR", "HOUR", "MINUTE"):
        return None
    number, unit = terms[0][0], terms[0][2]
    if unit in ("HOUR", "MINUTE"):
        if not 0 <= number < (24 if unit == "HOUR" else 60):
            return None
        return f"INTERVAL '{number:02d}' {unit}"
    return f"INTERVAL '{number}' {unit}"


def plus(walk: "Expressions", symbol: str, left: Typed, right: Typed, node: exp.Expr) -> Typed | None:
    """Return the sum or difference when one side is a date, instant or interval; None for numbers."""
    a, b = left.type, right.type
    name = f"{left.name} {symbol} {right.name}"
    flags = flags_of((left, right)) | RAISES
    if a == DATE and b in (INT, SMALLINT, TINYINT):
        call = "date_add" if symbol == "+" else "date_sub"
        days = walk.cast(right, INT)
        sql = f"CAST({left.sql} {symbol} {days.sql} AS DATE)"
        return Typed(sql, DATE, f"{call}({left.name}, {right.name})", UNKNOWN, flags)
    if symbol == "+" and b == DATE and a in (INT, SMALLINT, TINYINT):
        days = walk.cast(left, INT)
        sql = f"CAST({right.sql} + {days.sql} AS DATE)"
        return Typed(sql, DATE, f"date_add({right.name}, {left.name})", UNKNOWN, flags)
    if symbol == "+" and a in (DAY_TIME, YEAR_MONTH) and b in (*_DATETIMES, STRING):
        moved = plus(walk, symbol, right, left, node)
        return moved if moved is None else moved.named(f"{right.name} {symbol} {left.name}")
    if b in (DAY_TIME, YEAR_MONTH):
        return _moved(walk, symbol, left, right, name, flags, node)
    if symbol == "-" and a in _DATETIMES and b in _DATETIMES:
        if a == b == DATE:
            return Typed(f"to_days(CAST({left.sql} - {right.sql} AS INTEGER))", DAY_TIME, f"({name})", UNKNOWN, flags)
        raise NotPortableError(f"{a} - {b}", "an interval of mixed parts", node)
    if a in _DATETIMES or b in _DATETIMES or DAY_TIME in (a, b) or YEAR_MONTH in (a, b):
        raise NotPortableError(f"{a} {symbol} {b}", "not in the portable set", node)
    return None


def _moved(walk: "Expressions", symbol: str, left: Typed, right: Typed, name: str, flags: int, node: exp.Expr) -> Typed:
    kind = right.value[0] if isinstance(right.value, tuple) else None
    if kind is None or left.type not in _DATETIMES:
        raise NotPortableError(f"{left.type} {symbol} {right.type}", "only constants are added to dates", node)
    result: Type = left.type
    if left.type == DATE and kind == "time":
        result = TIMESTAMP
    base = walk.cast(left, result, node)
    sql = f"CAST({base.sql} {symbol} {right.sql} AS {duckdb_name(result)})"
    if left.type == DATE and kind == "days":
        days = f"extractansiintervaldays({right.name})"
        name = f"date_add({left.name}, {days if symbol == '+' else f'(- {days})'})"
    return Typed(sql, result, name, UNKNOWN, flags)
