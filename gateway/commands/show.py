"""SHOW and DESCRIBE: the catalog, the session and the history as rows."""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa

from catalog.errors import TableNotFoundError
from catalog.identifiers import TableName, fold, quote
from catalog.predicates import ALWAYS
from catalog.schema import TIMESTAMP, Column, Schema, type_name
from catalog.store import Catalog
from catalog.tables import PartitionField, Table, View
from gateway import information_schema
from gateway.commands.answer import Answer, like, table
from gateway.commands.ddl import locate, locate_schema
from gateway.commands.sessions import show_session
from gateway.resolver import CatalogResolver
from gateway.session import Session
from gateway.statements import Analyze, Show, Showing
from gateway.units import plural

_TEXT = pa.string()
_INTEGER = pa.int64()

ColumnsOf = Callable[[View], Schema]
"""Returns the columns of a view, which only binding knows."""


def show(resolver: CatalogResolver, session: Session, statement: Show, columns_of: ColumnsOf) -> Answer:
    """Answer every SHOW but QUERIES and FUNCTIONS, which are not the catalog's.

    Raises: TableNotFoundError, SchemaNotFoundError, CatalogNotFoundError.
    """
    if statement.what is Showing.SESSION:
        return show_session(session)
    if statement.what is Showing.COLUMNS:
        return _columns(resolver, session, statement, columns_of)
    return Answer(rows=_LISTINGS[statement.what](resolver, session, statement))


def _catalogs(resolver: CatalogResolver, _session: Session, statement: Show) -> pa.Table:
    return table([("Catalog", _TEXT)], ((name,) for name in resolver.names() if like(statement.like, name)))


def _schemas(resolver: CatalogResolver, session: Session, statement: Show) -> pa.Table:
    catalog = resolver.catalog(statement.target[0] if statement.target else session.namespace.catalog)
    names = (*catalog.schemas(), information_schema.SCHEMA_NAME)
    return table([("Schema", _TEXT)], ((name,) for name in names if like(statement.like, name)))


def _tables(resolver: CatalogResolver, session: Session, statement: Show) -> pa.Table:
    """List tables and views; with views, so that what can be queried is seen."""
    catalog, schema = locate_schema(resolver, session, statement.target)
    if fold(schema) == information_schema.SCHEMA_NAME:
        names: list[tuple[str, str]] = [(name, "VIEW") for name in information_schema.TABLES]
    else:
        names = [(name.name, "TABLE") for name in catalog.tables(schema)]
        names += [(name.name, "VIEW") for name in catalog.views(schema)]
    rows = ((schema, name, kind) for name, kind in sorted(names) if like(statement.like, name))
    return table([("Schema", _TEXT), ("Table", _TEXT), ("Type", _TEXT)], rows)


def _views(resolver: CatalogResolver, session: Session, statement: Show) -> pa.Table:
    catalog, schema = locate_schema(resolver, session, statement.target)
    names = (name.name for name in catalog.views(schema))
    return table([("Schema", _TEXT), ("View", _TEXT)], ((schema, name) for name in names if like(statement.like, name)))


_COLUMN_COLUMNS = [("Column", _TEXT), ("Type", _TEXT), ("Extra", _TEXT), ("Comment", _TEXT)]


def _columns(resolver: CatalogResolver, session: Session, statement: Show, columns_of: ColumnsOf) -> Answer:
    loaded = resolver.relation(statement.target, namespace=session.namespace)
    rows = [row for row in describe_rows(loaded, columns_of) if like(statement.like, str(row[0]))]
    return Answer(rows=table(_COLUMN_COLUMNS, rows))


def describe(resolver: CatalogResolver, session: Session, name: tuple[str, ...], columns_of: ColumnsOf) -> Answer:
    """List a table's or view's columns: name, type, partition transform or ``not null``, comment."""
    loaded = resolver.relation(name, namespace=session.namespace)
    return Answer(rows=table(_COLUMN_COLUMNS, describe_rows(loaded, columns_of)))


def describe_schema(schema: pa.Schema) -> Answer:
    """List the columns of a query."""
    columns = [(field.name, type_name(field.type), "", None) for field in schema]
    return Answer(rows=table(_COLUMN_COLUMNS, columns))


