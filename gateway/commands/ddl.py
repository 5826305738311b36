"""CREATE, DROP and ALTER of schemas, tables and views; REFRESH; CALL system.…"""

import datetime
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from catalog.errors import AlreadyExistsError, InvalidDefinitionError, TableNotFoundError
from catalog.identifiers import TableName, resolve, split_name
from catalog.predicates import Literal
from catalog.schema import Schema
from catalog.store import Catalog, ExternalDefinition
from catalog.tables import CsvOptions, FileFormat, View
from gateway.commands.answer import Answer
from gateway.errors import ParameterError, UnknownProcedureError
from gateway.resolver import CatalogResolver
from gateway.session import Session
from gateway.statements import (
    AddColumns,
    Call,
    CreateExternalTable,
    CreateSchema,
    CreateTable,
    CreateView,
    DropColumns,
    DropSchema,
    DropTable,
    DropView,
    Name,
    Refresh,
    RenameColumn,
    Value,
)

DONE = "done in the catalog"


def locate(resolver: CatalogResolver, session: Session, parts: Name) -> tuple[Catalog, TableName]:
    """Return the catalog that a name belongs to, and the full name."""
    name = resolve(parts, session.namespace)
    return resolver.catalog(name.catalog), name


def locate_schema(resolver: CatalogResolver, session: Session, parts: Name) -> tuple[Catalog, str]:
    """Return the catalog and the schema that one or two parts mean."""
    match parts:
        case ():
            return resolver.catalog(session.namespace.catalog), session.namespace.schema
        case (schema,):
            return resolver.catalog(session.namespace.catalog), schema
        case (catalog, schema):
            return resolver.catalog(catalog), schema
    raise InvalidDefinitionError(f"{'.'.join(parts)!r} is no schema", hint="write schema, or catalog.schema")


def create_schema(resolver: CatalogResolver, session: Session, statement: CreateSchema) -> Answer:
    catalog, schema = locate_schema(resolver, session, statement.schema)
    catalog.create_schema(schema, if_not_exists=statement.if_not_exists)
    return Answer("CREATE SCHEMA", reason=DONE)


def drop_schema(resolver: CatalogResolver, session: Session, statement: DropSchema) -> Answer:
    catalog, schema = locate_schema(resolver, session, statement.schema)
    catalog.drop_schema(schema, if_exists=statement.if_exists, cascade=statement.cascade)
    return Answer("DROP SCHEMA", reason=DONE)


def create_table(resolver: CatalogResolver, session: Session, statement: CreateTable) -> Answer:
    """Make an empty table.

    Raises: AlreadyExistsError; InvalidDefinitionError for OR REPLACE, which needs rows to replace with.
    """
    catalog, name = locate(resolver, session, statement.table)
    if statement.or_replace and exists(catalog, name):
        target = catalog.stage_new(name, Schema(statement.columns), statement.partitioning, replace=True)
        catalog.commit_new(name, target, [], replace=True)
        return Answer("CREATE TABLE", reason=DONE)
    if statement.if_not_exists and exists(catalog, name):
        return Answer("CREATE TABLE: it exists already", reason=DONE)
    catalog.create_table(
        name,
        Schema(statement.columns),
        statement.partitioning,
        properties=statement.properties,
        comment=statement.comment,
    )
    return Answer("CREATE TABLE", reason=DONE)


def exists(catalog: Catalog, name: TableName) -> bool:
    """Return True when a table or view has that name."""
    try:
        catalog.load(name)
    except TableNotFoundError:
        return False
    return True


def create_external_table(resolver: CatalogResolver, session: Session, statement: CreateExternalTable) -> Answer:
    """Register files in place.

    Raises: AlreadyExistsError, InvalidDefinitionError, FileAccessError, UnsupportedTableError.
    """
    catalog, name = locate(resolver, session, statement.table)
    if statement.if_not_exists and exists(catalog, name):
        return Answer("CREATE EXTERNAL TABLE: it exists already", reason=DONE)
    definition = ExternalDefinition(
        format=statement.format,
        location=_absolute(statement.location),
        schema=None if statement.columns is None else Schema(statement.columns),
        partitions=statement.partitions,
        csv=csv_options(statement.format, statement.options),
    )
    catalog.create_external_table(name, definition)
    return Answer("CREATE EXTERNAL TABLE", reason=DONE)


def _absolute(location: str) -> str:
    return location if len(urlsplit(location).scheme) > 1 else str(Path(location).expanduser().absolute())


_CSV_OPTIONS: Mapping[str, str] = {
    "delimiter": "delimiter",
    "sep": "delimiter",
    "quote": "quote",
    "escape": "escape",
    "header": "header",
    "nullvalue": "null_text",
    "encoding": "encoding",
    "charset": "encoding",
}
"""OPTIONS key (Spark's names) → field of CsvOptions."""


def csv_options(file_format: FileFormat, options: Mapping[str, str]) -> CsvOptions:
    """Return how to read CSV files as OPTIONS say.

    Raises: InvalidDefinitionError for an option that is not known, so that none is ignored.
    """
    chosen: dict[str, object] = {}
    for key, value in options.items():
        field = _CSV_OPTIONS.get(key.lower())
        if field is None or file_format is not FileFormat.CSV:
            raise InvalidDefinitionError(
                f"{file_format.value} tables have no option {key!r}",
                hint=f"CSV tables take {', '.join(sorted(_CSV_OPTIONS))}; the others none",
            )
        chosen[field] = value.strip().lower() in {"true", "1", "yes"} if field == "header" else value
    return CsvOptions(**chosen)  # type: ignore[arg-type]


