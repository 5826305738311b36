"""Which types may be stored in which column: ANSI store assignment, as Spark 4.3 has it.

Source: Spark SQL reference, "ANSI Compliance", section "Store assignment".
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.types as pt

from catalog.schema import Column, type_name
from gateway.errors import TypeMismatchError


def check(values: Sequence[pa.Field], columns: Sequence[Column], table: str) -> None:
    """Raise when a value's type may not be stored in its column; both are in the same order.

    Raises: TypeMismatchError naming every such column.
    """
    wrong = [
        f"{column.name} is {type_name(column.type)}, the value is {type_name(value.type)}"
        for value, column in zip(values, columns, strict=True)
        if not assignable(value.type, column.type)
    ]
    if wrong:
        raise TypeMismatchError(
            f"cannot store in {table}: {'; '.join(wrong)}", hint="write CAST(… AS …) where the conversion is meant"
        )


def assignable(value: pa.DataType, column: pa.DataType) -> bool:
    """Return True when a value of one type may be stored in a column of another without a cast of the user's.

    Numbers go to any numeric type (a value out of range is an error when it comes), anything atomic to text, dates
    and timestamps to each other; text never becomes a number or a date by itself.
    """
    if value == column or pt.is_null(value):
        return True
    if pt.is_list(value) and pt.is_list(column):
        return assignable(value.value_type, column.value_type)
    if pt.is_map(value) and pt.is_map(column):
        return assignable(value.key_type, column.key_type) and assignable(value.item_type, column.item_type)
    if pt.is_struct(value) and pt.is_struct(column):
        pairs = zip(value, column, strict=False)
        return value.num_fields == column.num_fields and all(assignable(a.type, b.type) for a, b in pairs)
    if _is_text(column):
        return not pt.is_nested(value)
    if _is_number(value) and _is_number(column):
        return True
    return _is_instant(value) and _is_instant(column)


def _is_text(type_: pa.DataType) -> bool:
    return bool(pt.is_string(type_) or pt.is_large_string(type_))


def _is_number(type_: pa.DataType) -> bool:
    return bool(pt.is_integer(type_) or pt.is_floating(type_) or pt.is_decimal(type_))


def _is_instant(type_: pa.DataType) -> bool:
    return bool(pt.is_date(type_) or pt.is_timestamp(type_))
