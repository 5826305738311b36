"""The reference's types: their names on each side, and the rules that combine them.

A type is a value without nullability. The rules are Spark 4.3's in ANSI mode (AnsiTypeCoercion.scala,
DecimalType.scala, DecimalPrecisionTypeCoercion.scala).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Type:
    """A type of Spark SQL."""

    kind: str
    """Spark's name in lower case; ``decimal``, ``array``, ``map`` and ``struct`` have parts."""
    precision: int = 0
    scale: int = 0
    parts: tuple["Type", ...] = ()
    names: tuple[str, ...] = ()
    """Of a struct's fields."""

    def __str__(self) -> str:
        return spark_name(self)


VOID = Type("void")
BOOLEAN = Type("boolean")
TINYINT = Type("tinyint")
SMALLINT = Type("smallint")
INT = Type("int")
BIGINT = Type("bigint")
FLOAT = Type("float")
DOUBLE = Type("double")
STRING = Type("string")
BINARY = Type("binary")
DATE = Type("date")
TIMESTAMP = Type("timestamp")
TIMESTAMP_NTZ = Type("timestamp_ntz")
DAY_TIME = Type("interval day to second")
YEAR_MONTH = Type("interval year to month")

INTEGRAL = (TINYINT, SMALLINT, INT, BIGINT)
FRACTIONAL = (FLOAT, DOUBLE)
DATETIMES = (DATE, TIMESTAMP_NTZ, TIMESTAMP)
_INTEGRAL_DIGITS = {TINYINT: 3, SMALLINT: 5, INT: 10, BIGINT: 20}
_SIMPLE: dict[Type, tuple[pa.DataType, str]] = {
    VOID: (pa.null(), "INTEGER"),
    BOOLEAN: (pa.bool_(), "BOOLEAN"),
    TINYINT: (pa.int8(), "TINYINT"),
    SMALLINT: (pa.int16(), "SMALLINT"),
    INT: (pa.int32(), "INTEGER"),
    BIGINT: (pa.int64(), "BIGINT"),
    FLOAT: (pa.float32(), "FLOAT"),
    DOUBLE: (pa.float64(), "DOUBLE"),
    STRING: (pa.string(), "VARCHAR"),
    BINARY: (pa.binary(), "BLOB"),
    DATE: (pa.date32(), "DATE"),
    TIMESTAMP: (pa.timestamp("us", tz="UTC"), "TIMESTAMPTZ"),
    TIMESTAMP_NTZ: (pa.timestamp("us"), "TIMESTAMP"),
    DAY_TIME: (pa.duration("us"), "INTERVAL"),
    YEAR_MONTH: (pa.month_day_nano_interval(), "INTERVAL"),
}
_FROM_ARROW = {arrow: type_ for type_, (arrow, _) in _SIMPLE.items()} | {
    pa.large_string(): STRING,
    pa.large_binary(): BINARY,
}


def decimal(precision: int, scale: int) -> Type:
    return Type("decimal", precision, scale)


