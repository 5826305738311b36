"""The catalogs described as tables: `information_schema.{schemata, tables, columns, views}`."""

from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa

from catalog.identifiers import TableName, fold
from catalog.schema import type_name
from catalog.store import Catalog
from catalog.tables import View

SCHEMA_NAME = "information_schema"

_TEXT = pa.string()


def _rows(schema: pa.Schema, rows: Iterator[tuple[object, ...]]) -> pa.Table:
    columns: list[list[object]] = [[] for _ in schema]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema)


def schemata(catalog: Catalog) -> pa.Table:
    """Return one row per schema."""
    shape = pa.schema([("catalog_name", _TEXT), ("schema_name", _TEXT)])
    return _rows(shape, ((catalog.name, schema) for schema in (*catalog.schemas(), SCHEMA_NAME)))


def tables(catalog: Catalog) -> pa.Table:
    """Return one row per table and view."""
    shape = pa.schema([(name, _TEXT) for name in ("table_catalog", "table_schema", "table_name", "table_type")])

    def rows() -> Iterator[tuple[object, ...]]:
        for schema in catalog.schemas():
            for name in catalog.tables(schema):
                yield catalog.name, schema, name.name, "BASE TABLE"
            for name in catalog.views(schema):
                yield catalog.name, schema, name.name, "VIEW"

    return _rows(shape, rows())


def columns(catalog: Catalog) -> pa.Table:
    """Return one row per column of every table. Views are left out: their columns are their query's."""
    shape = pa.schema(
        [
            ("table_catalog", _TEXT),
            ("table_schema", _TEXT),
            ("table_name", _TEXT),
            ("column_name", _TEXT),
            ("ordinal_position", pa.int64()),
            ("column_default", _TEXT),
            ("is_nullable", _TEXT),
            ("data_type", _TEXT),
            ("comment", _TEXT),
        ]
    )

    def rows() -> Iterator[tuple[object, ...]]:
        for schema in catalog.schemas():
            for name in catalog.tables(schema):
                table = catalog.load(name)
                if isinstance(table, View):
                    continue
                for position, column in enumerate(table.schema, start=1):
                    nullable = "YES" if column.nullable else "NO"
                    kind = type_name(column.type)
                    yield catalog.name, schema, name.name, column.name, position, None, nullable, kind, column.comment

    return _rows(shape, rows())


def views(catalog: Catalog) -> pa.Table:
    """Return one row per view with its text."""
    shape = pa.schema([(name, _TEXT) for name in ("table_catalog", "table_schema", "table_name", "view_definition")])

    def rows() -> Iterator[tuple[object, ...]]:
        for schema in catalog.schemas():
            for name in catalog.views(schema):
                view = catalog.load(name)
                yield catalog.name, schema, name.name, view.text if isinstance(view, View) else None

    return _rows(shape, rows())


TABLES: Mapping[str, Callable[[Catalog], pa.Table]] = {
    "schemata": schemata,
    "tables": tables,
    "columns": columns,
    "views": views,
}


def find(catalog: Catalog, name: TableName) -> pa.Table | None:
    """Return the rows of that information_schema table, or None when there is no such table."""
    build = TABLES.get(fold(name.name))
    return None if build is None else build(catalog)
