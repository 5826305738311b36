"""What a table is to those who plan: a schema, a snapshot, and a scan planned before anything is read.

One protocol for all formats; adding a format is one file in ``catalog/formats``.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from catalog.files import FileSet
from catalog.identifiers import TableName
from catalog.predicates import Literal, Predicate
from catalog.schema import Schema


class FileFormat(Enum):
    """How the bytes of a data file are laid out."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class PartitionField:
    """One term of a partition spec: ``transform(source)``."""

    source: str
    """The column's name."""
    transform: str
    """Iceberg's spelling: identity, year, month, day, hour, bucket[16], truncate[4], void."""
    name: str
    """The partition field's own name, e.g. ``spud_date_month``."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One committed state of a table."""

    id: int
    parent_id: int | None
    committed_at: datetime.datetime
    """Aware, UTC."""
    operation: str
    """append, overwrite, delete, replace."""
    summary: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What is known of one column over a whole snapshot; None where unknown."""

    null_count: int | None
    nan_count: int | None
    lower: Literal | None
    """Never larger than the smallest value; a truncated string may be smaller."""
    upper: Literal | None
    size_bytes: int | None
    """Compressed."""
    distinct_count: int | None
    """An estimate."""


@dataclass(frozen=True, slots=True)
class TableStatistics:
    record_count: int | None
    size_bytes: int
    file_count: int
    columns: Mapping[str, ColumnStatistics]
    """By display name."""


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a CSV file is to be read; the same on both engines."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True
    null_text: str = ""
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Scan:
    """The files of one table that may hold a row the predicate accepts, and how to read them.

    Both engines get the same scan, so they cannot disagree about the data.
    """

    table: TableName
    schema: Schema
    """Every column that may be read, in table order, partition columns included."""
    format: FileFormat
    files: FileSet
    """After pruning."""
    files_total: int
    """Before pruning."""
    snapshot_id: int | None
    """None for external tables."""
    identity: str
    """Equal for equal content: metadata location or file listing fingerprint. A cache key."""
    location: str
    """The table's folder or URI; every file of a Hive-partitioned table lies under it."""
    hive_partitions: tuple[str, ...] = ()
    """Columns whose values stand in the path (``name=value``) and not in the files, in path order."""
    csv: CsvOptions | None = None
    """For CSV only."""
    by_field_id: bool = False
    """True when columns are matched by ``Column.field_id``; by name otherwise."""
    defaults: Mapping[str, Literal] = field(default_factory=dict)
    """Values of columns that older files lack (Iceberg initial-default); NULL when absent here."""
    size_bytes_total: int | None = None
    """Of all files before pruning, every column; None when unknown."""


class Table(Protocol):
    """A table at one snapshot; immutable. Load it again to see later commits."""

    @property
    def name(self) -> TableName: ...
    @property
    def schema(self) -> Schema: ...
    @property
    def format_name(self) -> str:
        """iceberg, parquet, csv or json."""
        ...

    @property
    def location(self) -> str: ...
    @property
    def partitioning(self) -> tuple[PartitionField, ...]: ...
    @property
    def properties(self) -> Mapping[str, str]: ...
    @property
    def snapshot_id(self) -> int | None: ...
    @property
    def identity(self) -> str:
        """As Scan.identity."""
        ...

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return all snapshots, oldest first; empty for external tables."""
        ...

    def at_snapshot(self, snapshot_id: int) -> "Table":
        """Return the table as of that snapshot, with that snapshot's schema.

        Raises: SnapshotNotFoundError.
        """
        ...

    def at_time(self, instant: datetime.datetime) -> "Table":
        """Return the table as of an aware instant.

        Raises: SnapshotNotFoundError when the table did not exist then.
        """
        ...

    def scan(self, predicate: Predicate, columns: Iterable[str] | None = None) -> Scan:
        """Plan a scan of the files that may hold a row the predicate accepts.

        ``columns`` (names) narrows ``Scan.schema``; None keeps all. Reads metadata only.
        Raises: UnsupportedTableError when deletes cannot be applied; CorruptFileError; FileAccessError.
        """
        ...

    def statistics(self) -> TableStatistics: ...


@dataclass(frozen=True, slots=True)
class View:
    """A stored query."""

    name: TableName
    text: str
    """The query as written, without CREATE VIEW."""
    dialect: str
    catalog: str
    """The session's namespace when the view was made: unqualified names inside resolve there."""
    schema: str
    columns: tuple[str, ...] | None
    """Names given in CREATE VIEW v (a, b); None keeps the query's own."""