def describe_extended(
    resolver: CatalogResolver, session: Session, name: tuple[str, ...], columns_of: ColumnsOf
) -> Answer:
    """List columns, and below them what the table is: format, location, snapshot, files, rows, bytes."""
    loaded = resolver.relation(name, namespace=session.namespace)
    rows: list[Sequence[object]] = list(describe_rows(loaded, columns_of))
    if isinstance(loaded, View):
        rows += [("# view", loaded.text, "", None)]
    elif not isinstance(loaded, pa.Table):
        statistics = loaded.statistics()
        facts = {
            "# table": str(loaded.name),
            "# format": loaded.format_name,
            "# location": loaded.location,
            "# snapshot": str(loaded.snapshot_id or ""),
            "# files": f"{statistics.file_count}",
            "# rows": "" if statistics.record_count is None else f"{statistics.record_count}",
            "# bytes": f"{statistics.size_bytes}",
        }
        rows += [(fact, value, "", None) for fact, value in facts.items()]
    return Answer(rows=table(_COLUMN_COLUMNS, rows))


def describe_rows(loaded: Table | View | pa.Table, columns_of: ColumnsOf) -> Iterator[Sequence[object]]:
    """Yield name, type, extra and comment of every column."""
    if isinstance(loaded, pa.Table):
        yield from ((field.name, type_name(field.type), "", None) for field in loaded.schema)
        return
    if isinstance(loaded, View):
        yield from ((column.name, type_name(column.type), "", column.comment) for column in columns_of(loaded))
        return
    for column in loaded.schema:
        yield column.name, type_name(column.type), _extra(column, loaded.partitioning), column.comment


def _extra(column: Column, partitioning: tuple[PartitionField, ...]) -> str:
    terms = [_transform(field) for field in partitioning if fold(field.source) == fold(column.name)]
    words = [f"partition key: {term}" for term in terms]
    if not column.nullable:
        words.append("not null")
    return ", ".join(words)


def _transform(field: PartitionField) -> str:
    """Return a partition field as PARTITIONED BY takes it: ``state``, ``month(spud_date)``, ``bucket(16, id)``."""
    name, _, width = field.transform.rstrip("]").partition("[")
    source = quote(field.source)
    if name == "identity":
        return source
    return f"{name}({width}, {source})" if width else f"{name}({source})"


def _partitions(resolver: CatalogResolver, session: Session, statement: Show) -> pa.Table:
    """List the distinct values of identity partition columns with files, rows and bytes."""
    loaded = _table(resolver, session, statement)
    files = loaded.scan(ALWAYS).files
    names = [field.source for field in loaded.partitioning if field.source in files.partitions]
    facts = pa.table(
        {
            **{name: files.partitions[name] for name in names},
            "files": pa.array([1] * len(files), _INTEGER),
            "rows": files.record_counts,
            "bytes": files.sizes_bytes,
        }
    )
    grouped = facts.group_by(names).aggregate([("files", "sum"), ("rows", "sum"), ("bytes", "sum")])
    ordered = grouped.select([*names, "files_sum", "rows_sum", "bytes_sum"])
    renamed = ordered.rename_columns([*names, "files", "rows", "bytes"])
    return renamed.sort_by([(name, "ascending") for name in names]) if names else renamed


def _snapshots(resolver: CatalogResolver, session: Session, statement: Show) -> pa.Table:
    loaded = _table(resolver, session, statement)
    columns = [
        ("snapshot_id", _INTEGER),
        ("parent_id", _INTEGER),
        ("committed_at", TIMESTAMP),
        ("operation", _TEXT),
        ("added_rows", _INTEGER),
        ("total_rows", _INTEGER),
        ("total_files", _INTEGER),
        ("current", pa.bool_()),
    ]

    def rows() -> Iterator[Sequence[object]]:
        for snapshot in loaded.snapshots():
            counts = (snapshot.summary.get(key) for key in ("added-records", "total-records", "total-data-files"))
            numbers = [None if count is None else int(count) for count in counts]
            current = snapshot.id == loaded.snapshot_id
            yield snapshot.id, snapshot.parent_id, snapshot.committed_at, snapshot.operation, *numbers, current

    return table(columns, rows())


