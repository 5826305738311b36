"""Iceberg's partition transforms in DuckDB's own words.

DuckDB has neither murmur3 nor Iceberg's truncation. All of it is SQL, so that a write never leaves
DuckDB's threads for Python.
Source: Iceberg table spec, "Partition Transforms" and "Appendix B: 32-bit Hash Requirements".
"""

import datetime
import decimal
import re

import pyarrow as pa

from catalog.errors import InvalidDefinitionError
from catalog.predicates import Literal

_PARAMETRISED = re.compile(r"(bucket|truncate)\[(\d+)\]\Z")
_EPOCH_DATE = datetime.date(1970, 1, 1)
_EPOCH = datetime.datetime(1970, 1, 1)
_LOW = 4294967295
"""The low 32 bits of what is computed in 64."""

MACROS: tuple[str, ...] = (
    f"hg_rotate(x, r) AS (((x << r) & {_LOW}) | (x >> (32 - r)))",
    f"hg_block(k) AS ((hg_rotate((k * 3432918353) & {_LOW}, 15) * 461845907) & {_LOW})",
    f"hg_round(h, k) AS ((hg_rotate(xor(h, hg_block(k)), 13) * 5 + 3864292196) & {_LOW})",
    f"hg_mix_1(h) AS ((xor(h, h >> 16) * 2246822507) & {_LOW})",
    f"hg_mix_2(h) AS ((xor(h, h >> 13) * 3266489909) & {_LOW})",
    "hg_mix(h) AS xor(hg_mix_2(hg_mix_1(h)), hg_mix_2(hg_mix_1(h)) >> 16)",
    f"hg_hash_long(v) AS hg_mix(xor(hg_round(hg_round(0::UBIGINT, (v::HUGEINT & {_LOW})::UBIGINT), "
    f"((v::HUGEINT >> 32) & {_LOW})::UBIGINT), 8::UBIGINT))",
    # The little-endian 32-bit word i of bytes given in hexadecimal; past the end it is what is left, or 0.
    "hg_word(x, i) AS ('0x0' || substr(x, i * 8 + 7, 2) || substr(x, i * 8 + 5, 2) || substr(x, i * 8 + 3, 2) "
    "|| substr(x, i * 8 + 1, 2))::UBIGINT",
    "hg_hash_hex(x, n) AS hg_mix(xor(xor(list_reduce(list_transform(range(0, n // 4), lambda i: hg_word(x, i)), "
    "lambda h, k: hg_round(h, k), 0::UBIGINT), hg_block(hg_word(x, n // 4))), n::UBIGINT))",
    "hg_hash_bytes(b) AS hg_hash_hex(hex(b), octet_length(b))",
    # Bytes of the shortest two's complement of u: one bit more than its magnitude.
    "hg_magnitude(u) AS (CASE WHEN u < 0 THEN -(u + 1) ELSE u END)::UHUGEINT",
    "hg_length(u) AS ((length(ltrim(hex(hg_magnitude(u) * 2 + 1), '0')) + 1) // 2)",
    "hg_hash_unscaled(u) AS hg_hash_hex(right(CASE WHEN u < 0 THEN hex(u) ELSE lpad(hex(u), 32, '0') END, "
    "2 * hg_length(u)::INTEGER), hg_length(u))",
    "hg_floor(v, w) AS (v - (((v % w) + w) % w))",
)
"""Bodies of CREATE TEMP MACRO, in the order in which they need each other."""


def partition_sql(column: str, type_: pa.DataType, transform: str) -> str:
    """Return the expression of a transform's value, in a form whose text is exact.

    ``column`` is a quoted name. Dates come as days, timestamps as microseconds, years, months, days and hours
    counted from 1970, binary as hexadecimal: ``partition_value`` reads them back.
    Raises: InvalidDefinitionError when the transform does not take the type.
    """
    expression = _expression(column, type_, transform)
    if expression is None:
        raise InvalidDefinitionError(f"the transform {transform} does not take a column of type {type_}")
    return expression


