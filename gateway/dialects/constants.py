"""The value of an expression of literals, where Spark's answer is beyond doubt.

Serves predicates and the instants of time travel; whatever is not certain has no value.
"""

import calendar
import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from sqlglot import exp

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z")
_TIMESTAMP = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:\d{2})?)?\Z")
_INTEGER = re.compile(r"[+-]?\d{1,18}\Z")
_LONGEST = 2**63 - 1
"""A larger whole number is a DECIMAL in Spark SQL."""
_MONTHS = {"MONTH": 1, "MONTHS": 1, "QUARTER": 3, "QUARTERS": 3, "YEAR": 12, "YEARS": 12}
_DAYS = {"DAY": 1, "DAYS": 1, "WEEK": 7, "WEEKS": 7}


@dataclass(frozen=True, slots=True)
class Interval:
    months: int = 0
    days: int = 0


Constant = bool | int | Decimal | float | str | bytes | datetime.date | datetime.datetime | Interval
"""Aware datetimes are TIMESTAMP, naive ones TIMESTAMP_NTZ."""


def parse_date(text: str) -> datetime.date | None:
    """Return the date of ``yyyy-MM-dd``, None for anything else that Spark may read too."""
    match = _DATE.match(text)
    try:
        return datetime.date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def parse_timestamp(text: str, zone: str) -> datetime.datetime | None:
    """Return the aware instant that a text means in a session's zone, None in doubt."""
    match = _TIMESTAMP.match(text)
    if match is None:
        return None
    day, time, offset = match.groups()
    try:
        naive = datetime.datetime.fromisoformat(f"{day} {time or '00:00'}")
    except ValueError:
        return None
    if offset is None:
        return naive.replace(tzinfo=ZoneInfo(zone)).astimezone(datetime.UTC)
    return datetime.datetime.fromisoformat(naive.isoformat() + offset.replace("Z", "+00:00")).astimezone(datetime.UTC)


def parse_local(text: str) -> datetime.datetime | None:
    """Return the naive wall clock of a text without zone."""
    match = _TIMESTAMP.match(text)
    if match is None or match.group(3) is not None:
        return None
    try:
        return datetime.datetime.fromisoformat(f"{match.group(1)} {match.group(2) or '00:00'}")
    except ValueError:
        return None


def constant(node: object, zone: str) -> Constant | None:
    """Return the value of an expression without columns, None when there is none for certain."""
    evaluate = _EVALUATORS.get(type(node))
    try:
        return evaluate(node, zone) if evaluate is not None else None
    except (OverflowError, ValueError, InvalidOperation):
        return None


def _literal(node: exp.Literal, _: str) -> Constant | None:
    text = str(node.this)
    if node.is_string:
        return text
    if text.isdecimal() and int(text) <= _LONGEST:
        return int(text)
    return float(text) if "e" in text.lower() else Decimal(text)


def _cast(node: exp.Cast, zone: str) -> Constant | None:
    value = constant(node.this, zone)
    convert = _CASTS.get(node.to.this)
    return convert(value, zone) if convert is not None and value is not None else None


def _to_date(value: Constant, zone: str) -> datetime.date | None:
    if isinstance(value, datetime.datetime):
        local = value.astimezone(ZoneInfo(zone)) if value.tzinfo else value
        return local.date()
    if isinstance(value, datetime.date):
        return value
    return parse_date(value) if isinstance(value, str) else None


def _to_timestamp(value: Constant, zone: str) -> datetime.datetime | None:
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone)).astimezone(datetime.UTC)
    if isinstance(value, datetime.date):
        midnight = datetime.datetime.combine(value, datetime.time(), ZoneInfo(zone))
        return midnight.astimezone(datetime.UTC)
    return parse_timestamp(value, zone) if isinstance(value, str) else None


def _to_local(value: Constant, zone: str) -> datetime.datetime | None:
    if isinstance(value, datetime.datetime):
        return value.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, datetime.date):
        return datetime.datetime.combine(value, datetime.time())
    return parse_local(value) if isinstance(value, str) else None


def _to_integer(value: Constant, _: str) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _INTEGER.match(value) else None


def _to_decimal(value: Constant, _: str) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


def _to_double(value: Constant, _: str) -> float | None:
    return float(value) if isinstance(value, (int, Decimal, float)) and not isinstance(value, bool) else None


def _to_string(value: Constant, _: str) -> str | None:
    return value if isinstance(value, str) else None


