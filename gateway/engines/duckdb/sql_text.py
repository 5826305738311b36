"""Names, texts and types as DuckDB reads them."""

import pyarrow as pa


def quoted(name: str) -> str:
    """Return a name as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as DuckDB reads it."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: "tuple[str, ...] | list[str]") -> str:
    """Return a list of texts as DuckDB reads it."""
    return "[" + ", ".join(literal(text) for text in texts) + "]"


def escaped(path: str) -> str:
    """Return a path that DuckDB's readers do not take for a glob."""
    return path.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


def sql_type(type_: pa.DataType) -> str:
    """Return DuckDB's name of one of the Arrow forms in ``catalog.schema``.

    Raises: KeyError for a type outside that table.
    """
    if pa.types.is_decimal(type_):
        return f"DECIMAL({type_.precision}, {type_.scale})"
    if pa.types.is_timestamp(type_):
        return "TIMESTAMP" if type_.tz is None else "TIMESTAMPTZ"
    if pa.types.is_map(type_):
        return f"MAP({sql_type(type_.key_type)}, {sql_type(type_.item_type)})"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return f"{sql_type(type_.value_type)}[]"
    if pa.types.is_struct(type_):
        return "STRUCT(" + ", ".join(f"{quoted(child.name)} {sql_type(child.type)}" for child in type_) + ")"
    return _NAMES[type_]


_NAMES = {
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
}
