"""Functions of dates and instants. A timestamp's parts are those of its local time in the session's zone."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from gateway.bound import BindingContext
from gateway.dialects.portability import formats
from gateway.dialects.portability.functions.registry import Call, scalar, shown, typed
from gateway.dialects.portability.typed import DIVIDES, RAISES, UNKNOWN, Typed, flags_of
from gateway.dialects.portability.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    Type,
    decimal,
    spark_name,
    text,
)

_COLUMNS = {"date": "dt", "timestamp_ntz": "n", "timestamp": "ts"}
_LOCALS = (("date", "{0}"), ("timestamp_ntz", "{0}"), ("timestamp", "CAST({0} AS TIMESTAMP)"))

# Parts.
for _type, _local in _LOCALS:
    for _name, _sql in (
        ("year", "year({})"),
        ("quarter", "quarter({})"),
        ("month", "month({})"),
        ("day dayofmonth", "day({})"),
        ("dayofyear", "dayofyear({})"),
        ("weekofyear", "weekofyear({})"),
        ("dayofweek", "(dayofweek({}) + 1)"),
        ("weekday", "(isodow({}) - 1)"),
        ("hg_isodow", "isodow({})"),
        ("hg_isoyear", "isoyear({})"),
    ):
        scalar(_name, _type, INT, _sql.format(_local), *([] if _name[:3] == "hg_" else [f"$({_COLUMNS[_type]})"]))
for _type, _local in _LOCALS[1:]:
    for _name in ("hour", "minute", "second"):
        scalar(_name, _type, INT, f"{_name}({_local})", f"$({_COLUMNS[_type]})")
    scalar(
        "hg_second",
        _type,
        decimal(8, 6),
        f"CAST(epoch_us({_local}) % 60000000 + 60000000 AS DECIMAL(18,0)) % 60000000 * CAST(0.000001 AS DECIMAL(6,6))",
    )
scalar("dayname", "date", STRING, "strftime({0}, '%a')", "$(dt)")
scalar("monthname", "date", STRING, "strftime({0}, '%b')", "$(dt)")


def _part(call: Call) -> Typed:
    from gateway.dialects.portability.functions.syntax import field_of

    field = call[0].value
    if not isinstance(field, str):
        raise call.refuse("date_part", "only a constant field")
    return field_of(call.walk, field, call[1], call.node)


for _column in ("date", "timestamp", "timestamp_ntz"):
    _shown = _COLUMNS[_column]
    typed(
        "date_part", f"string {_column}", _part, f"$('year', {_shown})", f"$('DOW', {_shown})", f"$('week', {_shown})"
    )
    typed(
        "datepart",
        f"string {_column}",
        _part,
        f"$('month', {_shown})",
        name=lambda a: f"datepart({a[0].name} FROM {a[1].name})",
    )

# Moving dates.
_MAX_DATE = "the year leaves what Spark's dates hold"
scalar(
    "date_add dateadd",
    "date int",
    DATE,
    "{0} + {1}",
    "$(dt, 1)",
    "$(dt, y)",
    "$('2024-02-28', 2)",
    name=lambda a: f"date_add({a[0].name}, {a[1].name})",
    raises=True,
)
scalar("date_sub", "date int", DATE, "{0} - {1}", "$(dt, 1)", "$(dt, y)", raises=True)
scalar(
    "datediff date_diff", "date date", INT, "{0} - {1}", "$(dt, date'2024-01-01')", "$(dt, '2000-01-01')", "$(ts, dt)"
)
scalar("add_months", "date int", DATE, "{0} + to_months({1})", "$(dt, 1)", "$(dt, -13)", "$(dt, y)", raises=True)
scalar("last_day", "date", DATE, "last_day({0})", "$(dt)")
scalar("unix_date", "date", INT, "{0} - DATE '1970-01-01'", "$(dt)")
scalar("date_from_unix_date", "int", DATE, "DATE '1970-01-01' + {0}", "$(1)", "$(y)", "$(-719162)")
scalar(
    "make_date",
    "int int int",
    DATE,
    "make_date({0}, {1}, {2})",
    "$(2024, 2, 29)",
    "$(2023, 2, 29)",
    "$(y, 1, 1)",
    "$(2024, y, 1)",
    raises=True,
)

_DAYS = {
    name: number
    for number, names in enumerate(
        (
            "MO MON MONDAY",
            "TU TUE TUESDAY",
            "WE WED WEDNESDAY",
            "TH THU THURSDAY",
            "FR FRI FRIDAY",
            "SA SAT SATURDAY",
            "SU SUN SUNDAY",
        ),
        1,
    )
    for name in names.split()
}


def _next_day(call: Call) -> str:
    day = _DAYS.get(str(call[1].value).upper())
    if day is None:
        raise call.refuse("next_day", "only a constant day of the week")
    return f"{call[0].sql} + CAST(({day} - isodow({call[0].sql}) + 6) % 7 + 1 AS INTEGER)"


scalar("next_day", "date string", DATE, _next_day, "$(dt, 'Mon')", "$(dt, 'sunday')", "$(dt, 'TH')")

_TRUNCATIONS = {
    "YEAR": "year",
    "YYYY": "year",
    "YY": "year",
    "QUARTER": "quarter",
    "MONTH": "month",
    "MM": "month",
    "MON": "month",
    "WEEK": "week",
}
_FINE = {
    "DAY": "day",
    "DD": "day",
    "HOUR": "hour",
    "MINUTE": "minute",
    "SECOND": "second",
    "MILLISECOND": "milliseconds",
    "MICROSECOND": "microseconds",
}


def _unit(call: Call, index: int, units: dict[str, str]) -> str | None:
    written = call[index].value
    if not isinstance(written, str):
        raise call.refuse("truncation", "only a constant unit")
    return units.get(written.upper())


def _trunc(call: Call) -> str:
    unit = _unit(call, 1, _TRUNCATIONS)
    return f"date_trunc('{unit}', {call[0].sql})" if unit else "NULL"


def _date_trunc(call: Call) -> str:
    unit = _unit(call, 0, _TRUNCATIONS | _FINE)
    if not call.walk.utc:
        raise call.refuse("date_trunc", "local times need Spark's rule for the clock changes")
    return f"date_trunc('{unit}', CAST({call[1].sql} AS TIMESTAMP))" if unit else "NULL"


scalar(
    "trunc",
    "date string",
    DATE,
    _trunc,
    "$(dt, 'MM')",
    "$(dt, 'year')",
    "$(dt, 'WEEK')",
    "$(dt, 'quarter')",
    "$(dt, 'x')",
)
scalar(
    "date_trunc",
    "string timestamp",
    TIMESTAMP,
    _date_trunc,
    "$('MONTH', ts)",
    "$('week', ts)",
    "$('hour', ts)",
    "$('DAY', dt)",
    "$('second', n)",
    "$('MILLISECOND', ts)",
    "$('x', ts)",
    "$('quarter', ts)",
)


# Units as keywords: timestampadd(DAY, 1, ts).
_ADDED = {
    "YEAR": "to_years",
    "QUARTER": "to_quarters",
    "MONTH": "to_months",
    "WEEK": "to_weeks",
    "DAY": "to_days",
    "HOUR": "to_hours",
    "MINUTE": "to_minutes",
    "SECOND": "to_seconds",
    "MILLISECOND": "to_milliseconds",
    "MICROSECOND": "to_microseconds",
}
_WIDTHS = {
    "WEEK": 604_800_000_000,
    "DAY": 86_400_000_000,
    "HOUR": 3_600_000_000,
    "MINUTE": 60_000_000,
    "SECOND": 1_000_000,
    "MILLISECOND": 1_000,
    "MICROSECOND": 1,
}


def with_unit(walk: object, name: str, node: exp.Expr) -> Typed:
    """Return timestampadd and timestampdiff, whose first argument is a unit keyword."""
    from gateway.dialects.portability.expressions import Expressions

    assert isinstance(walk, Expressions)
    unit, first, second = node.expressions[0].name.upper(), walk(node.expressions[1]), walk(node.expressions[2])
    if name in ("timestampadd", "dateadd", "date_add"):
        return _added(walk, unit, first, second, node)
    return _difference(walk, unit, first, second, node)


def _instant(walk: "object", value: Typed, node: exp.Expr) -> Typed:
    return value if value.type in (TIMESTAMP, TIMESTAMP_NTZ) else walk.cast(value, TIMESTAMP, node)  # type: ignore[attr-defined]


def _added(walk: "object", unit: str, count: Typed, value: Typed, node: exp.Expr) -> Typed:
    from gateway.dialects.portability.typed import NotPortableError

    if unit not in _ADDED or count.type not in (INT, SMALLINT, TINYINT, BIGINT):
        raise NotPortableError(f"timestampadd({unit})", "not in the portable set", node)
    base = _instant(walk, value, node)
    kind = "INTEGER" if unit in ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY") else "BIGINT"
    sql = f"({base.sql} + {_ADDED[unit]}(CAST({count.sql} AS {kind})))"
    name = f"timestampadd({unit}, {count.name}, {value.name})"
    return Typed(sql, base.type, name, UNKNOWN, flags_of((count, base)) | RAISES)


def _difference(walk: "object", unit: str, start: Typed, end: Typed, node: exp.Expr) -> Typed:
    from gateway.dialects.portability.typed import NotPortableError

    width = _WIDTHS.get(unit)
    if width is None or not walk.utc:  # type: ignore[attr-defined]
        raise NotPortableError(f"timestampdiff({unit})", "not in the portable set", node)
    a, b = (walk.cast(value, TIMESTAMP, node) for value in (start, end))  # type: ignore[attr-defined]
    sql = f"hg_whole(epoch_us({b.sql}) - epoch_us({a.sql}), {width})"
    name = f"timestampdiff({unit}, {start.name}, {end.name})"
    return Typed(sql, BIGINT, name, UNKNOWN, flags_of((a, b)) | RAISES)


# Seconds and micros since 1970.
for _name, _width in (("unix_seconds", 1_000_000), ("unix_millis", 1_000), ("unix_micros", 1)):
    scalar(_name, "timestamp", BIGINT, f"hg_floor(epoch_us({{0}}), {_width})", "$(ts)")
for _name in ("unix_timestamp", "to_unix_timestamp"):
    scalar(
        _name,
        "timestamp",
        BIGINT,
        "epoch_us({0}) // 1000000",
        "$(ts)",
        name=shown(_name + "({0}, yyyy-MM-dd HH:mm:ss)"),
    )
for _name, _width in (("timestamp_seconds", 1_000_000), ("timestamp_millis", 1_000), ("timestamp_micros", 1)):
    scalar(
        _name,
        "integral",
        TIMESTAMP,
        f"make_timestamptz(CAST({{0}} AS BIGINT) * {_width})",
        "$(i)",
        "$(0)",
        "$(-1)",
        raises=True,
    )

# Formats.


def _formatted(call: Call) -> str:
    return _format(
        call, call[0].sql if call[0].type == TIMESTAMP_NTZ else f"CAST({call[0].sql} AS TIMESTAMP)", call[1].value
    )


def _format(call: Call, local: str, written: object) -> str:
    pattern = formats.strftime(written) if isinstance(written, str) else None
    if pattern is None:
        raise call.refuse("date format", "outside the patterns both engines print alike")
    return (
        f"CASE WHEN year({local}) BETWEEN 1 AND 9999 THEN strftime({local}, {text(pattern)}) WHEN {local} IS NOT NULL"
        " THEN CAST(CAST('headgate beyond: year' AS BIGINT) AS VARCHAR) END"
    )


def _from_unixtime(call: Call) -> str:
    written = call[1].value if len(call.arguments) > 1 else "yyyy-MM-dd HH:mm:ss"
    return _format(call, f"CAST(make_timestamptz({call[0].sql} * 1000000) AS TIMESTAMP)", written)


for _type in ("timestamp", "timestamp_ntz", "date"):
    scalar(
        "date_format",
        f"{_type} string",
        STRING,
        _formatted,
        f"$({_COLUMNS[_type]}, 'yyyy-MM-dd')",
        f"$({_COLUMNS[_type]}, 'MMM d, yyyy EEE')",
        f"$({_COLUMNS[_type]}, 'yyyyMMdd HH:mm:ss.SSSSSS')",
        f"$({_COLUMNS[_type]}, 'yy/MMMM/dd EEEE hh a')",
        f"$({_COLUMNS[_type]}, 'yyyy-MM')",
    )
scalar(
    "from_unixtime",
    "bigint string?",
    STRING,
    _from_unixtime,
    "$(i)",
    "$(0, 'yyyy-MM-dd')",
    "$(i, 'HH:mm')",
    raises=True,
    name=lambda a: f"from_unixtime({a[0].name}, {a[1].name if len(a) > 1 else 'yyyy-MM-dd HH:mm:ss'})",
)


def _parsed(type_: Type) -> Callable[[Call], str]:
    def body(call: Call) -> str:
        if len(call.arguments) == 1:
            return call.walk.cast(call[0], type_, call.node).sql
        found = formats.strptime(call[1].value) if isinstance(call[1].value, str) else None
        if found is None or (type_ == TIMESTAMP and not call.walk.utc):
            raise call.refuse("date format", "outside the patterns both engines read alike")
        pattern, regex = found
        target = {DATE: "DATE", TIMESTAMP: "TIMESTAMPTZ", TIMESTAMP_NTZ: "TIMESTAMP"}[type_]
        value = call[0].sql
        # Text of another shape may be an error or a value to Spark: Spark decides.
        return (
            f"CASE WHEN {value} IS NULL THEN NULL WHEN regexp_full_match({value}, {text(regex)})"
            f" AND try_strptime({value}, {text(pattern)}) IS NOT NULL"
            f" THEN CAST(try_strptime({value}, {text(pattern)}) AS {target})"
            f" ELSE CAST('headgate beyond: ' || {value} AS {target}) END"
        )

    return body


scalar(
    "to_date",
    "string string?",
    DATE,
    _parsed(DATE),
    "$('2024-02-29')",
    "$('2024-02-29', 'yyyy-MM-dd')",
    "$('29/02/2024', 'dd/MM/yyyy')",
    "$('20240229', 'yyyyMMdd')",
    "$(s)",
    raises=True,
)
for _type in ("date", "timestamp", "timestamp_ntz"):
    scalar("to_date", _type, DATE, lambda c: c.walk.cast(c[0], DATE, c.node).sql, f"$({_COLUMNS[_type]})")
scalar(
    "to_timestamp",
    "string string?",
    TIMESTAMP,
    _parsed(TIMESTAMP),
    "$('2024-02-29 01:02:03.5')",
    "$('2024-02-29')",
    "$('2024-02-29 01:02:03', 'yyyy-MM-dd HH:mm:ss')",
    "$('29.02.2024 11', 'dd.MM.yyyy HH')",
    raises=True,
)
for _type in ("date", "timestamp", "timestamp_ntz"):
    scalar(
        "to_timestamp", _type, TIMESTAMP, lambda c: c.walk.cast(c[0], TIMESTAMP, c.node).sql, f"$({_COLUMNS[_type]})"
    )
scalar(
    "to_timestamp_ntz",
    "string string?",
    TIMESTAMP_NTZ,
    _parsed(TIMESTAMP_NTZ),
    "$('2024-02-29 01:02:03.5')",
    "$('2024-02-29 01:02', 'yyyy-MM-dd HH:mm')",
    raises=True,
)


def _made(call: Call) -> str:
    if not call.walk.utc and call.type == TIMESTAMP:
        raise call.refuse("make_timestamp", "local times need Spark's rule for the clock changes")
    *parts, seconds = (argument.sql for argument in call.arguments)
    hour, minute = parts[3:]
    whole = ", ".join(f"CAST({part} AS BIGINT)" for part in parts)
    exact = f"CAST({seconds} AS DECIMAL(16,6))"
    inside = f"{exact} >= 0 AND {exact} < 60 AND {hour} BETWEEN 0 AND 23 AND {minute} BETWEEN 0 AND 59"
    return (
        f"CASE WHEN {inside} THEN make_timestamp({whole}, 0e0) + to_microseconds(CAST({exact} * 1000000 AS BIGINT))"
        f" WHEN {seconds} IS NOT NULL AND {hour} IS NOT NULL AND {minute} IS NOT NULL"
        " THEN CAST('headgate beyond: time' AS TIMESTAMP) END"
    )


for _name, _made_type in (
    ("make_timestamp", TIMESTAMP),
    ("make_timestamp_ntz", TIMESTAMP_NTZ),
    ("make_timestamp_ltz", TIMESTAMP),
):
    scalar(
        _name,
        "int int int int int numeric",
        _made_type,
        _made,
        "$(2024, 2, 29, 1, 2, 3.5)",
        "$(2024, 1, 1, 0, 0, 59.999999)",
        "$(2024, y, 1, 0, 0, 0)",
        raises=True,
    )


def _from_utc(call: Call) -> str:
    zone = call[1].value
    if not isinstance(zone, str) or not call.walk.utc or not formats.known_zone(zone):
        raise call.refuse("from_utc_timestamp", "only a constant zone in a session of UTC")
    return f"timezone({text(zone)}, {call[0].sql})"


scalar(
    "from_utc_timestamp", "timestamp string", TIMESTAMP, _from_utc, "$(ts, 'America/New_York')", "$(ts, 'Asia/Kolkata')"
)


# The statement's one instant.
def _now(call: Call) -> Typed:
    now = call.walk.context.now.astimezone(formats.UTC)
    return Typed(f"TIMESTAMPTZ '{now.strftime('%Y-%m-%d %H:%M:%S.%f')}+00'", TIMESTAMP, None, UNKNOWN)


def _local_now(call: Call) -> Typed:
    now = call.walk.context.now.astimezone(formats.zone(call.walk.context.time_zone))
    return Typed(f"TIMESTAMP '{now.strftime('%Y-%m-%d %H:%M:%S.%f')}'", TIMESTAMP_NTZ, None, UNKNOWN)


def _today(call: Call) -> Typed:
    now = call.walk.context.now.astimezone(formats.zone(call.walk.context.time_zone))
    return Typed(f"DATE '{now.date().isoformat()}'", DATE, None, UNKNOWN)


def _time_zone(call: Call) -> str:
    context: BindingContext = call.walk.context
    return context.time_zone


def _text_of(read: Callable[[Call], str]) -> Callable[[Call], Typed]:
    return lambda call: Typed(text(read(call)), STRING, None, read(call))


typed("now current_timestamp", "", _now)
typed("localtimestamp", "", _local_now)
typed("current_date curdate", "", _today, name=lambda _: "current_date()")
typed("current_timezone", "", _text_of(_time_zone), "$()")


# Casts by name: date(x), int(x). A cast column keeps its name.
def _cast_to(type_: Type) -> Callable[[Call], Typed]:
    def body(call: Call) -> Typed:
        made = call.walk.cast(call[0], type_, call.node)
        return Typed(made.sql, made.type, None, UNKNOWN, made.flags)

    return body


def _cast_name(arguments: Sequence[Typed]) -> str | None:
    return arguments[0].name


for _name, _target in (
    ("date", DATE),
    ("timestamp", TIMESTAMP),
    ("int", INT),
    ("bigint", BIGINT),
    ("smallint", SMALLINT),
    ("tinyint", TINYINT),
    ("double", DOUBLE),
    ("float", FLOAT),
    ("string", STRING),
    ("boolean", BOOLEAN),
    ("decimal", decimal(10, 0)),
    ("binary", BINARY),
):
    _over = {"date": "ts", "timestamp": "dt", "boolean": "i", "string": "i", "binary": "s", "double": "d"}.get(
        _name, "y"
    )
    typed(_name, "any", _cast_to(_target), f"$({_over})", name=_cast_name)

__all__ = ["DIVIDES", "spark_name", "with_unit"]
