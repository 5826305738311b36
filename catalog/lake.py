"""The catalog: Iceberg tables, and beside them external tables and views. Behind `catalog.store.Catalog`."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.backends import Backend, EmbeddedBackend, Location, NewTable, PyIcebergBackend, nearest, schema_not_found
from catalog.copies import Copies
from catalog.embedded import CatalogDatabase, ObjectKind, StoredObject
from catalog.errors import (
    AlreadyExistsError,
    ColumnNotFoundError,
    FileAccessError,
    InternalError,
    InvalidDefinitionError,
    InvalidNameError,
    SchemaNotFoundError,
    SqlError,
    TableNotFoundError,
    UnsupportedTableError,
)
from catalog.formats.iceberg import IcebergTable, iceberg_table
from catalog.formats.manifests import ManifestReader
from catalog.icebergtypes import with_field_ids
from catalog.identifiers import TableName, fold
from catalog.locations import local_path, plain
from catalog.predicates import ALWAYS
from catalog.schema import Column, Schema
from catalog.staging import Staging
from catalog.store import CommitMode, ExternalDefinition, WriteTarget, WrittenFile
from catalog.tables import PartitionField, Table, View
from catalog.translation import catalog_errors, file_errors

if TYPE_CHECKING:
    from catalog.datafiles import FileFacts
    from catalog.formats.external import ExternalShelf

FIRST_SCHEMA = "default"


class LakeCatalog:
    """Schemas, tables and views of one catalog. Thread safe; other processes may commit at any time."""

    def __init__(
        self,
        name: str,
        backend: Backend,
        database: CatalogDatabase,
        warehouse: Path | None,
        cache: Path,
        properties: Mapping[str, str],
    ) -> None:
        self._name = name
        self._backend = backend
        self._objects = database
        self._warehouse = warehouse
        # In a configured catalog's warehouse others keep tables too: no folder is deleted there.
        self._owns_warehouse = isinstance(backend, EmbeddedBackend)
        self._reader = ManifestReader(cache, properties)
        self._staging = Staging()
        self._cache = cache
        self._shelf: ExternalShelf | None = None
        self._copies = Copies(cache)

    @property
    def name(self) -> str:
        return self._name

    def change_token(self) -> object | None:
        """Return a value that stays equal while nothing in the catalog changed; None when only asking tells."""
        return self._backend.token()

    def schemas(self) -> tuple[str, ...]:
        """Return display names, sorted."""
        return tuple(sorted(self._backend.schemas().values()))

    def create_schema(self, schema: str, *, if_not_exists: bool = False) -> None:
        """Make a schema. Raises: AlreadyExistsError; InvalidNameError."""
        if not schema or "." in schema or "\0" in schema:
            raise InvalidNameError(f"{schema!r} cannot be the name of a schema")
        if fold(schema) in self._backend.schemas():
            if if_not_exists:
                return
            raise AlreadyExistsError(f"schema {schema} already exists")
        try:
            self._backend.create_schema(schema)
        except AlreadyExistsError:
            if not if_not_exists:
                raise

    def drop_schema(self, schema: str, *, if_exists: bool = False, cascade: bool = False) -> None:
        """Drop a schema; with ``cascade`` its tables and views first.

        Raises: SchemaNotFoundError; InvalidDefinitionError when it is not empty.
        """
        if fold(schema) not in self._backend.schemas():
            if if_exists:
                return
            raise schema_not_found(schema, list(self.schemas()))
        names = [*self.tables(schema), *self.views(schema)]
        if names and not cascade:
            raise InvalidDefinitionError(
                f"schema {schema} is not empty: it has {names[0].name}", hint="DROP SCHEMA … CASCADE drops all of it"
            )
        for view in self.views(schema):
            self.drop_view(view, if_exists=True)
        for table in self.tables(schema):
            self.drop_table(table, if_exists=True)
        self._backend.drop_schema(self._schema(schema))

    def tables(self, schema: str) -> tuple[TableName, ...]:
        """Return tables, not views, sorted. Raises: SchemaNotFoundError."""
        display = self._schema(schema)
        names = [location.table for location in self._backend.tables(fold(schema)).values()]
        names += self._objects_of(schema, ObjectKind.EXTERNAL)
        return tuple(TableName(self._name, display, name) for name in sorted(names))

    def views(self, schema: str) -> tuple[TableName, ...]:
        """Return views, sorted. Raises: SchemaNotFoundError."""
        display = self._schema(schema)
        return tuple(TableName(self._name, display, name) for name in sorted(self._objects_of(schema, ObjectKind.VIEW)))

    def _objects_of(self, schema: str, kind: ObjectKind) -> list[str]:
        found = self._objects.names().objects.values()
        return [stored.name for stored in found if stored.schema == fold(schema) and stored.kind is kind]

    def _schema(self, schema: str) -> str:
        """Return the display name of a schema. Raises: SchemaNotFoundError."""
        known = self._backend.schemas()
        display = known.get(fold(schema))
        if display is None:
            raise schema_not_found(schema, list(known.values()))
        return display

    def load(self, name: TableName) -> Table | View:
        """Return the table at its current snapshot, or the view.

        Raises: TableNotFoundError with the nearest names as hint; SchemaNotFoundError.
        """
        stored = self._objects.names().objects.get((fold(name.schema), fold(name.name)))
        if stored is not None:
            full = TableName(self._name, self._schema(name.schema), stored.name)
            return _view(full, stored) if stored.kind is ObjectKind.VIEW else self._external(full, stored)
        return self._iceberg(name)

    def _iceberg(self, name: TableName) -> IcebergTable:
        location = self._location(name)
        full = TableName(self._name, location.schema, location.table)
        return iceberg_table(full, self._backend.metadata(location), self._reader, self._copies)

    def _location(self, name: TableName) -> Location:
        """Return where an Iceberg table is. Raises: TableNotFoundError, SchemaNotFoundError."""
        location = self._backend.tables(fold(name.schema)).get(fold(name.name))
        if location is None:
            self._schema(name.schema)
            raise self._not_found(name)
        return location

    def _not_found(self, name: TableName) -> TableNotFoundError:
        known = [each.name for each in (*self.tables(name.schema), *self.views(name.schema))]
        hint = nearest(name.name, known)
        if hint is None:
            elsewhere = [s for s in self.schemas() if any(each.folded[2] == name.folded[2] for each in self.tables(s))]
            hint = f"schema {elsewhere[0]} has one" if elsewhere else f"SHOW TABLES IN {name.schema} lists them"
        return TableNotFoundError(f"table {name} does not exist", hint=hint)

    def _external(self, name: TableName, stored: StoredObject) -> Table:
        return self._external_shelf.table(name, stored.definition)

    @property
    def _external_shelf(self) -> "ExternalShelf":
        if self._shelf is None:
            from catalog.formats.external import ExternalShelf  # only who has external tables pays for the import

            self._shelf = ExternalShelf(self._cache)
        return self._shelf

    def create_table(
        self,
        name: TableName,
        schema: Schema,
        partitioning: Sequence[PartitionField] = (),
        *,
        properties: Mapping[str, str] | None = None,
        comment: str | None = None,
    ) -> Table:
        """Make an empty Iceberg table. Field ids are assigned.

        Raises: AlreadyExistsError, SchemaNotFoundError, InvalidDefinitionError.
        """
        self._refuse_taken(name)
        with catalog_errors(name):
            definition = NewTable(
                self._identifier(name),
                with_field_ids(schema),
                tuple(partitioning),
                self._new_location(name),
                {**(properties or {}), **({"comment": comment} if comment else {})},
            )
            with self._staging.holding(None if definition.location is None else local_path(definition.location)):
                self._backend.committer().create(definition)
        return self._iceberg(name)

    def _refuse_taken(self, name: TableName) -> None:
        """Raises: AlreadyExistsError, SchemaNotFoundError, InvalidNameError."""
        self._schema(name.schema)
        if not name.name or "." in name.name or "\0" in name.name:
            raise InvalidNameError(f"{name.name!r} cannot be the name of a table")
        if self._is_taken(name):
            raise AlreadyExistsError(f"{name} already exists", hint="DROP it first, or choose another name")

    def _is_taken(self, name: TableName) -> bool:
        key = fold(name.schema), fold(name.name)
        return key in self._objects.names().objects or key[1] in self._backend.tables(key[0])

    def _identifier(self, name: TableName) -> tuple[str, ...]:
        return Location(self._schema(name.schema), name.name).identifier

    def _new_location(self, name: TableName) -> str | None:
        """Return a folder of its own for a new table; None leaves it to the catalog."""
        if self._warehouse is None:
            return None
        from catalog.commits import new_location

        return new_location(f"file://{self._warehouse}", self._schema(name.schema), name.name)

    def create_external_table(self, name: TableName, definition: ExternalDefinition) -> Table:
        """Register files in place; columns and partitions that are not declared are taken from them.

        Raises: AlreadyExistsError, SchemaNotFoundError, InvalidDefinitionError, UnsupportedTableError,
        FileAccessError, CorruptFileError.
        """
        self._refuse_taken(name)
        resolved = self._external_shelf.resolve(definition)
        stored = StoredObject(fold(name.schema), name.name, ObjectKind.EXTERNAL, resolved)
        table = self._external(TableName(self._name, self._schema(name.schema), name.name), stored)
        table.statistics()  # reads every footer and header: what cannot be read is refused now, not at the first query
        self._objects.put(stored)
        return table

    def create_view(self, view: View, *, or_replace: bool = False) -> None:
        """Store a view. Raises: AlreadyExistsError, SchemaNotFoundError."""
        self._schema(view.name.schema)
        found = self._objects.names().objects.get((fold(view.name.schema), fold(view.name.name)))
        replaces = or_replace and found is not None and found.kind is ObjectKind.VIEW
        if not replaces:
            self._refuse_taken(view.name)
        definition = {
            "text": view.text,
            "dialect": view.dialect,
            "catalog": view.catalog,
            "schema": view.schema,
            "columns": view.columns,
        }
        stored = StoredObject(fold(view.name.schema), view.name.name, ObjectKind.VIEW, json.dumps(definition))
        self._objects.put(stored, replace=or_replace)

    def drop_view(self, name: TableName, *, if_exists: bool = False) -> None:
        """Forget a view. Raises: TableNotFoundError."""
        if not self._objects.remove(name.schema, name.name, ObjectKind.VIEW) and not if_exists:
            if self._is_taken(name):
                raise TableNotFoundError(f"{name} is not a view", hint=f"DROP TABLE {name}")
            self._schema(name.schema)
            raise TableNotFoundError(f"view {name} does not exist")

    def drop_table(self, name: TableName, *, if_exists: bool = False, purge: bool = True) -> None:
        """Forget the table and, for tables in the home's warehouse, delete its files. Others' files stay."""
        if self._objects.remove(name.schema, name.name, ObjectKind.EXTERNAL):
            return
        if (fold(name.schema), fold(name.name)) in self._objects.names().objects:
            raise TableNotFoundError(f"{name} is a view", hint=f"DROP VIEW {name}")
        try:
            location = self._location(name)
        except (TableNotFoundError, SchemaNotFoundError):
            if if_exists:
                return
            raise
        folder = self._owned_folder(location) if purge else None
        self._backend.forget(location)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _owned_folder(self, location: Location) -> Path | None:
        """Return the table's folder when it lies in the warehouse, so that nobody else's files are deleted."""
        try:
            path = local_path(self._backend.metadata(location).table_location)
        except Exception:  # a table whose metadata is broken can still be dropped
            return None
        if path is None or self._warehouse is None or not self._owns_warehouse:
            return None
        inside = Path(path).is_relative_to(self._warehouse) and len(Path(path).relative_to(self._warehouse).parts) >= 2
        return Path(path) if inside else None

    def add_column(self, name: TableName, column: Column) -> None:
        """Add a nullable column at the end. Raises: AlreadyExistsError, InvalidDefinitionError."""
        table = self._managed(name)
        if table.schema.find(column.name) is not None:
            raise AlreadyExistsError(f"{name} has a column {column.name!r} already")
        if not column.nullable:
            raise InvalidDefinitionError(f"column {column.name!r} must take NULL: rows written before have no value")
        with self._changing(table):
            self._backend.committer().add_column(self._location(name).identifier, column)

    def rename_column(self, name: TableName, old: str, new: str) -> None:
        """Rename a column. Raises: ColumnNotFoundError, AlreadyExistsError."""
        table = self._managed(name)
        column = self._column(table, old)
        other = table.schema.find(new)
        if other is not None and other is not column:
            raise AlreadyExistsError(f"{name} has a column {other.name!r} already")
        with self._changing(table):
            self._backend.committer().rename_column(self._location(name).identifier, column.name, new)

    def drop_column(self, name: TableName, column: str) -> None:
        """Drop a column. Raises: ColumnNotFoundError; InvalidDefinitionError for the last or a partition column."""
        table = self._managed(name)
        found = self._column(table, column)
        if len(table.schema) == 1:
            raise InvalidDefinitionError(f"{found.name!r} is the only column of {name}")
        if any(fold(field.source) == fold(found.name) for field in table.partitioning):
            raise InvalidDefinitionError(f"{name} is partitioned by {found.name!r}, which cannot be dropped")
        with self._changing(table):
            self._backend.committer().drop_column(self._location(name).identifier, found.name)

    @contextmanager
    def _changing(self, table: IcebergTable) -> Iterator[None]:
        """Translate errors of a change of metadata, and keep cleaners away meanwhile."""
        with catalog_errors(table.name), self._staging.holding(local_path(table.metadata.table_location)):
            yield

    def _column(self, table: Table, column: str) -> Column:
        found = table.schema.find(column)
        if found is None:
            hint = nearest(column, [each.name for each in table.schema])
            raise ColumnNotFoundError(f"{table.name} has no column {column!r}", hint=hint)
        return found

    def _managed(self, name: TableName) -> IcebergTable:
        """Return an Iceberg table. Raises: UnsupportedTableError for an external table or a view."""
        stored = self._objects.names().objects.get((fold(name.schema), fold(name.name)))
        if stored is not None:
            kind = "a view" if stored.kind is ObjectKind.VIEW else "an external table"
            raise UnsupportedTableError(
                f"{name} is {kind} and cannot be changed", hint="only Iceberg tables take writes"
            )
        return self._iceberg(name)

    def refresh(self, name: TableName) -> None:
        """List an external table's files again. Raises: as load, and as reading the files."""
        stored = self._objects.names().objects.get((fold(name.schema), fold(name.name)))
        if stored is None or stored.kind is ObjectKind.VIEW:
            self.load(name)
            return
        self._external_shelf.refresh(stored.definition)
        self._external(name, stored).statistics()

    def stage(self, name: TableName) -> WriteTarget:
        """Return an empty staging folder inside the table's location for one commit's files."""
        table = self._managed(name)
        folder = self._staging.make(_writable(table.metadata.table_location, name), table.snapshot_id)
        return WriteTarget(str(folder), table.schema, table.partitioning)

    def stage_new(
        self, name: TableName, schema: Schema, partitioning: Sequence[PartitionField] = (), *, replace: bool = False
    ) -> WriteTarget:
        """Stage files for a table that does not exist yet: nothing is visible before commit_new.

        Raises: AlreadyExistsError, SchemaNotFoundError, InvalidDefinitionError.
        """
        if not replace or not self._is_taken(name):
            self._refuse_taken(name)
        else:
            self._managed(name)
        with_ids = with_field_ids(schema)
        _check_partitioning(with_ids, partitioning)
        location = self._new_location(name)
        if location is None:
            raise UnsupportedTableError("tables can be made from a query only with a local warehouse")
        folder = self._staging.make(_writable(location, name), None)
        return WriteTarget(str(folder), with_ids, tuple(partitioning))

    def commit(self, name: TableName, target: WriteTarget, files: Iterable[WrittenFile], mode: CommitMode) -> Table:
        """Add staged files in one atomic commit; retried on top of appends of others.

        Raises: CommitConflictError, CorruptFileError.
        """
        staged = self._staged(target)
        facts = _facts(target, files)
        identifier = self._location(name).identifier
        with catalog_errors(name):
            if mode is CommitMode.APPEND:
                self._backend.committer().append(identifier, target.partitioning, facts)
            else:
                base = staged
                self._backend.committer().replace(identifier, target.partitioning, facts, None, base)
        self._staging.keep(target.folder)
        return self._iceberg(name)

    def _staged(self, target: WriteTarget) -> int | None:
        """Return the snapshot that was current when the target was staged."""
        staged = self._staging.find(target.folder)
        if staged is None:
            raise InternalError(f"{target.folder} was not staged here, or is committed already")
        return staged.base_snapshot_id

    def commit_new(
        self, name: TableName, target: WriteTarget, files: Iterable[WrittenFile], *, replace: bool = False
    ) -> Table:
        """Create the staged table and its first snapshot in one step; ``replace`` swaps an existing table for it.

        Raises: AlreadyExistsError, CommitConflictError.
        """
        staged = self._staging.find(target.folder)
        if staged is None:
            raise InternalError(f"{target.folder} was not staged here, or is committed already")
        facts = _facts(target, files)
        exists = self._is_taken(name)
        if exists and not replace:
            raise AlreadyExistsError(f"{name} already exists", hint="DROP it first, or choose another name")
        location = f"file://{staged.table_location}"
        with catalog_errors(name):
            committer = self._backend.committer()
            definition = NewTable(self._identifier(name), target.schema, target.partitioning, location, {})
            if exists:
                current = self._backend.metadata(self._location(name)).location
                self._backend.swap(self._location(name), current, committer.write_new_metadata(definition, facts))
            else:
                committer.create(definition, facts)
        self._staging.keep(target.folder)
        return self._iceberg(name)

    def discard(self, target: WriteTarget) -> None:
        """Delete a staging folder that will not be committed."""
        self._staging.discard(target.folder)

    def replace_files(
        self,
        name: TableName,
        target: WriteTarget,
        added: Iterable[WrittenFile],
        removed_paths: Iterable[str],
        base_snapshot_id: int | None,
    ) -> Table:
        """Swap files in one commit; an empty ``added`` just removes.

        Raises: CommitConflictError when ``base_snapshot_id`` is no longer current.
        """
        self._staged(target)
        facts = _facts(target, added)
        identifier = self._location(name).identifier
        removed = frozenset(self._originals(name, base_snapshot_id, removed_paths))
        with catalog_errors(name):
            self._backend.committer().replace(identifier, target.partitioning, facts, removed, base_snapshot_id)
        self._staging.keep(target.folder)
        return self._iceberg(name)

    def _originals(self, name: TableName, base_snapshot_id: int | None, paths: Iterable[str]) -> Iterable[str]:
        """Yield the data files that scanned paths stand for: a scan may have given copies without deleted rows."""
        listed = list(paths)
        copies = str(self._copies.folder) + "/"
        if base_snapshot_id is not None and any(
            path.startswith(copies) and self._copies.original(path) == path for path in listed
        ):
            self._managed(name).at_snapshot(base_snapshot_id).scan(ALWAYS)  # tells again which copy is whose
        return (plain(self._copies.original(path)) for path in listed)

    def expire_snapshots(self, name: TableName, *, older_than_ms: int | None, retain_last: int) -> int:
        """Forget snapshots and delete files that no snapshot needs; return how many snapshots went.

        ``older_than_ms`` is an instant, milliseconds since 1970; None forgets all but the last ``retain_last``.
        Queries that run on a forgotten snapshot may fail.
        """
        from catalog.cleaning import delete_expired, expired_ids

        table = self._managed(name)
        ids = expired_ids(table.metadata, older_than_ms, retain_last)
        if not ids:
            return 0
        location = self._location(name)
        with self._changing(table):
            self._backend.committer().expire(location.identifier, ids)
        after = self._backend.metadata(location)
        delete_expired(table.metadata, after, self._reader)
        return len(set(table.metadata.snapshots) - set(after.snapshots))

    def clean_debris(self, *, older_than_seconds: float) -> int:
        """Delete staging folders and files that no commit refers to and no live process owns; return the count."""
        from catalog.cleaning import clean_cache, clean_table, clean_warehouse

        count = 0
        for location in self._locations():
            with suppress(SqlError):  # a table that cannot be read is left alone
                count += clean_table(lambda at=location: self._backend.metadata(at), self._reader, older_than_seconds)  # type: ignore[misc]
        if self._warehouse is not None and self._owns_warehouse:
            with suppress(SqlError):  # a table that cannot be read may be in any folder
                count += clean_warehouse(self._warehouse, self._table_folders, older_than_seconds)
        clean_cache(self._cache, older_than_seconds)
        return count

    def _locations(self) -> list[Location]:
        return [each for schema in self._backend.schemas() for each in self._backend.tables(schema).values()]

    def _table_folders(self) -> set[str]:
        """Return the folders of all tables."""
        return {plain(self._backend.metadata(location).table_location) for location in self._locations()}

    def close(self) -> None:
        """Let go of the catalog's connections."""
        self._backend.close()
        self._objects.close()


