"""What is asked of a load, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from catalog.identifiers import TableName
from catalog.schema import Schema
from catalog.tables import PartitionField


class LoadMode(Enum):
    """What becomes of a table that is there."""

    CREATE = "create"
    """It must not be there."""
    APPEND = "append"
    """It gets the rows; columns are matched by name."""
    REPLACE = "replace"
    """It gives way to the new one, columns and partitions included, in one step."""


class OnError(Enum):
    """What to do with a row that is broken."""

    FAIL = "fail"
    """Load nothing and name the first few."""
    SKIP = "skip"
    """Leave it out, and write it to the rejects file with its line number."""


class SourceFormat(Enum):
    CSV = "csv"
    TSV = "tsv"
    JSON = "json"
    """One object per line, or one array of objects."""
    PARQUET = "parquet"
    XLSX = "xlsx"


@dataclass(frozen=True)
class LoadRequest:
    """Which files go into which table, and how to read them."""

    sources: tuple[str, ...]
    """Files, folders or globs."""
    table: TableName
    mode: LoadMode = LoadMode.CREATE
    partition_by: str = ""
    """Iceberg transforms: ``state, month(spud_date), bucket(16, id)``. For APPEND the table's own holds."""
    format: SourceFormat | None = None
    """None goes by name and content of each file."""
    on_error: OnError = OnError.FAIL
    rejects_file: Path | None = None
    """Where SKIP writes; None is ``<table>.rejects.csv`` in the current folder."""
    encoding: str = "utf-8"
    """A name that Python knows: latin-1, windows-1252, utf-16, …"""
    delimiter: str | None = None
    """None finds it among comma, tab, semicolon and bar."""
    header: bool = True
    """False names the columns column_1, column_2, …"""
    null_texts: tuple[str, ...] = ("",)
    """What means NULL when it stands unquoted; a quoted empty text is a text."""


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """Where a load is. ``bytes_read`` counts towards ``bytes_total``, the size of all sources on disk."""

    bytes_read: int
    bytes_total: int
    rows: int | None
    """None until known."""
    files: int
    """Sources in all."""
    stage: str
    """In a word: ``looking``, ``reading``, ``committing``."""


OnProgress = Callable[[LoadProgress], None]


@dataclass(frozen=True)
class LoadReport:
    """What a load did."""

    table: TableName
    mode: LoadMode
    schema: Schema
    """Of the table, after the load."""
    partitioning: tuple[PartitionField, ...]
    record_count: int
    """Rows added."""
    file_count: int
    """Data files written."""
    size_bytes: int
    """Of the data files."""
    source_count: int
    source_bytes: int
    skipped_count: int
    """Broken rows left out."""
    rejects_file: Path | None
    """Where they are; None when there are none."""
    warnings: tuple[str, ...]
    """One sentence each: what the loader decided that the user may want to know."""
    elapsed_seconds: float