def _stats(resolver: CatalogResolver, session: Session, statement: Show) -> pa.Table:
    """List per column nulls, NaNs, bounds, compressed bytes and distinct values; the last row is the table's."""
    statistics = _table(resolver, session, statement).statistics()
    columns = [
        ("column_name", _TEXT),
        ("null_count", _INTEGER),
        ("nan_count", _INTEGER),
        ("distinct_count", _INTEGER),
        ("low_value", _TEXT),
        ("high_value", _TEXT),
        ("size_bytes", _INTEGER),
        ("row_count", _INTEGER),
    ]

    def rows() -> Iterator[Sequence[object]]:
        for name, known in statistics.columns.items():
            bounds = (_text(known.lower), _text(known.upper))
            yield name, known.null_count, known.nan_count, known.distinct_count, *bounds, known.size_bytes, None
        yield None, None, None, None, None, None, statistics.size_bytes, statistics.record_count

    return table(columns, rows())


def analyze(resolver: CatalogResolver, session: Session, statement: Analyze) -> Answer:
    """Collect a table's statistics now, so that the next plan finds them; they come from metadata and footers."""
    catalog, name = locate(resolver, session, statement.table)
    statistics = load_table(catalog, name).statistics()
    rows = "unknown" if statistics.record_count is None else f"{statistics.record_count:,}"
    return Answer(f"ANALYZE TABLE: {rows} rows, {plural(statistics.file_count, 'file')}")


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return value.hex() if isinstance(value, bytes) else str(value)


def _create_table(resolver: CatalogResolver, session: Session, statement: Show) -> pa.Table:
    return table([("Create Table", _TEXT)], [(create_table_text(_table(resolver, session, statement)),)])


def create_table_text(loaded: Table) -> str:
    """Return the statement that would make the table again, empty."""
    lines = [f"  {_column_text(column)}" for column in loaded.schema]
    external = loaded.format_name != "iceberg"
    head = "CREATE EXTERNAL TABLE" if external else "CREATE TABLE"
    text = f"{head} {loaded.name} (\n" + ",\n".join(lines) + f"\n)\nUSING {loaded.format_name}"
    if loaded.partitioning:
        text += f"\nPARTITIONED BY ({', '.join(map(_transform, loaded.partitioning))})"
    if external:
        text += f"\nLOCATION '{_escape(loaded.location)}'"
    return text


def _column_text(column: Column) -> str:
    text = f"{quote(column.name)} {type_name(column.type)}"
    if not column.nullable:
        text += " NOT NULL"
    if column.comment:
        text += f" COMMENT '{_escape(column.comment)}'"
    return text


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _create_view(resolver: CatalogResolver, session: Session, statement: Show) -> pa.Table:
    catalog, name = locate(resolver, session, statement.target)
    loaded = catalog.load(name)
    if not isinstance(loaded, View):
        raise TableNotFoundError(f"{name} is not a view", hint=f"SHOW CREATE TABLE {name} shows a table")
    columns = f" ({', '.join(map(quote, loaded.columns))})" if loaded.columns else ""
    return table([("Create View", _TEXT)], [(f"CREATE VIEW {loaded.name}{columns} AS\n{loaded.text}",)])


def _table(resolver: CatalogResolver, session: Session, statement: Show) -> Table:
    catalog, name = locate(resolver, session, statement.target)
    return load_table(catalog, name)


def load_table(catalog: Catalog, name: TableName) -> Table:
    """Return the table of that name.

    Raises: TableNotFoundError, also when the name is a view's.
    """
    loaded = catalog.load(name)
    if isinstance(loaded, View):
        raise TableNotFoundError(f"{name} is a view", hint=f"SHOW CREATE VIEW {name} shows its query")
    return loaded


_LISTINGS: Mapping[Showing, Callable[[CatalogResolver, Session, Show], pa.Table]] = {
    Showing.CATALOGS: _catalogs,
    Showing.SCHEMAS: _schemas,
    Showing.TABLES: _tables,
    Showing.VIEWS: _views,
    Showing.PARTITIONS: _partitions,
    Showing.SNAPSHOTS: _snapshots,
    Showing.STATS: _stats,
    Showing.CREATE_TABLE: _create_table,
    Showing.CREATE_VIEW: _create_view,
}
