"""Partition transforms: what they make of one value and of a column, and what a predicate on the source says of them.

Source: Iceberg table spec, "Partition Transforms" and "Appendix B: 32-bit Hash Requirements".
"""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.decimals import scaled, to_bytes, unscaled
from catalog.errors import InvalidDefinitionError
from catalog.predicates import Literal

_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_DAY_MICROS = 86_400_000_000
_HOUR_MICROS = 3_600_000_000
_SPELLING = re.compile(r"(identity|year|month|day|hour|void|bucket|truncate)(?:\[(\d+)\])?\Z")


@dataclass(frozen=True, slots=True)
class Transform:
    """A parsed transform: its kind, and the width of bucket and truncate."""

    kind: str
    width: int = 0

    @property
    def keeps_order(self) -> bool:
        """True when a smaller source never gives a larger result."""
        return self.kind in ("identity", "year", "month", "day", "hour", "truncate")

    @property
    def is_temporal(self) -> bool:
        return self.kind in ("year", "month", "day", "hour")


def parse_transform(text: str) -> Transform | None:
    """Return the transform of that Iceberg spelling, None when it is not known (then nothing is pruned by it)."""
    match = _SPELLING.match(text.strip().lower())
    if match is None:
        return None
    kind, width = match[1], int(match[2] or 0)
    needs_width = kind in ("bucket", "truncate")
    return Transform(kind, width) if bool(width) == needs_width else None


def check_transform(text: str, type_: pa.DataType, column: str) -> Transform:
    """Return the transform when it can be applied to a column of that type.

    Raises: InvalidDefinitionError.
    """
    transform = parse_transform(text)
    if transform is None:
        raise InvalidDefinitionError(
            f"{text!r} is not a partition transform",
            hint="identity, year, month, day, hour, bucket(n, column), truncate(n, column)",
        )
    if not _APPLICABLE[transform.kind](type_):
        raise InvalidDefinitionError(f"{transform.kind} cannot partition column {column!r} of type {type_}")
    return transform


def _is_temporal(type_: pa.DataType) -> bool:
    return bool(pa.types.is_date(type_) or pa.types.is_timestamp(type_))


def _is_plain(type_: pa.DataType) -> bool:
    return not pa.types.is_nested(type_) and not pa.types.is_null(type_)


def _is_discrete(type_: pa.DataType) -> bool:
    """Return whether a type may be the source of bucket; floats and booleans may not."""
    return _is_plain(type_) and not pa.types.is_floating(type_) and not pa.types.is_boolean(type_)


def _is_truncatable(type_: pa.DataType) -> bool:
    return _is_discrete(type_) and not _is_temporal(type_)


_APPLICABLE: dict[str, Callable[[pa.DataType], bool]] = {
    "identity": _is_plain,
    "void": lambda _: True,
    "year": _is_temporal,
    "month": _is_temporal,
    "day": _is_temporal,
    "hour": lambda type_: bool(pa.types.is_timestamp(type_)),
    "bucket": _is_discrete,
    "truncate": _is_truncatable,
}


def result_type(transform: Transform, source: pa.DataType) -> pa.DataType:
    """Return the type of the transformed values; days are int32 here, as counted from 1970."""
    return source if transform.kind in ("identity", "truncate", "void") else pa.int32()


def apply(transform: Transform, value: Literal, type_: pa.DataType) -> Literal | None:
    """Return the transform of one value of a column of that type; None for void."""
    match transform.kind:
        case "identity":
            return value
        case "void":
            return None
        case "bucket":
            return (murmur3(hashed_bytes(value, type_)) & 0x7FFFFFFF) % transform.width
        case "truncate":
            return _truncate(value, transform.width, type_)
    return _temporal(transform.kind, value)


def micros(value: datetime.datetime) -> int:
    """Return microseconds since 1970 of a naive or aware datetime."""
    return (value - (_EPOCH if value.tzinfo is None else _EPOCH_UTC)) // _MICROSECOND


