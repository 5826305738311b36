"""Spark's types, the Arrow forms of ``catalog.schema``, and the way from one to the other.

Arrow batches from Spark differ from the catalog's forms in small ways: names of list members, nullability
inside nested types, year-month intervals as ``month_interval``, which pyarrow can hold but not make.
"""

import json
from collections.abc import Mapping

import pyarrow as pa
from pyspark.sql import types as spark

from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, type_name
from gateway.engines.spark.intervals import months_as_int32, widen_months
from gateway.errors import NotSupportedError

_SIMPLE: Mapping[type[spark.DataType], pa.DataType] = {
    spark.BooleanType: pa.bool_(),
    spark.ByteType: pa.int8(),
    spark.ShortType: pa.int16(),
    spark.IntegerType: pa.int32(),
    spark.LongType: pa.int64(),
    spark.FloatType: pa.float32(),
    spark.DoubleType: pa.float64(),
    spark.StringType: pa.string(),
    spark.CharType: pa.string(),
    spark.VarcharType: pa.string(),
    spark.BinaryType: pa.binary(),
    spark.DateType: pa.date32(),
    spark.TimestampType: TIMESTAMP,
    spark.TimestampNTZType: TIMESTAMP_NTZ,
    spark.DayTimeIntervalType: pa.duration("us"),
    spark.YearMonthIntervalType: pa.month_day_nano_interval(),
    spark.CalendarIntervalType: pa.month_day_nano_interval(),
    spark.NullType: pa.null(),
}


def arrow_type(type_: spark.DataType) -> pa.DataType:
    """Return the catalog's Arrow form of a Spark type, everything inside nullable.

    Raises: NotSupportedError for types that have none: variant, time, geometry.
    """
    simple = _SIMPLE.get(type(type_))
    if simple is not None:
        return simple
    if isinstance(type_, spark.DecimalType):
        return pa.decimal128(type_.precision, type_.scale)
    if isinstance(type_, spark.ArrayType):
        return pa.list_(arrow_type(type_.elementType))
    if isinstance(type_, spark.MapType):
        return pa.map_(arrow_type(type_.keyType), arrow_type(type_.valueType))
    if isinstance(type_, spark.StructType):
        return pa.struct([pa.field(member.name, arrow_type(member.dataType)) for member in type_.fields])
    raise NotSupportedError(
        f"a result cannot hold values of type {type_.simpleString()}", hint="cast the column to another type"
    )


def arrow_schema(type_: spark.StructType) -> pa.Schema:
    """Return the Arrow schema of a result; names may repeat."""
    return pa.schema([pa.field(member.name, arrow_type(member.dataType)) for member in type_.fields])


def plain(type_: pa.DataType) -> pa.DataType:
    """Return the type with everything inside nullable, default member names and no metadata: what can be compared."""
    if pa.types.is_map(type_):
        return pa.map_(plain(type_.key_type), plain(type_.item_type))
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return pa.list_(plain(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(member.name, plain(member.type)) for member in type_])
    if pa.types.is_large_string(type_):
        return pa.string()
    if pa.types.is_large_binary(type_):
        return pa.binary()
    return type_


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the batch with exactly that schema, whose types are the batch's but for their ``plain`` form."""
    if "month_interval" in str(batch.schema):
        batch = months_as_int32(batch)
    arrays = [_conform(array, field.type) for array, field in zip(batch.columns, schema, strict=True)]
    if not arrays:  # a projection of nothing still has a number of rows
        return batch
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _conform(array: pa.Array, type_: pa.DataType) -> pa.Array:
    if array.type.equals(type_):
        return array
    if type_ == pa.month_day_nano_interval():
        return widen_months(array)
    if array.type.num_fields == 0:
        return array.cast(type_)
    # The layout of the buffers is the same; only the description of the type changes.
    own = array.type.num_buffers
    if pa.types.is_struct(type_):
        children = [_conform(array.field(i), type_.field(i).type) for i in range(type_.num_fields)]
    elif pa.types.is_map(type_):
        entries = pa.StructArray.from_buffers(
            pa.struct([type_.key_field, type_.item_field]),
            len(array.keys),
            [None],
            children=[_conform(array.keys, type_.key_type), _conform(array.items, type_.item_type)],
        )
        children = [entries]
    else:
        children = [_conform(array.values, type_.value_type)]
    return pa.Array.from_buffers(
        type_, len(array), array.buffers()[:own], array.null_count, array.offset, children=children
    )


def read_schema(columns: tuple[Column, ...], *, by_field_id: bool, defaults: Mapping[str, str] | None = None) -> str:
    """Return a schema for Spark's readers, as its JSON.

    ``defaults`` holds SQL literals by column name: the values of rows whose file lacks the column.
    """
    fields = []
    for column in columns:
        metadata: dict[str, object] = {}
        if by_field_id and column.field_id is not None:
            metadata["parquet.field.id"] = column.field_id
        if defaults and column.name in defaults:
            metadata |= {"EXISTS_DEFAULT": defaults[column.name], "CURRENT_DEFAULT": defaults[column.name]}
        fields.append(_member(column.name, column.type, metadata))
    return json.dumps({"type": "struct", "fields": fields})


def _member(name: str, type_: pa.DataType, metadata: dict[str, object]) -> dict[str, object]:
    return {"name": name, "type": _json_type(type_), "nullable": True, "metadata": metadata}


def _json_type(type_: pa.DataType) -> object:
    if pa.types.is_map(type_):
        key, value = _json_type(type_.key_type), _json_type(type_.item_type)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return {"type": "array", "elementType": _json_type(type_.value_type), "containsNull": True}
    if pa.types.is_struct(type_):
        return {"type": "struct", "fields": [_member(m.name, m.type, _field_id(m)) for m in type_]}
    return _JSON_NAMES.get(name := type_name(type_), name)


def _field_id(member: pa.Field) -> dict[str, object]:
    written = (member.metadata or {}).get(b"PARQUET:field_id")
    return {"parquet.field.id": int(written)} if written else {}


_JSON_NAMES = {
    "tinyint": "byte",
    "smallint": "short",
    "int": "integer",
    "bigint": "long",
    "interval year to month": "interval year to month",
}
