"""Names, literals and types as DuckDB reads them."""

import pyarrow as pa

from catalog.errors import UnsupportedTableError
from catalog.schema import type_name


def quoted(name: str) -> str:
    """Return a name as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as DuckDB reads it.

    Raises: UnsupportedTableError for a NUL, at which DuckDB's parser stops reading.
    """
    if "\0" in text:
        raise UnsupportedTableError("a name or value holds a NUL character, which DuckDB cannot read")
    return "'" + text.replace("'", "''") + "'"


def duckdb_type(type_: pa.DataType) -> str:
    """Return DuckDB's name of one of the Arrow forms of ``catalog.schema``.

    Raises: UnsupportedTableError for any other type.
    """
    simple = _TYPES.get(type_)
    if simple is not None:
        return simple
    if pa.types.is_decimal(type_) and type_.precision <= 38:
        return f"DECIMAL({type_.precision},{type_.scale})"
    if pa.types.is_timestamp(type_):
        return "TIMESTAMP" if type_.tz is None else "TIMESTAMP WITH TIME ZONE"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return f"{duckdb_type(type_.value_type)}[]"
    if pa.types.is_map(type_):
        return f"MAP({duckdb_type(type_.key_type)}, {duckdb_type(type_.item_type)})"
    if pa.types.is_struct(type_):
        return f"STRUCT({', '.join(f'{quoted(child.name)} {duckdb_type(child.type)}' for child in type_)})"
    raise UnsupportedTableError(f"DuckDB cannot read columns of type {type_name(type_)}")


_TYPES: dict[pa.DataType, str] = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
    pa.date32(): "DATE",
    pa.null(): '"NULL"',
    pa.month_day_nano_interval(): "INTERVAL",
    pa.duration("us"): "INTERVAL",
}