def _expression(column: str, type_: pa.DataType, transform: str) -> str | None:
    match _PARAMETRISED.match(transform):
        case re.Match() as match:
            size = int(match[2])
            return _bucket(column, type_, size) if match[1] == "bucket" else _truncate(column, type_, size)
    match transform:
        case "identity":
            return _exact(column, type_)
        case "void":
            return f"nullif({_exact(column, type_)}, {_exact(column, type_)})"
        case "year" | "month" | "day" | "hour":
            return _calendar(column, type_, transform)
    return None


def _exact(column: str, type_: pa.DataType) -> str | None:
    if pa.types.is_nested(type_):
        return None
    if pa.types.is_date(type_):
        return f"({column} - DATE '1970-01-01')"
    if pa.types.is_timestamp(type_):
        return f"epoch_us({column})"
    if pa.types.is_binary(type_):
        return f"hex({column})"
    return column


def _calendar(column: str, type_: pa.DataType, transform: str) -> str | None:
    if not (pa.types.is_timestamp(type_) or (pa.types.is_date(type_) and transform != "hour")):
        return None
    # In UTC whatever the zone of the session: the spec counts from 1970-01-01T00:00 UTC.
    wall = column if pa.types.is_date(type_) else f"make_timestamp(epoch_us({column}))"
    days = f"(CAST({wall} AS DATE) - DATE '1970-01-01')"
    match transform:
        case "year":
            return f"(year({wall}) - 1970)"
        case "month":
            return f"((year({wall}) - 1970) * 12 + month({wall}) - 1)"
        case "day":
            return days
    return f"({days} * 24 + hour({wall}))"


def _bucket(column: str, type_: pa.DataType, size: int) -> str | None:
    if pa.types.is_integer(type_):
        hashed = f"hg_hash_long({column})"
    elif pa.types.is_decimal(type_):
        hashed = f"hg_hash_unscaled({_unscaled(column)})"
    elif pa.types.is_date(type_) or pa.types.is_timestamp(type_):
        hashed = f"hg_hash_long({_exact(column, type_)})"
    elif pa.types.is_string(type_):
        hashed = f"hg_hash_bytes(encode({column}))"
    elif pa.types.is_binary(type_):
        hashed = f"hg_hash_bytes({column})"
    else:
        return None
    return f"(({hashed} & 2147483647) % {size})::INTEGER"


def _truncate(column: str, type_: pa.DataType, width: int) -> str | None:
    if pa.types.is_integer(type_):
        return f"hg_floor({column}::HUGEINT, {width})"
    if pa.types.is_decimal(type_):
        return f"hg_floor({_unscaled(column)}, {width})"
    if pa.types.is_string(type_):
        return f"left({column}, {width})"
    if pa.types.is_binary(type_):
        return f"hex(({column})[1:{width}])"
    return None


def _unscaled(column: str) -> str:
    # A decimal's text without its point is its unscaled value; a product would overflow at 38 digits.
    return f"replace(CAST({column} AS VARCHAR), '.', '')::HUGEINT"


def partition_value(text: str | None, type_: pa.DataType, transform: str) -> Literal | None:
    """Return the partition value whose text DuckDB gave for ``partition_sql``.

    Shape: int for year, month, day, hour and bucket; else the column's own type.
    """
    if text is None:
        return None
    if transform.startswith("bucket") or transform in ("year", "month", "day", "hour"):
        return int(text)
    if pa.types.is_decimal(type_) and transform.startswith("truncate"):
        return decimal.Decimal(f"{text}e-{type_.scale}")  # Exact: construction ignores the context's precision.
    return _plain_value(text, type_)


def _plain_value(text: str, type_: pa.DataType) -> Literal:
    if pa.types.is_date(type_):
        return _EPOCH_DATE + datetime.timedelta(days=int(text))
    if pa.types.is_timestamp(type_):
        instant = _EPOCH + datetime.timedelta(microseconds=int(text))
        return instant if type_.tz is None else instant.replace(tzinfo=datetime.UTC)
    if pa.types.is_binary(type_):
        return bytes.fromhex(text)
    value: Literal = pa.scalar(text).cast(type_).as_py()
    return value
