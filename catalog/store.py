"""What the gateway asks of a catalog: list, load, create, commit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from catalog.identifiers import TableName
from catalog.predicates import Literal
from catalog.schema import Column, Schema
from catalog.tables import CsvOptions, FileFormat, PartitionField, Table, View


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A Parquet file that an engine wrote and that no snapshot holds yet."""

    path: str
    partition: tuple[Literal | None, ...]
    """Transformed partition values, parallel to the table's partition spec."""


@dataclass(frozen=True, slots=True)
class WriteTarget:
    """Where and how an engine writes the data files of one commit.

    Files hold every column of the schema, identity partition columns included, and the Parquet
    field ids of the schema. FLOAT and DOUBLE columns are written without statistics and
    dictionary (DESIGN.md: NaN and -0.0 are lost otherwise). A file holds one partition.
    """

    folder: str
    """Exists, is empty, and belongs to this commit alone."""
    schema: Schema
    """With field ids."""
    partitioning: tuple[PartitionField, ...]
    compression: str = "zstd"
    target_file_bytes: int = 256 * 1024 * 1024


class CommitMode(Enum):
    APPEND = "append"
    OVERWRITE = "overwrite"
    """All rows are replaced; the table, its schema and its history stay."""


@dataclass(frozen=True, slots=True)
class ExternalDefinition:
    """What CREATE EXTERNAL TABLE says."""

    format: FileFormat
    location: str
    """A folder, a file or a glob; absolute, or a URI."""
    schema: Schema | None
    """Declared columns, partition columns included; None infers from the files (partition columns as string)."""
    partitions: tuple[str, ...] | None = None
    """Hive partition columns in path order; None takes them from the first path."""
    csv: CsvOptions = field(default_factory=CsvOptions)


class Catalog(Protocol):
    """Schemas, tables and views of one catalog. Thread safe; other processes may commit at any time."""

    @property
    def name(self) -> str: ...

    def change_token(self) -> object | None:
        """Return a value that stays equal while no table, view or schema of the catalog changed.

        Asked before every query that reuses a plan, so it costs microseconds (SQLite: ``PRAGMA
        data_version`` plus a counter of our own commits). None when it cannot be told so cheaply.
        External tables' files are not covered.
        """
        ...

    def schemas(self) -> tuple[str, ...]:
        """Return display names, sorted."""
        ...

    def create_schema(self, schema: str, *, if_not_exists: bool = False) -> None: ...
    def drop_schema(self, schema: str, *, if_exists: bool = False, cascade: bool = False) -> None: ...

    def tables(self, schema: str) -> tuple[TableName, ...]:
        """Return tables, not views, sorted.

        Raises: SchemaNotFoundError.
        """
        ...

    def views(self, schema: str) -> tuple[TableName, ...]: ...

    def load(self, name: TableName) -> Table | View:
        """Return the table at its current snapshot, or the view.

        Raises: TableNotFoundError with the nearest names as hint; SchemaNotFoundError.
        """
        ...

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
        ...

    def create_external_table(self, name: TableName, definition: ExternalDefinition) -> Table: ...
    def create_view(self, view: View, *, or_replace: bool = False) -> None: ...

    def drop_table(self, name: TableName, *, if_exists: bool = False, purge: bool = True) -> None:
        """Forget the table and, for tables that headgate owns, delete its files. External files stay."""
        ...

    def drop_view(self, name: TableName, *, if_exists: bool = False) -> None: ...

    def add_column(self, name: TableName, column: Column) -> None: ...
    def rename_column(self, name: TableName, old: str, new: str) -> None: ...
    def drop_column(self, name: TableName, column: str) -> None: ...
    def refresh(self, name: TableName) -> None:
        """List an external table's files again."""
        ...

    def stage(self, name: TableName) -> WriteTarget:
        """Return an empty staging folder inside the table's location for one commit's files.

        A folder whose writer died is debris, cleaned later.
        """
        ...

    def stage_new(
        self,
        name: TableName,
        schema: Schema,
        partitioning: Sequence[PartitionField] = (),
        *,
        replace: bool = False,
    ) -> WriteTarget:
        """Stage files for a table that does not exist yet (CREATE TABLE AS): nothing is visible before commit_new.

        With ``replace`` the table may exist; it stays as it is until commit_new.
        Raises: AlreadyExistsError, SchemaNotFoundError, InvalidDefinitionError.
        """
        ...

    def commit(self, name: TableName, target: WriteTarget, files: Iterable[WrittenFile], mode: CommitMode) -> Table:
        """Add staged files in one atomic commit; retried on top of appends of others.

        Raises: CommitConflictError, CorruptFileError.
        """
        ...

    def commit_new(
        self, name: TableName, target: WriteTarget, files: Iterable[WrittenFile], *, replace: bool = False
    ) -> Table:
        """Create the staged table and its first snapshot in one step; ``replace`` swaps an existing table for it.

        Raises: AlreadyExistsError, CommitConflictError.
        """
        ...

    def discard(self, target: WriteTarget) -> None:
        """Delete a staging folder that will not be committed."""
        ...

    def replace_files(
        self,
        name: TableName,
        target: WriteTarget,
        added: Iterable[WrittenFile],
        removed_paths: Iterable[str],
        base_snapshot_id: int | None,
    ) -> Table:
        """Swap files in one commit (DELETE FROM by copy-on-write); an empty ``added`` just removes.

        Raises: CommitConflictError when ``base_snapshot_id`` is no longer current.
        """
        ...

    def expire_snapshots(self, name: TableName, *, older_than_ms: int | None, retain_last: int) -> int:
        """Forget snapshots and delete files that no snapshot needs; return how many snapshots went."""
        ...

    def clean_debris(self, *, older_than_seconds: float) -> int:
        """Delete staging folders and files that no commit refers to and no live process owns; return the count."""
        ...
