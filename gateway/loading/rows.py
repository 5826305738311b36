"""What a load asks of whoever reads the sources; the implementations live with their engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from catalog.schema import Schema
from catalog.store import WriteTarget, WrittenFile
from gateway.loading.csv_layout import CsvLayout
from gateway.loading.requests import SourceFormat
from gateway.loading.sources import SourceFile

Tick = Callable[[float], None]
"""Told now and then, on the caller's thread, what fraction of the sources is read; raising stops the work."""


@dataclass(frozen=True)
class CsvGroup:
    """CSV files of one layout."""

    layout: CsvLayout
    files: tuple[SourceFile, ...]
    samples: tuple[Path, ...]
    """As ``gateway.loading.samples`` writes them."""


@dataclass(frozen=True)
class CsvSource:
    """All the CSV files of one load, and what goes for all."""

    groups: tuple[CsvGroup, ...]
    text_columns: frozenset[str] = frozenset()
    """Folded names of columns that are text whatever their texts look like."""
    null_texts: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class StructuredSource:
    """Files that say their own types: JSON or Parquet."""

    format: SourceFormat
    files: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that was left out, or that stops a load."""

    file: SourceFile
    line: int
    """Physical, from 1."""
    reason: str
    raw: str
    """As it stands in the file, or its beginning."""


@dataclass(frozen=True)
class Outcome:
    """What a reader wrote."""

    files: tuple[WrittenFile, ...]
    record_count: int
    size_bytes: int
    skipped: tuple[BrokenRow, ...] = ()
    warnings: tuple[str, ...] = ()


class TypesChangedError(Exception):
    """A later row needs a wider type than the sample showed: ``Rows.schema`` is another now, so stage again."""


@dataclass
class Expectation:
    """What the rows must become."""

    schema: Schema | None
    """Of the table that gets them; None lets the sources decide."""
    skip_broken: bool
    warnings: list[str] = field(default_factory=list)
    skipped: list[BrokenRow] = field(default_factory=list)
    """Rows that were left out before the engine saw the files."""


class Rows(Protocol):
    """The rows of one load."""

    @property
    def schema(self) -> Schema:
        """Columns that will be written, without field ids; known before anything is."""
        ...

    @property
    def warnings(self) -> Sequence[str]: ...

    def write(self, target: WriteTarget, tick: Tick) -> Outcome:
        """Write all rows into the staging folder.

        Raises: TypesChangedError; BrokenRowsError, WrongEncodingError, SourceFormatError; ResourceError.
        """
        ...


class Ingest(Protocol):
    """Reads files into data files."""

    @property
    def temp(self) -> Path:
        """Where copies and samples may go."""
        ...

    def csv(self, source: CsvSource, expectation: Expectation, tick: Tick) -> Rows: ...
    def structured(self, source: StructuredSource, expectation: Expectation, tick: Tick) -> Rows: ...
