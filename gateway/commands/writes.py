"""INSERT, CREATE TABLE AS, DELETE: a query's rows become files, then one commit.

Values are cast to the columns' types inside the query, so that overflow and bad casts mean the same as in
any query, on either engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa

from catalog.errors import ColumnNotFoundError, CommitConflictError, InvalidDefinitionError, UnsupportedTableError
from catalog.identifiers import TableName, fold, quote
from catalog.schema import Column, Schema, type_name
from catalog.store import Catalog, CommitMode, WriteTarget
from catalog.tables import Scan, Table
from gateway.assignment import check
from gateway.commands.answer import Answer
from gateway.commands.ddl import exists, locate
from gateway.commands.show import load_table
from gateway.errors import NotSupportedError, TypeMismatchError
from gateway.planning import Plan, with_scan
from gateway.resolver import CatalogResolver
from gateway.session import Session
from gateway.statements import CreateTableAs, Delete, Insert, Query, Value
from gateway.writing import Staging, Written

SOURCE = "hg_source"
"""Name of the user's query inside the text that casts its columns."""
MAX_DELETE_TRIES = 5
"""Each lost against another writer's commit; then the conflict is the user's to hear of."""


@dataclass(frozen=True)
class Writes:
    """What this module asks of the gateway."""

    resolver: CatalogResolver
    parse_query: Callable[[str, str], Query]
    """(text, dialect) → query."""
    schema_of: Callable[[Query], pa.Schema]
    """Names and types that a query returns."""
    plan: Callable[[Query], Plan]
    write: Callable[[Plan, pa.Schema | None, Staging], Written]


def create_table_as(session: Session, statement: CreateTableAs, writes: Writes) -> Answer:
    """Make a table of a query's rows; it appears whole or not at all.

    Raises: AlreadyExistsError; InvalidDefinitionError for columns that a table cannot have.
    """
    catalog, name = locate(writes.resolver, session, statement.table)
    if statement.if_not_exists and exists(catalog, name):
        return Answer("CREATE TABLE: it exists already", reason="nothing to do")
    found = writes.schema_of(statement.query)
    schema = Schema(tuple(Column(field.name, _storable(field)) for field in found))
    _no_duplicates(schema)

    def stage() -> WriteTarget:
        return catalog.stage_new(name, schema, statement.partitioning, replace=statement.or_replace)

    query = _widened(statement.query, found, schema, writes)
    written = writes.write(writes.plan(query), schema.arrow, Staging(stage, catalog.discard))
    _commit(
        catalog, written, lambda: catalog.commit_new(name, written.target, written.files, replace=statement.or_replace)
    )
    return _changed("CREATE TABLE", written)


def _storable(field: pa.Field) -> pa.DataType:
    """Return the type of the column that keeps a query's column.

    Raises: InvalidDefinitionError for types that Iceberg does not have.
    """
    if pa.types.is_null(field.type):
        raise InvalidDefinitionError(f"column {field.name!r} is only NULL and has no type", hint="CAST(NULL AS …)")
    if pa.types.is_duration(field.type) or pa.types.is_interval(field.type):
        raise InvalidDefinitionError(f"column {field.name!r} is an interval, which a table cannot keep")
    if pa.types.is_int8(field.type) or pa.types.is_int16(field.type):
        return pa.int32()
    return field.type


def _widened(query: Query, found: pa.Schema, schema: Schema, writes: Writes) -> Query:
    """Return the query with the types of the columns that keep it, itself when it has them."""
    if found.types == schema.arrow.types:
        return query
    names = ", ".join(f"c{number}" for number in range(len(schema)))
    items = (f"CAST(c{n} AS {type_name(c.type)}) AS {quote(c.name)}" for n, c in enumerate(schema))
    text = f"SELECT {', '.join(items)} FROM (\n{_spark_text(query)}\n) AS {SOURCE}({names})"
    return writes.parse_query(text, "spark")


def _no_duplicates(schema: Schema) -> None:
    seen: set[str] = set()
    for column in schema:
        if fold(column.name) in seen:
            raise InvalidDefinitionError(
                f"the query returns two columns named {column.name!r}", hint="name one with AS"
            )
        seen.add(fold(column.name))


def insert(session: Session, statement: Insert, writes: Writes) -> Answer:
    """Append a query's rows, or put them in the place of all rows (OVERWRITE).

    Raises: TypeMismatchError, ColumnNotFoundError, CommitConflictError.
    """
    catalog, name = locate(writes.resolver, session, statement.table)
    table = managed(catalog, name)
    if statement.overwrite and statement.partition:
        raise NotSupportedError(
            "INSERT OVERWRITE of one partition is not supported",
            hint="DELETE FROM … WHERE the partition, then INSERT INTO",
        )
    query = conformed(statement, table, writes)
    written = writes.write(
        writes.plan(query), table.schema.arrow, Staging(lambda: catalog.stage(name), catalog.discard)
    )
    mode = CommitMode.OVERWRITE if statement.overwrite else CommitMode.APPEND
    _commit(catalog, written, lambda: catalog.commit(name, written.target, written.files, mode))
    return _changed("INSERT", written)


