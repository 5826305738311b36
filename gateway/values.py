"""The one text form of every value: what CSV, TSV, tables, HTML and JSON strings all show.

    double, float     shortest digits that read back as the same number: 0.1, 1.0, 1.5e+10, NaN, Infinity
    decimal           all digits of its scale, never an exponent: 1.50, 0.00000001
    date              2024-02-29; beyond four digits +10000-01-01, before year 1 -0001-12-31 (year 0 is 0000)
    timestamp_ntz     2024-02-29 01:02:03.456, no trailing zeros
    timestamp         2024-02-29T01:02:03.456+01:00, in the session's zone
    binary            lower-case hexadecimal
    intervals         1 02:03:04.5 (days, time) and 1-2 (years-months)
    array, map, struct   JSON, see gateway.json_values

Everything works on whole Arrow arrays; only values that Arrow cannot print right are done one by one.
"""

import datetime
import zoneinfo
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

FIRST_DAY = datetime.date.min.toordinal() - datetime.date(1970, 1, 1).toordinal()
"""0001-01-01 in days since 1970."""
LAST_DAY = datetime.date.max.toordinal() - datetime.date(1970, 1, 1).toordinal()
"""9999-12-31 in days since 1970."""
END_OF_LISTED_CHANGES = 2_114_380_800
"""2037-01-01 in seconds since 1970: time zone files list changes until then and a rule for the time after."""
_DAYS_OF_400_YEARS = 146_097
_PLAIN_SCALE = 6
"""Arrow writes decimals of more places with an exponent when they begin with as many zeros, as Java does."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def text(array: pa.Array, time_zone: str = "UTC") -> pa.Array:
    """Return the text form of every value; NULL stays NULL.

    Shape: a string array as long as ``array``, valid UTF-8: bytes that are none show as U+FFFD.
    """
    type_ = array.type
    for is_kind, convert in _KINDS:
        if is_kind(type_):
            return convert(array, time_zone)
    return array.cast(pa.string())


def is_number(type_: pa.DataType) -> bool:
    """Whether values of the type are shown as digits, which align to the right."""
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def has_free_text(type_: pa.DataType) -> bool:
    """Whether the text form may be empty, long or hold any character: that of numbers, times and booleans cannot."""
    if pa.types.is_dictionary(type_):
        return has_free_text(type_.value_type)
    return not (is_number(type_) or pa.types.is_boolean(type_) or pa.types.is_temporal(type_))


def data(strings: pa.Array) -> bytes:
    """Return the characters of all values of a string or binary array, one after the other."""
    buffer = strings.buffers()[2]
    if buffer is None or not len(strings):
        return b""
    offsets = _offsets(strings)
    return bytes(buffer.slice(offsets[0].as_py(), offsets[-1].as_py() - offsets[0].as_py()).to_pybytes())


def _offsets(strings: pa.Array) -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), len(strings) + 1, [None, strings.buffers()[1]], offset=strings.offset)


def patched(strings: pa.Array, where: pa.Array, patch: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Return the strings with ``patch`` applied to those under the mask only: they are few."""
    return pc.replace_with_mask(strings, pc.fill_null(where, False), patch(strings.filter(where)))


def _patch(strings: pa.Array, where: pa.Array, values: Sequence[str]) -> pa.Array:
    """Return the strings with those under the mask replaced, in order."""
    return patched(strings, where, lambda _few: pa.array(values, pa.string()))


def _string(array: pa.Array, _zone: str) -> pa.Array:
    strings = array if array.type == pa.string() else array.cast(pa.binary()).cast(pa.string(), safe=False)
    try:
        strings.validate(full=True)
    except pa.ArrowInvalid:
        # Arrow takes any bytes for text; Spark's CAST(binary AS STRING) hands them on.
        raw = strings.cast(pa.binary()).to_pylist()
        return pa.array([None if value is None else value.decode("utf-8", "replace") for value in raw], pa.string())
    return strings


def _float(array: pa.Array, _zone: str) -> pa.Array:
    if array.type == pa.float16():
        array = array.cast(pa.float32())
    strings = array.cast(pa.string())
    finite = pc.is_finite(array)
    whole = pc.and_(finite, pc.equal(pc.trunc(array), array))
    if pc.any(whole).as_py():
        strings = patched(strings, whole, _with_point)
    if pc.all(finite).as_py() is False:
        named = pc.if_else(pc.is_nan(array), "NaN", pc.if_else(pc.greater(array, 0.0), "Infinity", "-Infinity"))
        strings = pc.if_else(finite, strings, named)
    return strings