def create_view(
    resolver: CatalogResolver, session: Session, statement: CreateView, names: tuple[str, ...] | None
) -> Answer:
    """Store a query that was found to bind; ``names`` are its columns, None when only Spark knows them.

    Raises: AlreadyExistsError; InvalidDefinitionError when the column list does not fit.
    """
    catalog, name = locate(resolver, session, statement.view)
    if statement.if_not_exists and exists(catalog, name):
        return Answer("CREATE VIEW: it exists already", reason=DONE)
    if statement.columns is not None and names is not None and len(statement.columns) != len(names):
        raise InvalidDefinitionError(
            f"the view names {len(statement.columns)} columns, its query returns {len(names)}: {', '.join(names)}"
        )
    view = View(
        name=name,
        text=statement.query.text,
        dialect=statement.query.dialect,
        catalog=session.namespace.catalog,
        schema=session.namespace.schema,
        columns=statement.columns,
    )
    catalog.create_view(view, or_replace=statement.or_replace)
    return Answer("CREATE VIEW", reason=DONE)


def drop_table(resolver: CatalogResolver, session: Session, statement: DropTable) -> Answer:
    catalog, name = locate(resolver, session, statement.table)
    catalog.drop_table(name, if_exists=statement.if_exists)
    return Answer("DROP TABLE", reason=DONE)


def drop_view(resolver: CatalogResolver, session: Session, statement: DropView) -> Answer:
    catalog, name = locate(resolver, session, statement.view)
    catalog.drop_view(name, if_exists=statement.if_exists)
    return Answer("DROP VIEW", reason=DONE)


def add_columns(resolver: CatalogResolver, session: Session, statement: AddColumns) -> Answer:
    """Add columns, all or none.

    Raises: InvalidDefinitionError, AlreadyExistsError.
    """
    catalog, name = locate(resolver, session, statement.table)
    schema = _schema(catalog, name)
    for column in statement.columns:
        if schema.find(column.name) is not None:
            raise AlreadyExistsError(f"{name} has a column {column.name!r} already")
    for column in statement.columns:
        catalog.add_column(name, column)
    return Answer("ALTER TABLE", reason=DONE)


def rename_column(resolver: CatalogResolver, session: Session, statement: RenameColumn) -> Answer:
    catalog, name = locate(resolver, session, statement.table)
    catalog.rename_column(name, statement.old, statement.new)
    return Answer("ALTER TABLE", reason=DONE)


def drop_columns(resolver: CatalogResolver, session: Session, statement: DropColumns) -> Answer:
    """Drop columns; with IF EXISTS those that are not there are passed over."""
    catalog, name = locate(resolver, session, statement.table)
    schema = _schema(catalog, name)
    for column in statement.columns:
        if schema.find(column) is None and statement.if_exists:
            continue
        catalog.drop_column(name, column)
    return Answer("ALTER TABLE", reason=DONE)


def _schema(catalog: Catalog, name: TableName) -> Schema:
    loaded = catalog.load(name)
    if isinstance(loaded, View):
        raise TableNotFoundError(f"{name} is a view", hint="CREATE OR REPLACE VIEW changes it")
    return loaded.schema


def refresh(resolver: CatalogResolver, session: Session, statement: Refresh) -> Answer:
    catalog, name = locate(resolver, session, statement.table)
    catalog.refresh(name)
    return Answer("REFRESH TABLE", reason=DONE)


def call(resolver: CatalogResolver, session: Session, statement: Call) -> Answer:
    """Run a maintenance procedure of the schema ``system``.

    Raises: UnknownProcedureError; ParameterError.
    """
    match tuple(part.lower() for part in statement.procedure):
        case (*_, "system", "expire_snapshots"):
            return _expire_snapshots(resolver, session, statement)
    raise UnknownProcedureError(
        f"there is no procedure {'.'.join(statement.procedure)!r}",
        hint="procedures are system.expire_snapshots(table, older_than, retain_last) and system.kill_query(query_id)",
    )


def arguments(statement: Call, names: tuple[str, ...]) -> dict[str, Value]:
    """Return a procedure's arguments by name.

    Raises: ParameterError for too many, unknown or doubled ones.
    """
    if len(statement.arguments) > len(names):
        raise ParameterError(f"{'.'.join(statement.procedure)} takes at most {len(names)} arguments")
    given: dict[str, Value] = dict(zip(names, statement.arguments, strict=False))
    for name, value in statement.named.items():
        if name not in names or name in given:
            raise ParameterError(
                f"{'.'.join(statement.procedure)} has no free argument {name!r}", hint=f"it takes {', '.join(names)}"
            )
        given[name] = value
    return given


def _expire_snapshots(resolver: CatalogResolver, session: Session, statement: Call) -> Answer:
    given = arguments(statement, ("table", "older_than", "retain_last"))
    table = given.get("table")
    if not isinstance(table, str):
        raise ParameterError("system.expire_snapshots needs the table's name as text")
    retain = given.get("retain_last", 1)
    if not isinstance(retain, int) or retain < 1:
        raise ParameterError("retain_last is a whole number from 1")
    catalog, name = locate(resolver, session, split_name(table))
    expired = catalog.expire_snapshots(name, older_than_ms=_milliseconds(given.get("older_than")), retain_last=retain)
    return Answer(f"CALL: {expired} snapshots expired", update_count=expired, reason=DONE)


def _milliseconds(value: Literal | None) -> int | None:
    match value:
        case None:
            return None
        case datetime.datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            return int(aware.timestamp() * 1000)
        case str():
            try:
                return _milliseconds(datetime.datetime.fromisoformat(value))
            except ValueError as error:
                raise ParameterError(f"older_than = {value!r} is not a timestamp") from error
    raise ParameterError("older_than is a timestamp")
