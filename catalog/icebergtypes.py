"""Columns as Iceberg has them: Arrow types to Iceberg's JSON, field ids assigned as PyIceberg does.

Ids are given level by level, parents' fields before their children's members, which is what PyIceberg does to
every new table; so files can be written with their final ids before the table exists.
"""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from catalog.errors import InvalidDefinitionError
from catalog.formats.metadata import FIELD_ID, TableMetadata
from catalog.identifiers import fold
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Schema, type_name

if TYPE_CHECKING:
    from pyiceberg.schema import Schema as IcebergSchema

_NAMES: dict[pa.DataType, str] = {
    pa.bool_(): "boolean",
    pa.int8(): "int",
    pa.int16(): "int",
    pa.int32(): "int",
    pa.int64(): "long",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    TIMESTAMP: "timestamptz",
    TIMESTAMP_NTZ: "timestamp",
    pa.string(): "string",
    pa.large_string(): "string",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
}


def with_field_ids(schema: Schema) -> Schema:
    """Return the columns as a new Iceberg table has them: ids assigned, tinyint and smallint widened to int.

    Raises: InvalidDefinitionError for no columns, a name twice, or a type that Iceberg lacks.
    """
    if not len(schema):
        raise InvalidDefinitionError("a table needs at least one column")
    seen: set[str] = set()
    for column in schema:
        if fold(column.name) in seen:
            raise InvalidDefinitionError(f"column {column.name!r} is there twice")
        if not column.name:
            raise InvalidDefinitionError("a column has an empty name")
        seen.add(fold(column.name))
    document = {"type": "struct", "schema-id": 0, "fields": _fields(schema)}
    return TableMetadata("", {"schemas": [document]}).schema(0)


def iceberg_schema(schema: Schema) -> "IcebergSchema":
    """Return the columns as PyIceberg's schema, ids assigned afresh."""
    from pyiceberg.schema import Schema as IcebergSchema  # costs a second, needed to write only

    return IcebergSchema.model_validate({"type": "struct", "schema-id": 0, "fields": _fields(schema)})


def _fields(schema: Schema) -> list[Mapping[str, Any]]:
    ids = count(1)
    own = [next(ids) for _ in schema]
    return [
        {
            "id": field_id,
            "name": column.name,
            "required": not column.nullable,
            "type": _type(column.type, column.name, ids),
            **({"doc": column.comment} if column.comment else {}),
        }
        for field_id, column in zip(own, schema, strict=True)
    ]


def _type(type_: pa.DataType, column: str, ids: Iterator[int]) -> Any:
    if type_ in _NAMES:
        return _NAMES[type_]
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision}, {type_.scale})"
    if pa.types.is_struct(type_):
        return _struct(type_, column, ids)
    if pa.types.is_map(type_):
        key_id, value_id = next(ids), next(ids)
        return {
            "type": "map",
            "key-id": key_id,
            "key": _type(type_.key_type, column, ids),
            "value-id": value_id,
            "value-required": not type_.item_field.nullable,
            "value": _type(type_.item_type, column, ids),
        }
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return {
            "type": "list",
            "element-id": next(ids),
            "element-required": not type_.value_field.nullable,
            "element": _type(type_.value_type, column, ids),
        }
    raise InvalidDefinitionError(f"column {column!r} has type {type_name(type_)}, which a table cannot store")


def _struct(type_: pa.StructType, column: str, ids: Iterator[int]) -> Any:
    own = [next(ids) for _ in type_]
    return {
        "type": "struct",
        "fields": [
            {
                "id": field_id,
                "name": member.name,
                "required": not member.nullable,
                "type": _type(member.type, column, ids),
            }
            for field_id, member in zip(own, type_, strict=True)
        ],
    }


def arrow_with_ids(schema: Schema) -> pa.Schema:
    """Return the columns as Arrow with the Parquet field ids that pyarrow writes."""
    return pa.schema(
        [
            pa.field(column.name, column.type, column.nullable, metadata={FIELD_ID: str(column.field_id).encode()})
            for column in schema
        ]
    )


def has_floats(type_: pa.DataType) -> bool:
    """Return whether a column holds floating point numbers, also inside nested types.

    Readers' filters lose NaN and -0.0 where such columns have statistics or a dictionary (DESIGN.md).
    """
    if pa.types.is_nested(type_):
        return any(has_floats(type_.field(number).type) for number in range(type_.num_fields))
    return bool(pa.types.is_floating(type_))
