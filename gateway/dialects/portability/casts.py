"""Casts: for each pair of types the DuckDB text that gives the reference's value or error.

A pair that is not here is not portable. Sources: Cast.scala, UTF8String.java, SparkDateTimeUtils.scala of Spark 4.3.
"""

import datetime
import re
from decimal import Decimal

from gateway.dialects.portability.typed import DIVIDES, RAISES, UNKNOWN, NotPortableError, Typed
from gateway.dialects.portability.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DAY_TIME,
    DOUBLE,
    FLOAT,
    FRACTIONAL,
    INT,
    INTEGRAL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    VOID,
    YEAR_MONTH,
    Type,
    as_decimal,
    duckdb_name,
    is_decimal,
    is_exact,
    is_numeric,
    spark_name,
    text,
)

_EXACT_DOUBLE_DIGITS = 15
"""Decimals of so many digits become doubles by one correctly rounded division in both engines."""


def cast(value: Typed, to: Type, utc: bool, *, safe: bool = False, certain: bool = False) -> Typed:
    """Return the value cast to a type; with ``safe`` NULL stands for an error.

    ``certain`` says that the expression is evaluated for sure, so that a constant may fail in DuckDB.

    Raises: NotPortableError for a pair outside the portable set.
    """
    source = value.type
    if source == to:
        return value
    if source == VOID:
        return Typed(f"CAST(NULL AS {duckdb_name(to)})", to, value.name, None, value.flags)
    folded = _fold(value, to)
    if folded is not None:
        return folded
    sql, raises = _text(value, to, utc, certain)
    if safe and raises:
        sql, raises = f"TRY({sql})", 0
    return Typed(sql, to, value.name, UNKNOWN, value.flags | raises)


def _fold(value: Typed, to: Type) -> Typed | None:
    """Return a literal of the other type where the constant fits without any doubt."""
    constant = value.value
    if isinstance(constant, bool) or not isinstance(constant, int):
        return None
    if to in INTEGRAL and abs(constant) < 128:
        return Typed(f"CAST({constant} AS {duckdb_name(to)})", to, value.name, constant)
    if to == DOUBLE and abs(constant) < 2**53:
        return Typed(f"CAST({constant} AS DOUBLE)", to, value.name, float(constant))
    if is_decimal(to) and len(str(abs(constant))) <= to.precision - to.scale:
        return Typed(f"CAST({constant} AS {duckdb_name(to)})", to, value.name, Decimal(constant))
    return None


def _plain(value: Typed, to: Type) -> str:
    return f"CAST({value.sql} AS {duckdb_name(to)})"


def _text(value: Typed, to: Type, utc: bool, certain: bool = False) -> tuple[str, int]:
    source, x = value.type, value.sql
    if to == STRING:
        return _to_string(value), 0
    if source == STRING:
        return _from_string(value, to, utc, certain)
    if source == BOOLEAN and is_numeric(to):
        return _plain(value, to) if not is_decimal(to) else f"CAST(CAST({x} AS INTEGER) AS {duckdb_name(to)})", 0
    if is_numeric(source) and to == BOOLEAN:
        return f"({x} <> 0)", 0
    if is_numeric(source) and is_numeric(to):
        return _number(value, to)
    if source in (DATE, TIMESTAMP, TIMESTAMP_NTZ):
        return _from_datetime(value, to, utc)
    if source in INTEGRAL and to == TIMESTAMP:
        return f"make_timestamptz(CAST({x} AS BIGINT) * 1000000)", RAISES
    if source.kind == to.kind == "array":
        element = cast(Typed("hg_e", source.parts[0], None), to.parts[0], utc)
        return f"list_transform({x}, lambda hg_e: {element.sql})", element.flags
    raise NotPortableError(
        f"CAST({spark_name(source)} AS {spark_name(to)})", "no rewrite with the same answer is known"
    )


