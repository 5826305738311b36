"""Values as typed literals of Spark SQL: parameters, and what is one value for a whole statement (now(), the user)."""

import datetime
import decimal
import math
from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from gateway.bound import BindingContext
from gateway.errors import ParameterError

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\u0000", "$": "\\u0024"}
)


def text_literal(value: str) -> str:
    """Return a text as Spark reads it; a dollar is written so that no setting takes its place."""
    return "'" + value.translate(_ESCAPES) + "'"


def literal(value: object) -> str:
    """Return a value as an expression of Spark SQL with the value's own type.

    int is INT, BIGINT or DECIMAL by size; float DOUBLE; Decimal its own precision and scale; aware datetimes
    TIMESTAMP, naive ones TIMESTAMP_NTZ; lists arrays; mappings maps.
    Raises: ParameterError for anything else.
    """
    if value is None:
        return "NULL"
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    raise ParameterError(
        f"a parameter cannot be a {type(value).__name__}", hint="pass numbers, text, bytes, dates or None"
    )


def _integer(value: int) -> str:
    if abs(value) >= 10**38:
        raise ParameterError(f"{value} has more than 38 digits")
    return str(value) if value >= 0 else f"({value})"


def _float(value: float) -> str:
    if not math.isfinite(value):
        return f"CAST('{'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'}' AS DOUBLE)"
    text = repr(float(value))
    text = text if "e" in text or "." in text else text + ".0"
    return f"{text}D" if math.copysign(1, value) > 0 else f"({text}D)"


def _decimal(value: decimal.Decimal) -> str:
    if not value.is_finite():
        raise ParameterError(f"{value} is not a decimal number")
    text = f"{value:f}"
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    precision = max(len(digits) + max(exponent, 0), scale, 1)
    if precision > 38:
        raise ParameterError(f"{value} has more than 38 digits")
    return f"CAST('{text}' AS DECIMAL({precision},{scale}))"


def _timestamp(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        return f"TIMESTAMP_NTZ '{value.isoformat(sep=' ')}'"
    return f"TIMESTAMP '{value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(sep=' ')}Z'"


def _sequence(value: Sequence[object]) -> str:
    return f"array({', '.join(literal(each) for each in value)})"


def _mapping(value: Mapping[object, object]) -> str:
    return f"map({', '.join(f'{literal(key)}, {literal(each)}' for key, each in value.items())})"


_WRITERS: tuple[tuple[type, Callable[..., str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (int, _integer),
    (float, _float),
    (decimal.Decimal, _decimal),
    (str, text_literal),
    (bytes, lambda value: f"X'{value.hex()}'"),
    (datetime.datetime, _timestamp),
    (datetime.date, lambda value: f"DATE '{value.isoformat()}'"),
    (list, _sequence),
    (tuple, _sequence),
    (Mapping, _mapping),
)


def _now(context: BindingContext) -> str:
    if context.time_zone in ("UTC", "Etc/UTC"):
        return f"TIMESTAMP '{_local(context).isoformat(sep=' ')}'"  # the plain form
    return _timestamp(context.now.astimezone(datetime.UTC))


def _local(context: BindingContext) -> datetime.datetime:
    return context.now.astimezone(ZoneInfo(context.time_zone)).replace(tzinfo=None)


def _today(context: BindingContext) -> str:
    return literal(_local(context).date())


STATEMENT_VALUES: Mapping[str, Callable[[BindingContext], str]] = {
    "now": _now,
    "current_timestamp": _now,
    "localtimestamp": lambda context: _timestamp(_local(context)),
    "current_date": _today,
    "curdate": _today,
    "unix_timestamp": lambda context: f"{int(context.now.timestamp())}L",
    "current_user": lambda context: text_literal(context.user),
    "session_user": lambda context: text_literal(context.user),
    "user": lambda context: text_literal(context.user),
    "current_timezone": lambda context: text_literal(context.time_zone),
    "current_catalog": lambda context: text_literal(context.namespace.catalog),
    "current_database": lambda context: text_literal(context.namespace.schema),
    "current_schema": lambda context: text_literal(context.namespace.schema),
}
"""Functions without arguments that have one value for the statement, as literals."""

INSTANTS = frozenset(("now", "current_timestamp", "localtimestamp", "current_date", "curdate", "unix_timestamp"))
"""Those whose value changes from statement to statement."""

WITHOUT_PARENTHESES = frozenset(("current_date", "current_timestamp", "current_user", "session_user", "user"))
"""Those that Spark also takes for a function when written like a column that does not exist."""

SPARK_NAMES: Mapping[str, str] = {
    "curdate": "current_date()",
    "unix_timestamp": "unix_timestamp(current_timestamp(), yyyy-MM-dd HH:mm:ss)",
}
"""Name of the result column where it is not the function's own."""