def managed(catalog: Catalog, name: TableName) -> Table:
    """Return a table that may be written.

    Raises: UnsupportedTableError for external tables.
    """
    table = load_table(catalog, name)
    if table.format_name != "iceberg":
        raise UnsupportedTableError(
            f"{name} is an external {table.format_name} table, which headgate reads only",
            hint=f"CREATE TABLE … AS SELECT * FROM {name} makes one that can be written",
        )
    return table


def conformed(statement: Insert, table: Table, writes: Writes) -> Query:
    """Return the statement's query with its columns cast and put in the table's order.

    Raises: TypeMismatchError for too many or too few values, or types that may not be stored.
    """
    values = writes.schema_of(statement.query)
    targets = _target_columns(statement, table)
    if len(values) != len(targets):
        raise TypeMismatchError(
            f"{len(targets)} columns are to be filled ({', '.join(column.name for column in targets)}),"
            f" the query returns {len(values)}"
        )
    check(list(values), targets, str(table.name))
    places = {fold(column.name): f"c{number}" for number, column in enumerate(targets)}
    static = {fold(column): value for column, value in statement.partition}
    items = [_item(column, places.get(fold(column.name)), static) for column in table.schema]
    names = ", ".join(f"c{number}" for number in range(len(targets)))
    text = f"SELECT {', '.join(items)} FROM (\n{_spark_text(statement.query)}\n) AS {SOURCE}({names})"
    return writes.parse_query(text, "spark")


def _target_columns(statement: Insert, table: Table) -> list[Column]:
    """Return the columns that the query's values are for, in its order."""
    static = {fold(column) for column, _ in statement.partition}
    for name in [*(statement.columns or ()), *(column for column, _ in statement.partition)]:
        if table.schema.find(name) is None:
            raise ColumnNotFoundError(
                f"{table.name} has no column {name!r}",
                hint=f"it has {', '.join(column.name for column in table.schema)}",
            )
    if statement.columns is None:
        return [column for column in table.schema if fold(column.name) not in static]
    if len({fold(name) for name in statement.columns} | static) < len(statement.columns) + len(static):
        raise TypeMismatchError("a column is named twice")
    return [table.schema.column(name) for name in statement.columns]


def _item(column: Column, place: str | None, static: dict[str, Value]) -> str:
    kind = type_name(column.type)
    if fold(column.name) in static:
        return f"CAST({_literal(static[fold(column.name)])} AS {kind}) AS {quote(column.name)}"
    return f"CAST({place or 'NULL'} AS {kind}) AS {quote(column.name)}"


def _literal(value: Value) -> str:
    """Return a literal as text that a cast to the column's type reads back."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def _spark_text(query: Query) -> str:
    if query.dialect != "spark":
        raise NotSupportedError(
            f"INSERT from a {query.dialect} query is not supported", hint="SET dialect = spark for this statement"
        )
    return query.text


def delete(session: Session, statement: Delete, writes: Writes) -> Answer:
    """Delete rows by writing the files that held any of them again without them.

    Raises: CommitConflictError when other writers keep committing first.
    """
    catalog, name = locate(writes.resolver, session, statement.table)
    for _ in range(MAX_DELETE_TRIES - 1):
        try:
            return _delete_once(catalog, name, statement, writes)
        except CommitConflictError:
            continue
    return _delete_once(catalog, name, statement, writes)


def _delete_once(catalog: Catalog, name: TableName, statement: Delete, writes: Writes) -> Answer:
    table = managed(catalog, name)
    if statement.keep is None or statement.gone is None:
        rows = table.statistics().record_count or 0
        catalog.commit(name, catalog.stage(name), [], CommitMode.OVERWRITE)
        return Answer("DELETE", update_count=rows, reason="every row goes: no file is read")
    touched = _scan_of(writes.plan(statement.gone), table)
    if not len(touched.files):
        return Answer("DELETE", update_count=0, reason="no file can hold such a row")
    plan = with_scan(writes.plan(statement.keep), touched)
    written = writes.write(plan, table.schema.arrow, Staging(lambda: catalog.stage(name), catalog.discard))
    before = touched.files.record_count
    _commit(
        catalog,
        written,
        lambda: catalog.replace_files(
            name, written.target, written.files, touched.files.paths.to_pylist(), table.snapshot_id
        ),
    )
    removed = None if before is None else before - written.record_count
    return replace(_changed("DELETE", written), update_count=removed)


def _scan_of(plan: Plan, table: Table) -> Scan:
    """Return the files of the table that the doomed rows may be in, with every column."""
    for use in plan.query.uses:
        if not isinstance(use.source, pa.Table) and use.source.name == table.name:
            return table.scan(use.predicate)
    raise AssertionError("DELETE reads the table it deletes from")


def _commit(catalog: Catalog, written: Written, commit: Callable[[], object]) -> None:
    try:
        commit()
    except BaseException:
        catalog.discard(written.target)
        raise


def _changed(verb: str, written: Written) -> Answer:
    return Answer(verb, update_count=written.record_count, engine=written.engine, reason=written.reason)
