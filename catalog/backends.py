"""Where the Iceberg tables' names are kept: the embedded SQLite file, or any catalog that PyIceberg speaks to."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from catalog.embedded import CatalogDatabase
from catalog.errors import AlreadyExistsError, CommitConflictError, SchemaNotFoundError, UnsupportedTableError
from catalog.formats.metadata import TableMetadata, parse_metadata, read_metadata
from catalog.identifiers import fold
from catalog.schema import Schema
from catalog.tables import PartitionField
from catalog.translation import catalog_errors

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog as PyIcebergCatalog

    from catalog.commits import Committer

_KEPT_METADATA = 256


@dataclass(frozen=True, slots=True)
class Location:
    """A table's name as its catalog spells it."""

    schema: str
    table: str

    @property
    def identifier(self) -> tuple[str, ...]:
        return (*self.schema.split("."), self.table)


@dataclass(frozen=True, slots=True)
class NewTable:
    """An Iceberg table to be made."""

    identifier: tuple[str, ...]
    schema: Schema
    """With the field ids that a new table gets."""
    partitioning: tuple[PartitionField, ...]
    location: str | None
    """None leaves it to the catalog."""
    properties: Mapping[str, str]


class Backend(Protocol):
    """Names of Iceberg tables and how to change them. Names given are folded, names returned are not."""

    def token(self) -> object | None: ...
    def schemas(self) -> Mapping[str, str]: ...
    def tables(self, schema: str) -> Mapping[str, Location]: ...
    def metadata(self, location: Location) -> TableMetadata: ...
    def create_schema(self, schema: str) -> None: ...
    def drop_schema(self, schema: str) -> None: ...
    def forget(self, location: Location) -> None: ...
    def swap(self, location: Location, expected: str, metadata_location: str) -> None: ...
    def committer(self) -> "Committer": ...
    def close(self) -> None: ...