def _with_point(whole: pa.Array) -> pa.Array:
    """Arrow prints 1.0 as 1, which would read back as an integer."""
    return pc.if_else(pc.match_substring(whole, "e"), whole, pc.binary_join_element_wise(whole, ".0", ""))


def _decimal(array: pa.Array, _zone: str) -> pa.Array:
    strings = array.cast(pa.string())
    if 0 <= array.type.scale <= _PLAIN_SCALE:
        return strings
    scientific = pc.match_substring(strings, "E")
    if not pc.any(scientific).as_py():
        return strings
    # Arrow writes 0.00000001 as 1E-8.
    return _patch(strings, scientific, [f"{value:f}" for value in array.filter(scientific).to_pylist()])


def _date(array: pa.Array, _zone: str) -> pa.Array:
    dates = array.cast(pa.date32())
    days = dates.view(pa.int32())
    beyond = _outside(days, FIRST_DAY, LAST_DAY)
    if beyond is None:
        return dates.cast(pa.string())
    inside = pc.if_else(beyond, None, dates).cast(pa.string())
    return _patch(inside, beyond, [date_text(day) for day in days.filter(beyond).to_pylist()])


def _outside(numbers: pa.Array, first: int, last: int) -> pa.Array | None:
    """Return a mask of the numbers beyond the bounds, or None when there are none."""
    extremes = pc.min_max(numbers).as_py()
    if extremes["min"] is None or (extremes["min"] >= first and extremes["max"] <= last):
        return None
    return pc.or_(pc.less(numbers, first), pc.greater(numbers, last))


def date_text(day: int) -> str:
    """Return any day since 1970 as text: Arrow and Python know four-digit years only.

    The proleptic Gregorian calendar repeats every 400 years.
    """
    cycles, rest = divmod(day - FIRST_DAY, _DAYS_OF_400_YEARS)
    date = datetime.date.fromordinal(rest + 1)
    year = date.year + 400 * cycles
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04}-{date.month:02}-{date.day:02}"


def _timestamp(array: pa.Array, zone: str) -> pa.Array:
    if array.type.tz is None:
        return _wall_clock(array)
    local, ahead = local_clock(array, zone)
    encoded = ahead.dictionary_encode()
    offsets = pa.array([_offset_text(seconds) for seconds in encoded.dictionary.to_pylist()], pa.string())
    clock = pc.replace_substring(_wall_clock(local), " ", "T", max_replacements=1)
    return pc.binary_join_element_wise(clock, offsets.take(encoded.indices), "")


def local_clock(instants: pa.Array, zone: str) -> tuple[pa.Array, pa.Array]:
    """Return what clocks of the zone show at the instants, without zone, and the seconds they are ahead of UTC."""
    unit = instants.type.unit
    ticks = instants.view(pa.int64())
    if zone == "UTC":
        return instants.view(pa.timestamp(unit)), pc.if_else(ticks.is_valid(), pa.scalar(0, pa.int64()), None)
    shown = pc.local_timestamp(instants.view(pa.timestamp(unit, zone))).view(pa.int64())
    ahead = pc.divide(pc.subtract(shown, ticks), _PER_SECOND[unit])
    if zone[0] not in "+-":
        ahead = _far_rules(ticks, ahead, zone, _PER_SECOND[unit])
    return pc.add(ticks, pc.multiply(ahead, _PER_SECOND[unit])).view(pa.timestamp(unit)), ahead