_CASTS: Mapping[object, Callable[[Constant, str], Constant | None]] = {
    exp.DType.DATE: _to_date,
    exp.DType.TIMESTAMP: _to_timestamp,
    exp.DType.TIMESTAMPTZ: _to_timestamp,
    exp.DType.TIMESTAMPLTZ: _to_timestamp,
    exp.DType.TIMESTAMPNTZ: _to_local,
    exp.DType.BIGINT: _to_integer,
    exp.DType.DOUBLE: _to_double,
    exp.DType.TEXT: _to_string,
}


def _negative(node: exp.Neg, zone: str) -> Constant | None:
    value = constant(node.this, zone)
    return -value if isinstance(value, (int, Decimal, float)) and not isinstance(value, bool) else None


def _interval(node: exp.Interval, _: str) -> Constant | None:
    unit = node.args.get("unit")
    number = str(node.this.this) if node.this is not None else ""
    if not isinstance(unit, exp.Var) or not _INTEGER.match(number):
        return None
    name = str(unit.this)
    if name in _MONTHS:
        return Interval(months=int(number) * _MONTHS[name])
    return Interval(days=int(number) * _DAYS[name]) if name in _DAYS else None


def add_months(day: datetime.date, months: int) -> datetime.date:
    """Return the day some months on, or the last of that month where there is no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _shifted(left: Constant | None, right: Constant | None, sign: int) -> Constant | None:
    if isinstance(left, datetime.date) and not isinstance(left, datetime.datetime):
        if isinstance(right, Interval):
            return add_months(left, sign * right.months) + datetime.timedelta(days=sign * right.days)
        if isinstance(right, int) and not isinstance(right, bool):
            return left + datetime.timedelta(days=sign * right)
    if isinstance(left, datetime.datetime) and left.tzinfo is None and isinstance(right, Interval) and not right.months:
        return left + datetime.timedelta(days=sign * right.days)
    if type(left) is int and type(right) is int:
        return left + sign * right
    return None


def _add(node: exp.Add, zone: str) -> Constant | None:
    return _shifted(constant(node.this, zone), constant(node.expression, zone), 1)


def _subtract(node: exp.Sub, zone: str) -> Constant | None:
    return _shifted(constant(node.this, zone), constant(node.expression, zone), -1)


def _call(node: exp.Anonymous, zone: str) -> Constant | None:
    evaluate = _CALLS.get(node.name.lower())
    if evaluate is None:
        return None
    values = [constant(argument, zone) for argument in node.expressions]
    return evaluate(values, zone) if None not in values else None


def _call_date(values: list[Constant | None], zone: str) -> Constant | None:
    return _to_date(values[0], zone) if len(values) == 1 and values[0] is not None else None


def _call_shift(sign: int) -> Callable[[list[Constant | None], str], Constant | None]:
    def shift(values: list[Constant | None], zone: str) -> Constant | None:
        if len(values) != 2 or type(values[1]) is not int or values[0] is None:
            return None
        day = _to_date(values[0], zone)
        return day + datetime.timedelta(days=sign * values[1]) if day is not None else None

    return shift


def _call_add_months(values: list[Constant | None], zone: str) -> Constant | None:
    if len(values) != 2 or type(values[1]) is not int or values[0] is None:
        return None
    day = _to_date(values[0], zone)
    return add_months(day, values[1]) if day is not None else None


def _call_make_date(values: list[Constant | None], _: str) -> Constant | None:
    year, month, day = values
    if type(year) is int and type(month) is int and type(day) is int:
        return datetime.date(year, month, day)
    return None


_CALLS: Mapping[str, Callable[[list[Constant | None], str], Constant | None]] = {
    "date": _call_date,
    "to_date": _call_date,
    "date_add": _call_shift(1),
    "date_sub": _call_shift(-1),
    "add_months": _call_add_months,
    "make_date": _call_make_date,
    "timestamp": lambda values, zone: _to_timestamp(values[0], zone) if values[0] is not None else None,
    "to_timestamp": lambda values, zone: (
        _to_timestamp(values[0], zone) if len(values) == 1 and values[0] is not None else None
    ),
}

_EVALUATORS: Mapping[type, Callable[..., Constant | None]] = {
    exp.Literal: _literal,
    exp.Boolean: lambda node, _: bool(node.this),
    exp.HexString: lambda node, _: bytes.fromhex(str(node.this)),
    exp.Cast: _cast,
    exp.Neg: _negative,
    exp.Paren: lambda node, zone: constant(node.this, zone),
    exp.Interval: _interval,
    exp.Add: _add,
    exp.Sub: _subtract,
    exp.Anonymous: _call,
}
