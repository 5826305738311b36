"""Types, columns and partitionings as written in CREATE TABLE and on the command line."""

from collections.abc import Mapping

import pyarrow as pa

from catalog.errors import InvalidDefinitionError
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column
from catalog.tables import PartitionField
from gateway.dialects import reader
from gateway.dialects.cursor import Cursor
from gateway.errors import NotSupportedError

_TYPES: Mapping[str, pa.DataType] = {
    **dict.fromkeys(("BOOLEAN", "BOOL"), pa.bool_()),
    **dict.fromkeys(("TINYINT", "BYTE"), pa.int8()),
    **dict.fromkeys(("SMALLINT", "SHORT"), pa.int16()),
    **dict.fromkeys(("INT", "INTEGER"), pa.int32()),
    **dict.fromkeys(("BIGINT", "LONG"), pa.int64()),
    **dict.fromkeys(("FLOAT", "REAL"), pa.float32()),
    "DOUBLE": pa.float64(),
    **dict.fromkeys(("STRING", "TEXT", "VARCHAR", "CHAR", "CHARACTER"), pa.string()),
    **dict.fromkeys(("BINARY", "VARBINARY"), pa.binary()),
    "DATE": pa.date32(),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_LTZ", "TIMESTAMPTZ"), TIMESTAMP),
    "TIMESTAMP_NTZ": TIMESTAMP_NTZ,
}
_YEAR_MONTH = frozenset(("YEAR", "MONTH"))
_DAY_TIME = frozenset(("DAY", "HOUR", "MINUTE", "SECOND"))
_TRANSFORMS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("YEAR", "YEARS"), ("year", "_year")),
    **dict.fromkeys(("MONTH", "MONTHS"), ("month", "_month")),
    **dict.fromkeys(("DAY", "DAYS", "DATE"), ("day", "_day")),
    **dict.fromkeys(("HOUR", "HOURS", "DATE_HOUR"), ("hour", "_hour")),
}
"""Spelling → Iceberg's transform and the ending of the field's name (Iceberg spec, partition transforms)."""


def cursor(text: str, dialect: str = "spark") -> Cursor:
    """Return a cursor over the tokens of a text."""
    return Cursor(text, dialect, reader.tokenize(text, dialect))


def parse_type(text: str) -> pa.DataType:
    """See gateway.statements.parse_type."""
    tokens = cursor(text)
    type_ = type_of(tokens)
    tokens.end()
    return type_


def type_of(tokens: Cursor) -> pa.DataType:
    """Take a type."""
    word = tokens.word()
    known = _TYPES.get(word)
    if known is not None:
        tokens.take("a type")
        if pa.types.is_string(known) and tokens.accept("("):
            tokens.integer("a length")
            tokens.expect(")")
        return known
    nested = _NESTED.get(word)
    if nested is not None:
        tokens.take("a type")
        return nested(tokens)
    if word == "VARIANT" or tokens.done:
        raise NotSupportedError(f"columns of type {word or 'nothing'} are not supported", **tokens.place)
    tokens.fail("expected a type")
    raise AssertionError


def _decimal(tokens: Cursor) -> pa.DataType:
    precision, scale = 10, 0
    if tokens.accept("("):
        precision = tokens.integer("a precision")
        if tokens.accept(","):
            scale = tokens.integer("a scale")
        tokens.expect(")")
    if not 1 <= precision <= 38 or scale > precision:
        raise InvalidDefinitionError(f"decimal({precision},{scale}) cannot be", **tokens.place)
    return pa.decimal128(precision, scale)


def _array(tokens: Cursor) -> pa.DataType:
    tokens.expect("<")
    element = type_of(tokens)
    tokens.expect(">")
    return pa.list_(element)


def _map(tokens: Cursor) -> pa.DataType:
    tokens.expect("<")
    key = type_of(tokens)
    tokens.expect(",")
    value = type_of(tokens)
    tokens.expect(">")
    return pa.map_(key, value)


def _struct(tokens: Cursor) -> pa.DataType:
    tokens.expect("<")
    fields = tokens.listed(lambda: _struct_field(tokens))
    tokens.expect(">")
    return pa.struct(list(fields))


def _struct_field(tokens: Cursor) -> pa.Field:
    name = tokens.identifier("a field name")
    tokens.accept(":")
    type_ = type_of(tokens)
    nullable = not tokens.accept("NOT", "NULL")
    if tokens.accept("COMMENT"):
        tokens.string()
    return pa.field(name, type_, nullable)


def _interval(tokens: Cursor) -> pa.DataType:
    first = tokens.expect_one(*_YEAR_MONTH, *_DAY_TIME)
    if tokens.accept("TO"):
        tokens.expect_one(*_YEAR_MONTH, *_DAY_TIME)
    return pa.month_day_nano_interval() if first in _YEAR_MONTH else pa.duration("us")


_NESTED = {
    **dict.fromkeys(("DECIMAL", "DEC", "NUMERIC"), _decimal),
    "ARRAY": _array,
    "MAP": _map,
    "STRUCT": _struct,
    "INTERVAL": _interval,
}


def column(tokens: Cursor) -> Column:
    """Take ``name type [NOT NULL] [COMMENT 'text']``."""
    name = tokens.identifier("a column name")
    if tokens.word() == ".":
        raise NotSupportedError("fields of structs cannot be changed", **tokens.place)
    tokens.accept(":")
    type_ = type_of(tokens)
    nullable, comment = True, None
    while True:
        if tokens.accept("NOT", "NULL"):
            nullable = False
        elif tokens.accept("COMMENT"):
            comment = tokens.string()
        elif tokens.word() in ("DEFAULT", "GENERATED", "PRIMARY", "REFERENCES", "CHECK", "UNIQUE", "CONSTRAINT"):
            raise NotSupportedError(f"{tokens.word()} of a column is not supported", **tokens.place)
        else:
            return Column(name, type_, nullable, comment=comment)


def parse_partitioning(text: str) -> tuple[PartitionField, ...]:
    """See gateway.statements.parse_partitioning."""
    tokens = cursor(text)
    terms = tokens.listed(lambda: partition_field(tokens))
    tokens.end()
    return terms


def partition_field(tokens: Cursor) -> PartitionField:
    """Take one term of a partitioning: a column or a transform of one."""
    if tokens.word(1) != "(":
        name = tokens.identifier("a column or a transform")
        return PartitionField(name, "identity", name)
    place = tokens.place
    transform = tokens.identifier("a transform").upper()
    tokens.expect("(")
    if transform in ("BUCKET", "TRUNCATE"):
        number, source = _numbered(tokens)
        tokens.expect(")")
        if number < 1:
            raise InvalidDefinitionError(f"{transform.lower()} needs a number above 0", **place)
        ending = "_bucket" if transform == "BUCKET" else "_trunc"
        return PartitionField(source, f"{transform.lower()}[{number}]", source + ending)
    if transform not in _TRANSFORMS:
        raise InvalidDefinitionError(
            f"{transform.lower()} is not a partition transform",
            hint="there are year, month, day, hour, bucket(n, column), truncate(n, column)",
            **place,
        )
    source = tokens.identifier("a column")
    tokens.expect(")")
    name, ending = _TRANSFORMS[transform]
    return PartitionField(source, name, source + ending)


def _numbered(tokens: Cursor) -> tuple[int, str]:
    """Take number and column, in either order."""
    if tokens.word()[:1].isdigit():
        number = tokens.integer()
        tokens.expect(",")
        return number, tokens.identifier("a column")
    source = tokens.identifier("a column")
    tokens.expect(",")
    return tokens.integer(), source