def _far_rules(ticks: pa.Array, ahead: pa.Array, zone: str, per_second: int) -> pa.Array:
    """Put right the offsets from 2037 on: Arrow 26 knows the listed changes only, not the rule that goes on."""
    far = pc.fill_null(pc.greater_equal(ticks, END_OF_LISTED_CHANGES * per_second), False)
    if not pc.any(far).as_py():
        return ahead
    rules = zoneinfo.ZoneInfo(zone)
    seconds = [_seconds_ahead(tick // per_second, rules) for tick in ticks.filter(far).to_pylist()]
    return pc.replace_with_mask(ahead, far, pa.array(seconds, pa.int64()))


def _seconds_ahead(second: int, rules: zoneinfo.ZoneInfo) -> int:
    near = END_OF_LISTED_CHANGES + (second - END_OF_LISTED_CHANGES) % (_DAYS_OF_400_YEARS * 86_400)
    offset = datetime.datetime.fromtimestamp(near, rules).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _offset_text(seconds: int) -> str:
    """Return +01:00 and the like; with seconds for the local mean times of the nineteenth century."""
    minutes, rest = divmod(abs(seconds), 60)
    shown = f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
    return f"{shown}:{rest:02}" if rest else shown


def _wall_clock(array: pa.Array) -> pa.Array:
    unit = array.type.unit
    if unit == "ns":  # 1677 to 2262: all of them have four-digit years
        return _fraction_trimmed(array.cast(pa.string()))
    per_day = 86_400 * _PER_SECOND[unit]
    ticks = array.view(pa.int64())
    beyond = _outside(ticks, FIRST_DAY * per_day, (LAST_DAY + 1) * per_day - 1)
    if beyond is None:
        return _clock(array)
    inside = _clock(pc.if_else(beyond, None, array))
    far = [_far_clock(tick, unit) for tick in ticks.filter(beyond).to_pylist()]
    return _patch(inside, beyond, far)


def _clock(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.timestamp("s")).cast(pa.string())  # most columns hold whole seconds
    except pa.ArrowInvalid:
        return _fraction_trimmed(array.cast(pa.string()))


def _fraction_trimmed(strings: pa.Array) -> pa.Array:
    return pc.ascii_rtrim(pc.ascii_rtrim(strings, "0"), ".")


def _far_clock(tick: int, unit: str) -> str:
    day, rest = divmod(tick, 86_400 * _PER_SECOND[unit])
    return f"{date_text(day)} {_time_text(rest * (10**6 // _PER_SECOND[unit]))}"


def _time_text(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 10**6)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{clock}.{fraction:06}".rstrip("0") if fraction else clock


def _time(array: pa.Array, _zone: str) -> pa.Array:
    strings = array.cast(pa.string())
    return strings if array.type == pa.time32("s") else _fraction_trimmed(strings)


def _duration(array: pa.Array, _zone: str) -> pa.Array:
    ticks = array.cast(pa.duration("us")).view(pa.int64())
    return pa.array([None if tick is None else _day_time_text(tick) for tick in ticks.to_pylist()], pa.string())


def _day_time_text(microseconds: int) -> str:
    days, rest = divmod(abs(microseconds), 86_400 * 10**6)
    return f"{'-' if microseconds < 0 else ''}{days} {_time_text(rest)}"


def _interval(array: pa.Array, _zone: str) -> pa.Array:
    return pa.array([None if value is None else _interval_text(*value) for value in array.to_pylist()], pa.string())


def _interval_text(months: int, days: int, nanoseconds: int) -> str:
    years, rest = divmod(abs(months), 12)
    shown = f"{'-' if months < 0 else ''}{years}-{rest}"
    if not days and not nanoseconds:
        return shown
    sign = "-" if nanoseconds < 0 else ""
    return f"{shown} {days} {sign}{_time_text(abs(nanoseconds) // 1000)}"


def _binary(array: pa.Array, _zone: str) -> pa.Array:
    values = array.cast(pa.binary())
    if not len(values) or values.buffers()[2] is None:
        return values.cast(pa.string(), safe=False)
    offsets = _offsets(values)
    doubled = pc.multiply(pc.subtract(offsets, offsets[0]), pa.scalar(2, pa.int32()))
    digits = pa.py_buffer(data(values).hex().encode())
    shown = pa.Array.from_buffers(pa.string(), len(values), [None, doubled.buffers()[1], digits])
    return pc.if_else(values.is_valid(), shown, None) if values.null_count else shown


def _is_string(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _is_binary(type_: pa.DataType) -> bool:
    variable = pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_)
    return bool(variable or pa.types.is_fixed_size_binary(type_))


def _nested(array: pa.Array, zone: str) -> pa.Array:
    from gateway.json_values import json_text  # it stands on this module

    shown = json_text(array, time_zone=zone)
    return pc.if_else(array.is_valid(), shown, None) if array.null_count else shown


def _decoded(array: pa.Array, zone: str) -> pa.Array:
    return text(array.dictionary_decode(), zone)


def _storage(array: pa.Array, zone: str) -> pa.Array:
    return text(array.storage, zone)


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array, str], pa.Array]], ...] = (
    (lambda type_: isinstance(type_, pa.BaseExtensionType), _storage),
    (pa.types.is_dictionary, _decoded),
    (pa.types.is_floating, _float),
    (pa.types.is_decimal, _decimal),
    (_is_string, _string),
    (pa.types.is_date, _date),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_time, _time),
    (pa.types.is_duration, _duration),
    (pa.types.is_interval, _interval),
    (_is_binary, _binary),
    (pa.types.is_nested, _nested),
)
