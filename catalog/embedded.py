"""The embedded catalog's names: which table's metadata is where, in one SQLite file.

The tables are those of PyIceberg's SQL catalog, so PyIceberg commits to them and any Iceberg tool can
read them; names are looked up here by hand, because a look-up must cost microseconds and no import.
What PyIceberg does not keep, views and external tables, stands beside them in the same file. Names are
unique without regard to case over all three: triggers see to it, whichever process or tool writes.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from catalog.errors import AlreadyExistsError, ExternalError
from catalog.identifiers import fold
from catalog.translation import catalog_errors

_BUSY_SECONDS = 60.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key));
CREATE TABLE IF NOT EXISTS headgate_objects (
    catalog_name TEXT NOT NULL, schema_folded TEXT NOT NULL, name_folded TEXT NOT NULL, name TEXT NOT NULL,
    kind TEXT NOT NULL, definition TEXT NOT NULL, PRIMARY KEY (catalog_name, schema_folded, name_folded));
CREATE TRIGGER IF NOT EXISTS headgate_unique_table BEFORE INSERT ON iceberg_tables
WHEN EXISTS (SELECT 1 FROM iceberg_tables t WHERE t.catalog_name = NEW.catalog_name
        AND lower(t.table_namespace) = lower(NEW.table_namespace) AND lower(t.table_name) = lower(NEW.table_name))
    OR EXISTS (SELECT 1 FROM headgate_objects o WHERE o.catalog_name = NEW.catalog_name
        AND o.schema_folded = lower(NEW.table_namespace) AND o.name_folded = lower(NEW.table_name))
BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: the name is taken'); END;
CREATE TRIGGER IF NOT EXISTS headgate_unique_object BEFORE INSERT ON headgate_objects
WHEN EXISTS (SELECT 1 FROM iceberg_tables t WHERE t.catalog_name = NEW.catalog_name
        AND lower(t.table_namespace) = NEW.schema_folded AND lower(t.table_name) = NEW.name_folded)
BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: the name is taken'); END;
"""


class ObjectKind(Enum):
    EXTERNAL = "external"
    VIEW = "view"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A view or an external table as stored."""

    schema: str
    """Folded."""
    name: str
    kind: ObjectKind
    definition: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class StoredTable:
    """An Iceberg table as PyIceberg's SQL catalog stores it."""

    namespace: str
    name: str
    metadata_location: str


@dataclass(frozen=True)
class Names:
    """Everything the file holds, as of one state."""

    schemas: dict[str, str]
    """Folded → display."""
    tables: dict[tuple[str, str], StoredTable]
    """Folded schema and name → table."""
    objects: dict[tuple[str, str], StoredObject]


class CatalogDatabase:
    """One SQLite file; thread safe, and safe for several processes."""

    def __init__(self, path: Path, catalog_name: str) -> None:
        self.path = path
        self.catalog_name = catalog_name
        self._lock = threading.RLock()
        self._names: tuple[object, Names] | None = None
        self._writes = 0
        with catalog_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare()

    def _prepare(self) -> None:
        try:
            found = self._connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'headgate_unique_object'")
            if found.fetchone()[0]:
                return
            self._connection.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
            self._set_journal()
        except sqlite3.DatabaseError as error:
            raise ExternalError(f"{self.path} is not a usable catalog database: {error}") from error

    def _set_journal(self) -> None:
        """Let readers and a writer work at the same time; the mode is kept in the file.

        SQLite does not wait for others here as it does elsewhere, so this does.
        """
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() >= end:
                    raise
                time.sleep(0.01)

    def token(self) -> object:
        """Return a value that changes with every commit of anybody; costs microseconds."""
        with self._lock:
            return self._connection.execute("PRAGMA data_version").fetchone()[0], self._writes

    def names(self) -> Names:
        """Return all names, read again only after a change."""
        with self._lock, catalog_errors(self.path):
            token = self.token()
            if self._names is None or self._names[0] != token:
                self._names = token, self._read()
            return self._names[1]

    def _read(self) -> Names:
        execute = self._connection.execute
        catalog = (self.catalog_name,)
        # One statement each, one transaction for all: a consistent state.
        execute("BEGIN")
        try:
            namespaces = execute(
                "SELECT DISTINCT namespace FROM iceberg_namespace_properties WHERE catalog_name = ? UNION "
                "SELECT DISTINCT table_namespace FROM iceberg_tables WHERE catalog_name = ?",
                catalog * 2,
            ).fetchall()
            tables = execute(
                "SELECT table_namespace, table_name, metadata_location FROM iceberg_tables WHERE catalog_name = ? "
                "AND (iceberg_type IS NULL OR iceberg_type = 'TABLE')",
                catalog,
            ).fetchall()
            objects = execute(
                "SELECT schema_folded, name, kind, definition FROM headgate_objects WHERE catalog_name = ?", catalog
            ).fetchall()
        finally:
            execute("COMMIT")
        return Names(
            schemas={fold(name): name for (name,) in namespaces},
            tables={(fold(row[0]), fold(row[1])): StoredTable(*row) for row in tables},
            objects={
                (schema, fold(name)): StoredObject(schema, name, ObjectKind(kind), definition)
                for schema, name, kind, definition in objects
            },
        )

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run a block as one transaction that holds the write lock from its start."""
        with self._lock, catalog_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            self._writes += 1

    def put(self, stored: StoredObject, *, replace: bool = False) -> None:
        """Store a view or an external table.

        Raises: AlreadyExistsError when the name is taken; with ``replace`` only by something of another kind.
        """
        key = (self.catalog_name, stored.schema, fold(stored.name))
        with self.write() as connection:
            if replace:
                connection.execute(
                    "DELETE FROM headgate_objects WHERE (catalog_name, schema_folded, name_folded) = (?, ?, ?) "
                    "AND kind = ?",
                    (*key, stored.kind.value),
                )
            try:
                connection.execute(
                    "INSERT INTO headgate_objects VALUES (?, ?, ?, ?, ?, ?)",
                    (*key, stored.name, stored.kind.value, stored.definition),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExistsError(f"{stored.name} already exists in schema {stored.schema}") from error

    def remove(self, schema: str, name: str, kind: ObjectKind) -> bool:
        """Forget a view or an external table; return whether it was there."""
        with self.write() as connection:
            done = connection.execute(
                "DELETE FROM headgate_objects WHERE (catalog_name, schema_folded, name_folded, kind) = (?, ?, ?, ?)",
                (self.catalog_name, fold(schema), fold(name), kind.value),
            )
            return done.rowcount > 0

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