def array(element: Type) -> Type:
    return Type("array", parts=(element,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", parts=(key, value))


def struct(names: Iterable[str], parts: Iterable[Type]) -> Type:
    return Type("struct", parts=tuple(parts), names=tuple(names))


def is_decimal(type_: Type) -> bool:
    return type_.kind == "decimal"


def is_numeric(type_: Type) -> bool:
    return type_ in _INTEGRAL_DIGITS or type_ is DOUBLE or type_ is FLOAT or type_ in FRACTIONAL or is_decimal(type_)


def is_exact(type_: Type) -> bool:
    """Return whether the type is a number without a floating point."""
    return type_ in _INTEGRAL_DIGITS or is_decimal(type_)


def is_atomic(type_: Type) -> bool:
    return type_.kind not in ("array", "map", "struct", "void")


def holds(type_: Type, kinds: tuple[Type, ...]) -> bool:
    """Return whether the type is one of the kinds or has one inside."""
    return type_ in kinds or any(holds(part, kinds) for part in type_.parts)


@lru_cache(maxsize=4096)
def from_arrow(type_: pa.DataType) -> Type | None:
    """Return the type of an Arrow column; None when the reference has none."""
    simple = _FROM_ARROW.get(type_)
    if simple is not None:
        return simple
    if pa.types.is_decimal(type_) and type_.scale >= 0:
        return decimal(type_.precision, type_.scale)
    if pa.types.is_map(type_):
        return _nested("map", (type_.key_type, type_.item_type))
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return _nested("array", (type_.value_type,))
    if pa.types.is_struct(type_):
        return _nested("struct", tuple(field.type for field in type_), tuple(field.name for field in type_))
    return None


def _nested(kind: str, arrow_parts: tuple[pa.DataType, ...], names: tuple[str, ...] = ()) -> Type | None:
    parts = tuple(part for arrow in arrow_parts if (part := from_arrow(arrow)) is not None)
    return Type(kind, parts=parts, names=names) if len(parts) == len(arrow_parts) else None


def to_arrow(type_: Type) -> pa.DataType:
    """Return the Arrow form, as in ``catalog.schema``."""
    if type_ in _SIMPLE:
        return _SIMPLE[type_][0]
    parts = [to_arrow(part) for part in type_.parts]
    if type_.kind == "decimal":
        return pa.decimal128(type_.precision, type_.scale)
    if type_.kind == "array":
        return pa.list_(pa.field("element", parts[0]))
    if type_.kind == "map":
        return pa.map_(parts[0], parts[1])
    return pa.struct([pa.field(name, part) for name, part in zip(type_.names, parts, strict=True)])


def duckdb_name(type_: Type) -> str:
    """Return DuckDB's name of the type."""
    if type_ in _SIMPLE:
        return _SIMPLE[type_][1]
    parts = [duckdb_name(part) for part in type_.parts]
    if type_.kind == "decimal":
        return f"DECIMAL({type_.precision},{type_.scale})"
    if type_.kind == "array":
        return parts[0] + "[]"
    if type_.kind == "map":
        return f"MAP({parts[0]}, {parts[1]})"
    return "STRUCT(" + ", ".join(f"{quote(n)} {p}" for n, p in zip(type_.names, parts, strict=True)) + ")"


def spark_name(type_: Type) -> str:
    """Return Spark's name of the type as it stands in generated column names."""
    if type_.kind == "decimal":
        return f"DECIMAL({type_.precision},{type_.scale})"
    if type_.kind == "array":
        return f"ARRAY<{spark_name(type_.parts[0])}>"
    if type_.kind == "map":
        return f"MAP<{spark_name(type_.parts[0])}, {spark_name(type_.parts[1])}>"
    if type_.kind == "struct":
        fields = ", ".join(f"{n}: {spark_name(p)}" for n, p in zip(type_.names, type_.parts, strict=True))
        return f"STRUCT<{fields}>"
    return type_.kind.upper()


def quote(name: str) -> str:
    """Return a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


# Decimals.

_MAX_PRECISION = 38
_MIN_ADJUSTED_SCALE = 6


def adjusted(precision: int, scale: int) -> Type:
    """Return the decimal type after Spark's loss rule for more than 38 digits (DecimalType.adjustPrecisionScale)."""
    if precision <= _MAX_PRECISION:
        return decimal(precision, scale)
    integral = precision - scale
    return decimal(_MAX_PRECISION, max(_MAX_PRECISION - integral, min(scale, _MIN_ADJUSTED_SCALE)))


def bounded(precision: int, scale: int) -> Type:
    """Return the decimal type cut to 38 digits (DecimalType.bounded)."""
    return decimal(min(precision, _MAX_PRECISION), min(scale, _MAX_PRECISION))


def as_decimal(type_: Type) -> Type:
    """Return the decimal type that holds every value of an exact type."""
    digits = _INTEGRAL_DIGITS.get(type_)
    return type_ if digits is None else decimal(digits, 0)


def literal_decimal(digits: str) -> Type:
    """Return the type of a plain decimal literal such as ``1.50`` (DecimalType.fromDecimal)."""
    whole, _, fraction = digits.lstrip("+-").partition(".")
    scale = len(fraction)
    return decimal(max(len((whole + fraction).lstrip("0")), scale, 1), scale)


def wider_decimal(left: Type, right: Type) -> Type:
    """Return the decimal type that two exact types meet in (DecimalPrecisionTypeCoercion.widerDecimalType)."""
    a, b = as_decimal(left), as_decimal(right)
    scale = max(a.scale, b.scale)
    integral = max(a.precision - a.scale, b.precision - b.scale)
    return bounded_integral(integral + scale, scale)


def bounded_integral(precision: int, scale: int) -> Type:
    """Return the decimal type cut to 38 digits with its integral digits kept
    (DecimalType.boundedPreferIntegralDigits)."""
    if precision <= _MAX_PRECISION:
        return decimal(precision, scale)
    return decimal(_MAX_PRECISION, max(0, scale - (precision - _MAX_PRECISION)))


# Meeting points.


def widest(left: Type, right: Type) -> Type | None:
    """Return the type two operands meet in without text being read (AnsiTypeCoercion.findTightestCommonType and
    decimals)."""
    if left == right or right == VOID:
        return left
    if left == VOID:
        return right
    if is_numeric(left) and is_numeric(right):
        return _widest_number(left, right)
    if left in DATETIMES and right in DATETIMES:
        return left if DATETIMES.index(left) > DATETIMES.index(right) else right
    if left.kind == right.kind and left.kind in ("array", "map"):
        parts = [part for pair in zip(left.parts, right.parts, strict=True) if (part := common(*pair)) is not None]
        return Type(left.kind, parts=tuple(parts)) if len(parts) == len(left.parts) else None
    if left.kind == right.kind == "struct" and [n.lower() for n in left.names] == [n.lower() for n in right.names]:
        parts = [part for pair in zip(left.parts, right.parts, strict=True) if (part := common(*pair)) is not None]
        return struct(left.names, parts) if len(parts) == len(left.parts) else None
    return None


def _widest_number(left: Type, right: Type) -> Type:
    if is_decimal(left) or is_decimal(right):
        return DOUBLE if left in FRACTIONAL or right in FRACTIONAL else wider_decimal(left, right)
    if left in FRACTIONAL or right in FRACTIONAL:
        if left == right == FLOAT:
            return FLOAT
        return DOUBLE
    return max(left, right, key=INTEGRAL.index)


def common(left: Type, right: Type) -> Type | None:
    """Return the type two expressions meet in, text giving way to the other side
    (AnsiTypeCoercion.findWiderTypeForTwo)."""
    found = widest(left, right)
    if found is not None:
        return found
    if STRING in (left, right):
        other = right if left == STRING else left
        if other in (TINYINT, SMALLINT, INT):
            return BIGINT
        if is_decimal(other) or other == FLOAT:
            return DOUBLE
        if other in (BIGINT, DOUBLE, BOOLEAN, BINARY, *DATETIMES):
            return other
    return None