class MetadataCache:
    """Parsed metadata by location: a location's content never changes."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        self._properties = properties
        self._kept: dict[str, TableMetadata] = {}
        self._lock = threading.Lock()

    def get(self, location: str, read: Callable[[], TableMetadata] | None = None) -> TableMetadata:
        """Return the metadata at a location, read at most once while kept."""
        found = self._kept.get(location)
        if found is None:
            found = read_metadata(location, self._properties) if read is None else read()
            with self._lock:
                while len(self._kept) >= _KEPT_METADATA:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[location] = found
        return found


class EmbeddedBackend:
    """Iceberg's SQL catalog in the home's SQLite file; reading it needs no PyIceberg."""

    def __init__(self, database: CatalogDatabase, warehouse: Path) -> None:
        self._database = database
        self._warehouse = warehouse
        self._metadata = MetadataCache({})
        self._lock = threading.Lock()
        self._committer: Committer | None = None

    def token(self) -> object:
        """Return a value that changes with every commit."""
        return self._database.token()

    def schemas(self) -> Mapping[str, str]:
        """Return folded → display names."""
        return self._database.names().schemas

    def tables(self, schema: str) -> Mapping[str, Location]:
        """Return folded name → location of the tables of a folded schema."""
        return {
            name: Location(stored.namespace, stored.name)
            for (inside, name), stored in self._database.names().tables.items()
            if inside == schema
        }

    def metadata(self, location: Location) -> TableMetadata:
        """Return the current metadata."""
        stored = self._database.names().tables[fold(location.schema), fold(location.table)]
        return self._metadata.get(stored.metadata_location)

    def create_schema(self, schema: str) -> None:
        """Make a schema. Raises: AlreadyExistsError."""
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?",
                (self._database.catalog_name,),
            )
            if any(fold(name) == fold(schema) for (name,) in rows.fetchall()):
                raise AlreadyExistsError(f"schema {schema} already exists")
            connection.execute(
                "INSERT INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true')",
                (self._database.catalog_name, schema),
            )

    def drop_schema(self, schema: str) -> None:
        """Drop an empty schema."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?",
                (self._database.catalog_name, schema),
            )

    def forget(self, location: Location) -> None:
        """Drop a table's name; its files are the caller's."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM iceberg_tables WHERE (catalog_name, table_namespace, table_name) = (?, ?, ?)",
                (self._database.catalog_name, location.schema, location.table),
            )

    def swap(self, location: Location, expected: str, metadata_location: str) -> None:
        """Let a name point to another table. Raises: CommitConflictError when it does not point to ``expected``."""
        with self._database.write() as connection:
            done = connection.execute(
                "UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = metadata_location "
                "WHERE (catalog_name, table_namespace, table_name, metadata_location) = (?, ?, ?, ?)",
                (metadata_location, self._database.catalog_name, location.schema, location.table, expected),
            )
            if done.rowcount < 1:
                raise CommitConflictError(
                    f"{location.schema}.{location.table} was changed by another writer", hint="run the statement again"
                )

    def committer(self) -> "Committer":
        """Return what changes tables; the first call imports PyIceberg."""
        with self._lock:
            if self._committer is None:
                from pyiceberg.catalog.sql import SqlCatalog

                from catalog.commits import Committer

                self._committer = Committer(
                    SqlCatalog(
                        self._database.catalog_name,
                        uri=f"sqlite:///{self._database.path}?timeout=60",
                        warehouse=str(self._warehouse),
                        init_catalog_tables="false",
                    )
                )
            return self._committer

    def close(self) -> None:
        """Let go of connections."""
        if self._committer is not None:
            self._committer.catalog.close()


class PyIcebergBackend:
    """REST, Glue, Hive or another SQL database, by PyIceberg's own properties."""

    def __init__(self, name: str, properties: Mapping[str, str]) -> None:
        self._name = name
        self._properties = dict(properties)
        self._metadata = MetadataCache(properties)
        self._lock = threading.Lock()
        self._committer: Committer | None = None

    def token(self) -> None:
        """Return None: only asking tells, and asking costs a round trip."""

    def schemas(self) -> Mapping[str, str]:
        """Return folded → display names."""
        with catalog_errors(self._name):
            names = [".".join(parts) for parts in self._catalog.list_namespaces()]
        return {fold(name): name for name in names}

    def tables(self, schema: str) -> Mapping[str, Location]:
        """Return folded name → location of the tables of a folded schema."""
        display = self.schemas().get(schema)
        if display is None:
            return {}
        with catalog_errors(display):
            names = [identifier[-1] for identifier in self._catalog.list_tables(tuple(display.split(".")))]
        found: dict[str, Location] = {}
        for name in names:
            if fold(name) in found:
                other = found[fold(name)].table
                raise UnsupportedTableError(f"tables {other!r} and {name!r} of {display} differ only in case")
            found[fold(name)] = Location(display, name)
        return found

    def metadata(self, location: Location) -> TableMetadata:
        """Return the current metadata."""
        with catalog_errors(f"{location.schema}.{location.table}"):
            table = self._catalog.load_table(location.identifier)
            where = table.metadata_location
        return self._metadata.get(where, lambda: parse_metadata(json.loads(table.metadata.model_dump_json()), where))

    def create_schema(self, schema: str) -> None:
        """Make a schema. Raises: AlreadyExistsError."""
        with catalog_errors(schema):
            self._catalog.create_namespace(schema)

    def drop_schema(self, schema: str) -> None:
        """Drop an empty schema."""
        with catalog_errors(schema):
            self._catalog.drop_namespace(schema)

    def forget(self, location: Location) -> None:
        """Drop a table's name."""
        with catalog_errors(f"{location.schema}.{location.table}"):
            self._catalog.drop_table(location.identifier)

    def swap(self, location: Location, expected: str, metadata_location: str) -> None:
        """Refuse: PyIceberg has no call that replaces a table in one step."""
        del expected, metadata_location
        raise UnsupportedTableError(
            f"{location.schema}.{location.table} cannot be replaced in one step in this catalog",
            hint="DROP TABLE first, or INSERT OVERWRITE",
        )

    @property
    def _catalog(self) -> "PyIcebergCatalog":
        return self.committer().catalog

    def committer(self) -> "Committer":
        """Return what changes tables; the first call imports PyIceberg and connects."""
        with self._lock:
            if self._committer is None:
                with catalog_errors(self._name):
                    from pyiceberg.catalog import load_catalog

                    from catalog.commits import Committer

                    self._committer = Committer(load_catalog(self._name, **self._properties))
            return self._committer

    def close(self) -> None:
        """Let go of connections."""
        if self._committer is not None:
            self._committer.catalog.close()


def nearest(name: str, known: list[str]) -> str | None:
    """Return a hint with the names most like ``name``, None when nothing is."""
    import difflib  # only on the error path: it costs start-up time

    by_fold = {fold(each): each for each in known}
    close = difflib.get_close_matches(fold(name), by_fold, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(by_fold[each] for each in close)}?" if close else None


def schema_not_found(schema: str, known: list[str]) -> SchemaNotFoundError:
    """Return the error for a missing schema."""
    hint = nearest(schema, known) or "SHOW SCHEMAS lists them"
    return SchemaNotFoundError(f"schema {schema!r} does not exist", hint=hint)
