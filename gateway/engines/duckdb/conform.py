"""Batches of an engine under exactly the schema that the query has."""

from collections.abc import Callable

import pyarrow as pa

from catalog.schema import type_name
from gateway.errors import EngineFaultError

Conform = Callable[[pa.RecordBatch], pa.RecordBatch]


def conformer(actual: pa.Schema, expected: pa.Schema) -> Conform:
    """Return what puts batches of schema ``actual`` under ``expected``, columns by position.

    Names, nullability, metadata and the encoding of a type (view, large or dictionary strings, the zone
    of an instant) follow ``expected``; values are not touched, and not copied where the type is the same.
    Raises: EngineFaultError when a column has another type: an answer that is not the reference answer.
    """
    if len(actual) != len(expected):
        raise EngineFaultError(f"DuckDB answered {len(actual)} columns, the query has {len(expected)}")
    for have, want in zip(actual, expected, strict=True):
        if not _same(have.type, want.type):
            raise EngineFaultError(
                f"DuckDB answered column {want.name} as {type_name(have.type)} ({have.type}), "
                f"the query has {type_name(want.type)}",
                hint="run it on Spark: SET engine = spark",
            )
    if actual.equals(expected, check_metadata=True):
        return _unchanged
    types = [None if have.type.equals(want.type) else want.type for have, want in zip(actual, expected, strict=True)]

    def conform(batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [
            column if type_ is None else column.cast(type_) for column, type_ in zip(batch.columns, types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=expected) if columns else batch

    return conform


def _unchanged(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch


def _same(have: pa.DataType, want: pa.DataType) -> bool:
    """Return True when the two hold the same values in possibly another encoding."""
    if have.equals(want):
        return True
    if pa.types.is_dictionary(have):
        return _same(have.value_type, want)
    if pa.types.is_timestamp(have) and pa.types.is_timestamp(want):
        return bool(have.unit == want.unit and (have.tz is None) == (want.tz is None))
    if _is_list(have) and _is_list(want):
        return _same(have.value_type, want.value_type)
    if pa.types.is_map(have) and pa.types.is_map(want):
        return _same(have.key_type, want.key_type) and _same(have.item_type, want.item_type)
    if pa.types.is_struct(have) and pa.types.is_struct(want):
        return have.num_fields == want.num_fields and all(
            a.name == b.name and _same(a.type, b.type) for a, b in zip(have, want, strict=True)
        )
    return (_is_text(have) and _is_text(want)) or (_is_bytes(have) and _is_bytes(want))


def _is_list(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_list_view(type_))


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _is_bytes(type_: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_))