def _number(value: Typed, to: Type) -> tuple[str, int]:
    source, x = value.type, value.sql
    if source in INTEGRAL and to in INTEGRAL:
        widens = INTEGRAL.index(source) < INTEGRAL.index(to)
        return _plain(value, to), 0 if widens else RAISES | DIVIDES
    if to in INTEGRAL:
        if to == BIGINT and source in FRACTIONAL:
            return f"hg_double_to_bigint(CAST({x} AS DOUBLE))", RAISES | DIVIDES
        return f"CAST(trunc({x}) AS {duckdb_name(to)})", RAISES | DIVIDES
    if is_decimal(source) and is_decimal(to):
        wider = to.scale >= source.scale and to.precision - to.scale >= source.precision - source.scale
        return _plain(value, to), 0 if wider else RAISES | DIVIDES
    if is_decimal(to):
        if source in INTEGRAL:
            fits = as_decimal(source).precision <= to.precision - to.scale
            return _plain(value, to), 0 if fits else RAISES | DIVIDES
        return f"CAST(CAST({x} AS VARCHAR) AS {duckdb_name(to)})", RAISES | DIVIDES
    if is_decimal(source) and (source.precision > _EXACT_DOUBLE_DIGITS or to == FLOAT):
        return f"CAST(CAST({x} AS VARCHAR) AS {duckdb_name(to)})", 0
    if source == DOUBLE and to == FLOAT:
        return f"hg_double_to_float({x})", 0
    return _plain(value, to), 0


def _to_string(value: Typed) -> str:
    source, x = value.type, value.sql
    if is_decimal(source) and source.precision == source.scale:
        # DuckDB prints DECIMAL(2,2) without the zero before the point.
        if source.precision == 38:
            raise NotPortableError("CAST(DECIMAL(38,38) AS STRING)", "DuckDB prints it without the leading zero")
        return f"CAST(CAST({x} AS DECIMAL({source.precision + 1},{source.scale})) AS VARCHAR)"
    if is_exact(source) or source == BOOLEAN:
        return _plain(value, STRING)
    if source == DATE:
        return f"hg_date_text({x})"
    if source == TIMESTAMP_NTZ:
        return f"hg_timestamp_text({x})"
    if source == TIMESTAMP:
        return f"hg_timestamp_text(CAST({x} AS TIMESTAMP))"
    if source in FRACTIONAL:
        # Double.toString gives the shortest digits only from JDK 19 on, and Spark may run on 17.
        raise NotPortableError(f"CAST({spark_name(source)} AS STRING)", "the digits depend on Spark's Java")
    raise NotPortableError(f"CAST({spark_name(source)} AS STRING)", "the engines print such values differently")


_STRING_MACROS = {
    TINYINT: "hg_text_to_bigint",
    SMALLINT: "hg_text_to_bigint",
    INT: "hg_text_to_bigint",
    BIGINT: "hg_text_to_bigint",
    DOUBLE: "hg_text_to_double",
    BOOLEAN: "hg_text_to_boolean",
    DATE: "hg_text_to_date",
}


def _from_string(value: Typed, to: Type, utc: bool, certain: bool) -> tuple[str, int]:
    x = value.sql
    if to in (DATE, TIMESTAMP, TIMESTAMP_NTZ) and isinstance(value.value, str):
        literal = datetime_literal(value.value, to)
        if literal is not None and (to != TIMESTAMP or utc):
            return literal, 0
    if isinstance(value.value, str) and not certain:
        return _constant(value.value, to)
    macro = _STRING_MACROS.get(to)
    if macro is not None:
        sql = f"{macro}({x})"
        return (sql if to in (BIGINT, DOUBLE, BOOLEAN, DATE) else f"CAST({sql} AS {duckdb_name(to)})"), RAISES | DIVIDES
    if is_decimal(to):
        return f"CAST(hg_text_to_number({x}) AS {duckdb_name(to)})", RAISES | DIVIDES
    if to == BINARY:
        return f"encode({x})", 0
    if to == TIMESTAMP_NTZ:
        return f"hg_text_to_timestamp({x})", RAISES | DIVIDES
    if to == TIMESTAMP and utc:
        return f"CAST(hg_text_to_timestamp({x}) AS TIMESTAMPTZ)", RAISES | DIVIDES
    raise NotPortableError(f"CAST(STRING AS {spark_name(to)})", "no rewrite with the same answer is known")