def _temporal(kind: str, value: Literal) -> int:
    if isinstance(value, datetime.datetime):
        instant = micros(value)
        if kind == "hour":
            return instant // _HOUR_MICROS
        day = (_EPOCH + datetime.timedelta(days=instant // _DAY_MICROS)).date()
    else:
        assert isinstance(value, datetime.date)
        day = value
    match kind:
        case "year":
            return day.year - 1970
        case "month":
            return (day.year - 1970) * 12 + day.month - 1
    return (day - _EPOCH.date()).days


def _truncate(value: Literal, width: int, type_: pa.DataType) -> Literal:
    if isinstance(value, int):
        # Near the smallest integer Java wraps around, so this does.
        bits: int = type_.bit_width
        return (value - value % width + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
    if isinstance(value, Decimal):
        number = unscaled(value, type_.scale)
        return scaled(number - number % width, type_.scale)
    assert isinstance(value, str | bytes)
    return value[:width]


def hashed_bytes(value: Literal, type_: pa.DataType) -> bytes:
    """Return the bytes that bucket hashes."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    if isinstance(value, datetime.datetime):
        return micros(value).to_bytes(8, "little", signed=True)
    if isinstance(value, datetime.date):
        return (value - _EPOCH.date()).days.to_bytes(8, "little", signed=True)
    if pa.types.is_decimal(type_):
        assert isinstance(value, int | Decimal)
        return to_bytes(unscaled(value, type_.scale))
    assert isinstance(value, int)
    return value.to_bytes(8, "little", signed=True)


def murmur3(data: bytes) -> int:
    """Return the 32-bit Murmur3 hash (x86 variant, seed 0)."""
    mask = 0xFFFFFFFF
    hashed = 0
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        hashed ^= _scramble(int.from_bytes(data[start : start + 4], "little"))
        hashed = _rotate_mix(hashed)
    if whole < len(data):
        hashed ^= _scramble(int.from_bytes(data[whole:], "little"))
    hashed ^= len(data)
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B & mask
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 & mask
    return hashed ^ hashed >> 16


def _scramble(block: int) -> int:
    block = block * 0xCC9E2D51 & 0xFFFFFFFF
    block = (block << 15 | block >> 17) & 0xFFFFFFFF
    return block * 0x1B873593 & 0xFFFFFFFF


def _rotate_mix(hashed: int) -> int:
    hashed = (hashed << 13 | hashed >> 19) & 0xFFFFFFFF
    return (hashed * 5 + 0xE6546B64) & 0xFFFFFFFF


def apply_array(transform: Transform, values: pa.Array) -> pa.Array:
    """Return the transform of a column, NULL for NULL."""
    type_ = values.type
    match transform.kind:
        case "identity":
            return values
        case "void":
            return pa.nulls(len(values), type_)
        case "truncate" if pa.types.is_string(type_):
            return pc.utf8_slice_codeunits(values, 0, transform.width)
        case "bucket" | "truncate":
            return _by_distinct_value(transform, values)
        case "year" | "month":
            return _years_or_months(transform.kind, values)
    return _days_or_hours(transform.kind, values)


def _by_distinct_value(transform: Transform, values: pa.Array) -> pa.Array:
    encoded = values.dictionary_encode()
    results = [apply(transform, value, values.type) for value in encoded.dictionary.to_pylist()]
    return pa.array(results, result_type(transform, values.type)).take(encoded.indices)


def _years_or_months(kind: str, values: pa.Array) -> pa.Array:
    years = pc.subtract(pc.year(values), 1970)
    if kind == "month":
        years = pc.add(pc.multiply(years, 12), pc.subtract(pc.month(values), 1))
    return years.cast(pa.int32())


def _days_or_hours(kind: str, values: pa.Array) -> pa.Array:
    if pa.types.is_date(values.type):
        return values.cast(pa.int32())
    instants = values.cast(pa.int64())
    unit = _HOUR_MICROS if kind == "hour" else _DAY_MICROS
    floored = np.floor_divide(instants.fill_null(0).to_numpy(), unit)
    return pa.array(floored, pa.int64(), mask=instants.is_null().to_numpy(zero_copy_only=False)).cast(pa.int32())
