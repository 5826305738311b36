"""Iceberg's partition transforms in Spark SQL, and the way back from the text that names a written folder.

A partition value travels in a folder's name, which Spark escapes, cuts short of nothing and merges '' with NULL in;
so it goes as hexadecimal of an exact text.
Source: Iceberg table spec, "Partition Transforms".
"""

import datetime
import re

import pyarrow as pa

from catalog.errors import InvalidDefinitionError
from catalog.predicates import Literal
from gateway.errors import NotSupportedError

_TRUNCATE = re.compile(r"truncate\[(\d+)\]\Z")
_EPOCH_DATE = datetime.date(1970, 1, 1)
_EPOCH = datetime.datetime(1970, 1, 1)
_COUNTED = ("year", "month", "day", "hour")


def folder_sql(column: str, type_: pa.DataType, transform: str) -> str:
    """Return the expression of a transform's value as text for a folder name; ``n`` for NULL, ``v`` before others.

    Raises: NotSupportedError for bucket, whose hash Spark SQL lacks; InvalidDefinitionError for a transform that
    does not take the type.
    """
    if transform.startswith("bucket"):
        raise NotSupportedError(f"Spark cannot write the partition transform {transform}", hint="SET engine = duckdb")
    value = _value(column, type_, transform)
    if value is None:
        raise InvalidDefinitionError(f"the transform {transform} does not take a column of type {type_}")
    binary = pa.types.is_binary(type_) and transform != "void"
    text = value if binary else f"ENCODE(CAST({value} AS STRING), 'UTF-8')"
    return f"COALESCE('v' || HEX({text}), 'n')"


def _value(column: str, type_: pa.DataType, transform: str) -> str | None:
    if transform == "void":
        return "CAST(NULL AS STRING)"
    if transform == "identity":
        return _exact(column, type_)
    if transform in _COUNTED:
        return _calendar(column, type_, transform)
    match = _TRUNCATE.match(transform)
    return _truncated(column, type_, int(match[1])) if match else None


def _exact(column: str, type_: pa.DataType) -> str | None:
    if pa.types.is_nested(type_) or pa.types.is_floating(type_):
        return None
    if pa.types.is_date(type_):
        return f"UNIX_DATE({column})"
    if pa.types.is_timestamp(type_):
        return _micros(column, type_)
    return column


def _micros(column: str, type_: pa.DataType) -> str:
    if type_.tz is not None:
        return f"UNIX_MICROS({column})"
    # Between wall clocks, so the session's zone does not matter.
    return f"TIMESTAMPDIFF(MICROSECOND, TIMESTAMP_NTZ'1970-01-01 00:00:00', {column})"


def _calendar(column: str, type_: pa.DataType, transform: str) -> str | None:
    if pa.types.is_date(type_) and transform != "hour":
        date = column
    elif pa.types.is_timestamp(type_):
        # In UTC whatever the zone of the session.
        hours = f"CAST(FLOOR({_micros(column, type_)} / 3600000000BD) AS BIGINT)"
        if transform == "hour":
            return hours
        date = f"DATE_FROM_UNIX_DATE(CAST(FLOOR({hours} / 24BD) AS INT))"
    else:
        return None
    match transform:
        case "year":
            return f"(YEAR({date}) - 1970)"
        case "month":
            return f"((YEAR({date}) - 1970) * 12 + MONTH({date}) - 1)"
    return f"UNIX_DATE({date})"


def _truncated(column: str, type_: pa.DataType, width: int) -> str | None:
    if pa.types.is_integer(type_):
        wide = f"CAST({column} AS DECIMAL(38, 0))"
        return f"CAST({wide} - PMOD({wide}, {width}) AS BIGINT)"
    if pa.types.is_string(type_):
        return f"SUBSTRING({column}, 1, {width})"
    if pa.types.is_binary(type_):
        return f"SUBSTRING({column}, 1, {width})"
    if pa.types.is_decimal(type_):
        step = f"CAST({width} AS DECIMAL(38, 0)) * CAST('1e-{type_.scale}' AS DECIMAL(38, {type_.scale}))"
        return f"CAST({column} - PMOD({column}, {step}) AS DECIMAL(38, {type_.scale}))"
    return None


def folder_value(text: str, type_: pa.DataType, transform: str) -> Literal | None:
    """Return the partition value that a folder's name says.

    Shape: int for year, month, day and hour; else the column's own type.
    """
    if text == "n":
        return None
    raw = bytes.fromhex(text[1:])
    if pa.types.is_binary(type_):
        return raw
    value = raw.decode("utf-8")
    if transform in _COUNTED:
        return int(value)
    if pa.types.is_date(type_):
        return _EPOCH_DATE + datetime.timedelta(days=int(value))
    if pa.types.is_timestamp(type_):
        instant = _EPOCH + datetime.timedelta(microseconds=int(value))
        return instant if type_.tz is None else instant.replace(tzinfo=datetime.UTC)
    found: Literal = pa.scalar(value).cast(type_).as_py()
    return found
