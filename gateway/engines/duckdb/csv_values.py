"""The text of a CSV field as a value: the forms that Spark reads alike are read here, any other goes to Spark.

DuckDB's own typed reading is laxer than Spark's (`` 4 ``, ``1e2`` and ``1.5`` are INTs), and a cast in the query
replaces the declared type: ``CAST(n AS VARCHAR)`` of ``007`` is ``007`` (duckdb 2.0.0). So fields are read as text.
Compared with Spark 4.3.0 on 107 texts of ten types.
"""

import pyarrow as pa

from catalog.errors import UnsupportedTableError
from catalog.schema import Column, type_name
from gateway.engines.duckdb.text import duckdb_type, literal, quoted

_DATE = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = r"[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})"


def value_sql(column: Column) -> str:
    """Return the expression of a column's value over its text, which has the column's name.

    A text in no plain form is a BeyondEngineError when its row is read.
    Raises: UnsupportedTableError for types that CSV does not have.
    """
    name = quoted(column.name)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return name
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return f"encode({name})"
    type_ = duckdb_type(column.type)
    words = literal(f"headgate beyond: column {column.name} holds a text that is no plain {type_name(column.type)}: ")
    plain = f"CASE WHEN regexp_full_match({name}, {literal(_form(column))}) THEN {_cast(name, column.type)} END"
    return f"coalesce({plain}, CASE WHEN {name} IS NOT NULL THEN CAST({words} || {name} AS {type_}) END)"


def _cast(name: str, type_: pa.DataType) -> str:
    """Return the value, NULL where it does not fit the type."""
    cast = f"TRY_CAST({name} AS {duckdb_type(type_)})"
    if pa.types.is_floating(type_):  # what is beyond the type's range is no plain text
        return f"CASE WHEN isfinite({cast}) OR {name} IN ('NaN', 'Infinity', '-Infinity') THEN {cast} END"
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_):  # the year 0 is another one elsewhere
        return f"CASE WHEN {name} >= '0001' THEN {cast} END"
    return cast


def _form(column: Column) -> str:
    """Return the pattern of texts that mean the same to both engines."""
    type_ = column.type
    if pa.types.is_integer(type_):
        return "[+-]?[0-9]{1,30}"
    if pa.types.is_floating(type_):
        return r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?|NaN|-?Infinity"
    if pa.types.is_decimal(type_):
        return rf"[+-]?[0-9]+(\.[0-9]{{0,{type_.scale}}})?"
    if pa.types.is_boolean(type_):
        return "(?i)true|false"
    if pa.types.is_date(type_):
        return _DATE
    if pa.types.is_timestamp(type_):
        return f"{_DATE}({_TIME}{f'{_ZONE}?' if type_.tz is not None else ''})?"
    raise UnsupportedTableError(f"column {column.name} of a CSV file cannot be {type_name(type_)}")
