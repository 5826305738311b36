"""The fields of CSV and JSON files as values: the forms that Spark reads alike are read here, any other goes to Spark.

DuckDB's own typed reading is laxer than Spark's (in CSV `` 4 ``, ``1e2`` and ``1.5`` are INTs; in JSON 1.5 is the
INT 2, 1.005 the DECIMAL 1.00), and over CSV a cast in the query replaces the declared type: ``CAST(n AS VARCHAR)`` of
``007`` is ``007`` (duckdb 2.0.0). So fields are read as text. Compared with Spark 4.3.0 on 107 texts of ten types.
"""

import pyarrow as pa

from catalog.errors import UnsupportedTableError
from catalog.schema import Column, type_name
from gateway.engines.duckdb.text import duckdb_type, literal, quoted
from gateway.errors import BeyondEngineError

_DATE = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = r"[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_ZONE = "(Z|[+-][0-9]{2}:[0-9]{2})"
_DOUBLE_DIGITS = 15
"""Decimal digits that survive a double."""


def csv_value_sql(column: Column) -> str:
    """Return the expression of a column's value over its text, which has the column's name.

    A text in no plain form is a BeyondEngineError when its row is read.
    Raises: UnsupportedTableError for types that CSV does not have.
    """
    name = quoted(column.name)
    if _is_text(column.type):
        return name
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return f"encode({name})"
    form = _form(column)
    if pa.types.is_floating(column.type):
        form += "|NaN|-?Infinity"
    elif pa.types.is_boolean(column.type):
        form = f"(?i){form}"
    return _strict(column, name, f"regexp_full_match({name}, {literal(form)})", _cast(name, column.type))


def json_value_sql(column: Column) -> str:
    """Return the expression of a column's value over its JSON, which has the column's name.

    JSON in no plain form is a BeyondEngineError when its row is read.
    Raises: BeyondEngineError for nested and binary columns.
    """
    name, type_ = quoted(column.name), column.type
    if pa.types.is_nested(type_) or pa.types.is_binary(type_):
        raise BeyondEngineError(
            f"column {column.name} of a JSON file is {type_name(type_)}, which DuckDB does not read as Spark does"
        )
    if _is_text(type_) or pa.types.is_date(type_) or pa.types.is_timestamp(type_):
        text = f"({name} ->> '$')"
        plain = f"json_type({name}) = 'VARCHAR'"
        if _is_text(type_):
            return _strict(column, name, plain, text)
        plain += f" AND regexp_full_match({text}, {literal(_form(column))})"
    else:
        text = f"CAST({name} AS VARCHAR)"  # a string keeps its quotes, so it is no number; a number is normalised
        exact = not pa.types.is_decimal(type_) or type_.precision <= _DOUBLE_DIGITS
        plain = f"regexp_full_match({text}, {literal(_form(column) if exact else '-?[0-9]+')})"
    return _strict(column, name, plain, _cast(text, type_))


def _strict(column: Column, name: str, plain: str, value: str) -> str:
    words = literal(f"headgate beyond: column {column.name} holds what is no plain {type_name(column.type)}: ")
    refusal = f"{words} || CAST({name} AS VARCHAR)"
    # A cast that fails, since error() is volatile; one to VARCHAR would not fail.
    refusal = f"CAST({refusal} AS {'BIGINT' if _is_text(column.type) else duckdb_type(column.type)})"
    if _is_text(column.type):
        refusal = f"CAST({refusal} AS VARCHAR)"
    return f"coalesce(CASE WHEN {plain} THEN {value} END, CASE WHEN {name} IS NOT NULL THEN {refusal} END)"


def _cast(text: str, type_: pa.DataType) -> str:
    """Return the value, NULL where it does not fit the type."""
    cast = f"TRY_CAST({text} AS {duckdb_type(type_)})"
    if pa.types.is_floating(type_):  # what is beyond the type's range is no plain text
        return f"CASE WHEN isfinite({cast}) OR {text} IN ('NaN', 'Infinity', '-Infinity') THEN {cast} END"
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_):  # the year 0 is another one elsewhere
        return f"CASE WHEN {text} >= '0001' THEN {cast} END"
    return cast


def _form(column: Column) -> str:
    """Return the pattern of texts that mean the same to both engines."""
    type_ = column.type
    if pa.types.is_integer(type_):
        return "[+-]?[0-9]{1,30}"
    if pa.types.is_floating(type_):
        return r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"
    if pa.types.is_decimal(type_):
        return rf"[+-]?[0-9]+(\.[0-9]{{0,{type_.scale}}})?"
    if pa.types.is_boolean(type_):
        return "true|false"
    if pa.types.is_date(type_):
        return _DATE
    if pa.types.is_timestamp(type_):
        return f"{_DATE}({_TIME}{f'{_ZONE}?' if type_.tz is not None else ''})?"
    raise UnsupportedTableError(f"column {column.name} of a text file cannot be {type_name(type_)}")


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))