def open_catalog(
    name: str, *, database: Path, warehouse: Path, cache: Path, properties: Mapping[str, str]
) -> LakeCatalog:
    """Return the catalog of a home; made, with its first schema, when it is not there.

    Without ``properties`` it is the embedded one: ``database`` and ``warehouse``. With them PyIceberg connects
    (type, uri, …), and ``database`` keeps only views and external tables.
    Raises: ExternalError when the database cannot be used; FileAccessError.
    """
    for path in (database, warehouse):
        if not properties and {"#", "?"} & set(str(path)):
            raise FileAccessError(
                f"{path} holds # or ?, which the locations of tables cannot", hint="choose another --home"
            )
    objects = CatalogDatabase(database, name)
    with file_errors(str(cache)):
        cache.mkdir(parents=True, exist_ok=True)
    if properties:
        folder = local_path(properties.get("warehouse") or "remote://")
        place = Path(folder) if folder else None
        return LakeCatalog(name, PyIcebergBackend(name, properties), objects, place, cache, properties)
    backend = EmbeddedBackend(objects, warehouse.absolute())
    if not backend.schemas():
        with suppress(AlreadyExistsError):  # another process was first
            backend.create_schema(FIRST_SCHEMA)
    return LakeCatalog(name, backend, objects, warehouse.absolute(), cache, {})


def _view(name: TableName, stored: StoredObject) -> View:
    definition = json.loads(stored.definition)
    columns = definition["columns"]
    return View(
        name=name,
        text=definition["text"],
        dialect=definition["dialect"],
        catalog=definition["catalog"],
        schema=definition["schema"],
        columns=None if columns is None else tuple(columns),
    )


def _writable(location: str, name: TableName) -> str:
    path = local_path(location)
    if path is None:
        raise UnsupportedTableError(f"{name} is at {location}; only tables on local disks can be written")
    return path


def _check_partitioning(schema: Schema, partitioning: Sequence[PartitionField]) -> None:
    from catalog.commits import partition_spec

    partition_spec(schema, partitioning)


def _facts(target: WriteTarget, files: Iterable[WrittenFile]) -> "list[FileFacts]":
    from catalog.datafiles import describe

    written = list(files)
    return describe(target, written, {file.path: f"file://{file.path}" for file in written})