_INTEGER = re.compile(r"[+-]?\d{1,18}\Z", re.ASCII)
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_BITS = {TINYINT: 7, SMALLINT: 15, INT: 31, BIGINT: 63}
_BLANKS = "".join(map(chr, range(33)))


def _constant(written: str, to: Type) -> tuple[str, int]:
    """Return a constant text as the value it stands for; what is no plain value is left to Spark.

    DuckDB would fail on a bad constant before it knows whether there is a row.
    """
    trimmed = written.strip(_BLANKS)
    if to in _BITS and _INTEGER.match(trimmed) and -(2 ** _BITS[to]) <= int(trimmed) < 2 ** _BITS[to]:
        return f"CAST({int(trimmed)} AS {duckdb_name(to)})", 0
    if to == DOUBLE and _REAL.match(trimmed):
        return f"CAST({text(trimmed)} AS DOUBLE)", 0
    if to == DOUBLE and trimmed.lower() == "nan":
        return "CAST('nan' AS DOUBLE)", 0
    if is_decimal(to) and _REAL.match(trimmed) and abs(Decimal(trimmed)) < Decimal(10) ** (to.precision - to.scale) - 1:
        return f"CAST({text(trimmed)} AS {duckdb_name(to)})", 0
    if to == BOOLEAN and trimmed.lower() in ("t", "true", "y", "yes", "1", "f", "false", "n", "no", "0"):
        return str(trimmed.lower() in ("t", "true", "y", "yes", "1")).lower(), 0
    if to == BINARY:
        return f"encode({text(written)})", 0
    raise NotPortableError(f"CAST('{written}' AS {spark_name(to)})", "not one of the plain forms")


def _from_datetime(value: Typed, to: Type, utc: bool) -> tuple[str, int]:
    source, x = value.type, value.sql
    pair = (source, to)
    if pair == (DATE, TIMESTAMP_NTZ) or (pair in ((DATE, TIMESTAMP), (TIMESTAMP_NTZ, TIMESTAMP)) and utc):
        return _plain(value, to), 0
    if pair == (TIMESTAMP, TIMESTAMP_NTZ) or pair == (TIMESTAMP_NTZ, DATE):
        return _plain(value, to), 0
    if pair == (TIMESTAMP, DATE):
        return f"CAST(CAST({x} AS TIMESTAMP) AS DATE)", 0
    if source == TIMESTAMP and to in INTEGRAL:
        seconds = f"CAST(floor(epoch_us({x}) / 1000000) AS BIGINT)"
        return (seconds, 0) if to == BIGINT else (f"CAST({seconds} AS {duckdb_name(to)})", RAISES | DIVIDES)
    if pair == (TIMESTAMP, DOUBLE):
        return f"(CAST(epoch_us({x}) AS DOUBLE) / 1000000)", 0
    zone = "local times need Spark's rule for the clock changes" if not utc else "no rewrite is known"
    raise NotPortableError(f"CAST({spark_name(source)} AS {spark_name(to)})", zone)


_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?\Z")
_TIMESTAMP = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?\Z")


def datetime_literal(written: str, to: Type) -> str | None:
    """Return the DuckDB literal of a constant text; None when it is not of the plain forms."""
    trimmed = written.strip("".join(map(chr, range(33))))
    try:
        if to == DATE:
            match = _DATE.match(trimmed)
            if match is None:
                return None
            day = datetime.date(*(int(part or 1) for part in match.groups()))
            return f"DATE '{day.isoformat()}'" if day.year > 0 else None
        match = _TIMESTAMP.match(trimmed)
        if match is None:
            return None
        *parts, fraction = match.groups()
        micros = int((fraction or "0")[:6].ljust(6, "0"))
        instant = datetime.datetime(*(int(part or 0) for part in parts), micros)  # type: ignore[arg-type, call-arg]
    except ValueError:
        return None
    return f"{duckdb_name(to)} '{instant.isoformat(sep=' ')}{'+00' if to == TIMESTAMP else ''}'"


__all__ = ["DAY_TIME", "YEAR_MONTH", "cast", "datetime_literal"]
