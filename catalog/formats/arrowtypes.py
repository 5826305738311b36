"""What a Parquet file's Arrow types are in the reference dialect: as Spark reads them, or refused."""

import pyarrow as pa

from catalog.errors import UnsupportedTableError
from catalog.identifiers import fold
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema

_WIDENED: dict[pa.DataType, pa.DataType] = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
}
_SAME = {
    pa.bool_(),
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.date32(),
    pa.string(),
    pa.binary(),
}


def reference_schema(schema: pa.Schema, path: str) -> Schema:
    """Return a file's columns in the reference dialect.

    Raises: UnsupportedTableError naming the column that the engines would not read alike.
    """
    seen: dict[str, str] = {}
    for name in schema.names:
        if fold(name) in seen:
            other = seen[fold(name)]
            how = "is there twice" if other == name else f"and {other!r} differ only in case"
            raise UnsupportedTableError(f"column {name!r} {how} in {path}")
        if not name:
            raise UnsupportedTableError(f"a column of {path} has an empty name")
        seen[fold(name)] = name
    return Schema(tuple(Column(field.name, reference_type(field.type, field.name, path)) for field in schema))


def reference_type(type_: pa.DataType, column: str, path: str) -> pa.DataType:
    """Return a type in the reference dialect.

    Raises: UnsupportedTableError.
    """
    if type_ in _SAME or (pa.types.is_decimal128(type_) and type_.scale >= 0):
        return type_
    if type_ in _WIDENED:
        return _WIDENED[type_]
    if pa.types.is_decimal(type_) and type_.precision <= 38 and type_.scale >= 0:
        return pa.decimal128(type_.precision, type_.scale)
    if pa.types.is_fixed_size_binary(type_):
        return pa.binary()
    if pa.types.is_timestamp(type_) and type_.unit in ("ms", "us"):
        return TIMESTAMP_NTZ if type_.tz is None else TIMESTAMP
    if pa.types.is_dictionary(type_):
        return reference_type(type_.value_type, column, path)
    nested = _nested(type_, column, path)
    if nested is None:
        raise UnsupportedTableError(
            f"column {column!r} of {path} has type {type_}, which the engines do not read alike",
            hint="headgate load copies such files into a table of its own",
        )
    return nested


def _nested(type_: pa.DataType, column: str, path: str) -> pa.DataType | None:
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(m.name, reference_type(m.type, f"{column}.{m.name}", path)) for m in type_])
    if pa.types.is_map(type_):
        key = reference_type(type_.key_type, f"{column}.key", path)
        return pa.map_(key, reference_type(type_.item_type, f"{column}.value", path))
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return pa.list_(reference_type(type_.value_type, f"{column}.element", path))
    return None
