"""External tables: Parquet, CSV and JSON lines read in place, partitioned by ``name=value`` folders."""

import base64
import dataclasses
import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.errors import InvalidDefinitionError, SnapshotNotFoundError, UnsupportedTableError
from catalog.files import ColumnBounds, FileSet
from catalog.formats.delimited import check_headers, csv_schema, json_schema
from catalog.formats.listing import Listing, list_files, partition_names, partition_texts
from catalog.formats.parquet import FooterCache
from catalog.identifiers import TableName, fold
from catalog.partitions import Transform
from catalog.predicates import ALWAYS, Predicate
from catalog.pruning import ColumnFacts, PartitionFacts, prune
from catalog.schema import Column, Schema, type_name
from catalog.statistics import summarize
from catalog.store import ExternalDefinition
from catalog.tables import CsvOptions, FileFormat, PartitionField, Scan, Snapshot, TableStatistics

_IDENTITY = Transform("identity")


@dataclass(frozen=True)
class ExternalTable:
    """Files that somebody else writes, as they are when first looked at."""

    name: TableName
    definition: ExternalDefinition
    """With its schema and partitions resolved."""
    listings: "Listings" = field(repr=False)
    footers: FooterCache = field(repr=False)

    @property
    def schema(self) -> Schema:
        assert self.definition.schema is not None
        return self.definition.schema

    @property
    def format_name(self) -> str:
        return self.definition.format.value

    @property
    def location(self) -> str:
        return self.definition.location

    @cached_property
    def partitioning(self) -> tuple[PartitionField, ...]:
        return tuple(PartitionField(name, "identity", name) for name in self._partition_names)

    @property
    def properties(self) -> Mapping[str, str]:
        return {}

    @property
    def snapshot_id(self) -> int | None:
        return None

    @property
    def identity(self) -> str:
        return f"{self.definition.location}#{self._schema_mark}@{self._listing.fingerprint}"

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return nothing: files in place have no history."""
        return ()

    def at_snapshot(self, snapshot_id: int) -> "ExternalTable":
        """Raise SnapshotNotFoundError."""
        raise SnapshotNotFoundError(f"{self.name} is external and has no snapshot {snapshot_id}")

    def at_time(self, instant: datetime.datetime) -> "ExternalTable":
        """Raise SnapshotNotFoundError."""
        raise SnapshotNotFoundError(f"{self.name} is external and has no history at {instant.isoformat()}")

    def scan(self, predicate: Predicate, columns: Iterable[str] | None = None) -> Scan:
        """Plan a scan of the files that may hold a row the predicate accepts.

        Raises: UnsupportedTableError, CorruptFileError, FileAccessError, PredicateTypeError.
        """
        files = self._file_set
        if predicate != ALWAYS and len(files):
            mask = prune(predicate, len(files), self._facts)
            files = files if mask.all() else files.filter(pa.array(mask))
        return Scan(
            table=self.name,
            schema=self._narrowed(columns),
            format=self.definition.format,
            files=files,
            files_total=len(self._file_set),
            size_bytes_total=self._file_set.size_bytes,
            snapshot_id=None,
            identity=self.identity,
            location=self._listing.root,
            hive_partitions=self._partition_names,
            csv=self.definition.csv if self.definition.format is FileFormat.CSV else None,
            by_field_id=False,
        )

    def statistics(self) -> TableStatistics:
        """Return sums and extremes over all files; unknown for CSV and JSON but for bytes and partitions."""
        return summarize(self.schema, self._file_set, partitioned_by=self._partition_names)

    def _narrowed(self, columns: Iterable[str] | None) -> Schema:
        """Return the columns asked for; all of a CSV file, whose columns are found by position."""
        if columns is None:
            return self.schema
        wanted = {fold(self.schema.column(name).name) for name in columns}
        if self.definition.format is FileFormat.CSV:
            hive = {fold(name) for name in self._partition_names}
            wanted |= {fold(column.name) for column in self.schema} - hive
        return Schema(tuple(column for column in self.schema if fold(column.name) in wanted))

    @cached_property
    def _schema_mark(self) -> str:
        return ",".join(f"{column.name} {type_name(column.type)}" for column in self.schema)

    @cached_property
    def _listing(self) -> Listing:
        return self.listings.get(self.definition.location)

    @cached_property
    def _partition_names(self) -> tuple[str, ...]:
        return tuple(self.schema.column(name).name for name in self.definition.partitions or ())

    @cached_property
    def _partitions(self) -> dict[str, pa.Array]:
        rows = partition_texts(self._listing, self._partition_names)
        return {
            name: partition_values([row[place] for row in rows], self.schema.column(name), self._listing)
            for place, name in enumerate(self._partition_names)
        }

    @cached_property
    def _inside(self) -> Schema:
        """The columns that stand in the files."""
        hive = {fold(name) for name in self._partition_names}
        return Schema(tuple(column for column in self.schema if fold(column.name) not in hive))

    @cached_property
    def _file_set(self) -> FileSet:
        files = self._listing.files
        counts = pa.nulls(len(files), pa.int64())
        bounds: dict[str, ColumnBounds] = {}
        match self.definition.format:
            case FileFormat.PARQUET:
                facts = self.footers.facts(self._listing, self._inside)
                counts, bounds = facts.record_counts, dict(facts.bounds)
            case FileFormat.CSV:
                check_headers(self._listing, self._inside, self.definition.csv)
        return FileSet(
            paths=pa.array([file.path for file in files], pa.string()),
            sizes_bytes=pa.array([file.size_bytes for file in files], pa.int64()),
            record_counts=counts,
            partitions=self._partitions,
            bounds=bounds,
        )

    def _facts(self, name: str) -> ColumnFacts | None:
        column = self.schema.find(name)
        if column is None:
            return None
        files = self._file_set
        values = self._partitions.get(column.name)
        if values is not None:
            part = PartitionFacts(_IDENTITY, values, np.ones(len(files), bool))
            return ColumnFacts(column.name, column.type, partitions=(part,))
        known = files.bounds.get(fold(column.name))
        if known is None:
            return ColumnFacts(column.name, column.type)
        return ColumnFacts(
            column.name,
            column.type,
            known.lower,
            known.upper,
            known.null_count,
            known.nan_count,
            files.record_counts,
        )


class Listings:
    """Listings of external tables: made at every look, but for very large ones, which are kept until REFRESH."""

    KEPT_FROM = 10_000

    def __init__(self) -> None:
        self._kept: dict[str, Listing] = {}

    def get(self, location: str) -> Listing:
        """Return the files there now, or as of the last REFRESH when there are many."""
        kept = self._kept.get(location)
        if kept is not None:
            return kept
        listing = list_files(location)
        if len(listing.files) >= self.KEPT_FROM:
            self._kept[location] = listing
        return listing

    def forget(self, location: str) -> None:
        """Let the next look list again."""
        self._kept.pop(location, None)


class ExternalShelf:
    """What the external tables of one catalog share: listings and footers."""

    def __init__(self, cache: Path) -> None:
        self._listings = Listings()
        self._footers = FooterCache(cache)

    def table(self, name: TableName, stored: str) -> ExternalTable:
        """Return the table of a stored definition."""
        return ExternalTable(name, definition_from_json(stored), self._listings, self._footers)

    def resolve(self, definition: ExternalDefinition) -> str:
        """Return a definition as text to store, completed from the files. Raises: as resolve_definition."""
        return definition_to_json(resolve_definition(definition, list_files(definition.location), self._footers))

    def refresh(self, stored: str) -> None:
        """Let the next look at the files list them again."""
        self._listings.forget(definition_from_json(stored).location)


def partition_values(texts: Sequence[str | None], column: Column, listing: Listing) -> pa.Array:
    """Return partition values in the declared type.

    Raises: UnsupportedTableError for a value that is not of that type.
    """
    distinct = {text: _typed(text, column, listing) for text in set(texts)}
    return pa.array([distinct[text] for text in texts], column.type)


def _typed(text: str | None, column: Column, listing: Listing) -> Any:
    if text is None or pa.types.is_string(column.type):
        return text
    try:
        if pa.types.is_boolean(column.type):
            return {"true": True, "false": False}[text.lower()]
        return pa.scalar(text).cast(column.type).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError) as error:
        raise UnsupportedTableError(
            f"partition value {column.name}={text} under {listing.root} is not of type {type_name(column.type)}",
            hint=f"declare {column.name} as string",
        ) from error


def resolve_definition(definition: ExternalDefinition, listing: Listing, footers: FooterCache) -> ExternalDefinition:
    """Return the definition with schema and partitions, taken from the files where they are not declared.

    Raises: InvalidDefinitionError when the files cannot tell; UnsupportedTableError, CorruptFileError.
    """
    names = partition_names(listing) if definition.partitions is None else definition.partitions
    if definition.schema is not None:
        schema = definition.schema
        for name in names:
            if schema.find(name) is None:
                raise InvalidDefinitionError(f"partition column {name!r} is not among the declared columns")
    else:
        schema = _inferred(definition, listing, footers, names)
    _refuse_duplicates(schema)
    _check_partition_types(schema, names)
    partition_texts(listing, tuple(names))
    return dataclasses.replace(definition, schema=schema, partitions=tuple(names))


def _inferred(definition: ExternalDefinition, listing: Listing, footers: FooterCache, names: Sequence[str]) -> Schema:
    if not listing.files:
        raise InvalidDefinitionError(f"{listing.root} has no files to take columns from", hint="declare the columns")
    match definition.format:
        case FileFormat.PARQUET:
            inside = footers.schema(listing)
        case FileFormat.CSV:
            inside = csv_schema(listing, definition.csv)
        case FileFormat.JSON:
            inside = json_schema(listing)
    hive = {fold(name) for name in names}
    columns = [column for column in inside if fold(column.name) not in hive]
    return Schema((*columns, *(Column(name, pa.string()) for name in names)))


def _check_partition_types(schema: Schema, names: Sequence[str]) -> None:
    for name in names:
        column = schema.column(name)
        zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
        if zoned or pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            raise InvalidDefinitionError(
                f"partition column {name!r} cannot be {type_name(column.type)}: a path holds text without a zone",
                hint="declare it as string, or as timestamp_ntz",
            )


def _refuse_duplicates(schema: Schema) -> None:
    seen: set[str] = set()
    for column in schema:
        if fold(column.name) in seen:
            raise InvalidDefinitionError(f"column {column.name!r} is there twice")
        seen.add(fold(column.name))


def definition_to_json(definition: ExternalDefinition) -> str:
    """Return a resolved definition as text to store."""
    assert definition.schema is not None
    return json.dumps(
        {
            "format": definition.format.value,
            "location": definition.location,
            "schema": base64.b64encode(definition.schema.arrow.serialize().to_pybytes()).decode(),
            "comments": [column.comment for column in definition.schema],
            "partitions": definition.partitions,
            "csv": dataclasses.asdict(definition.csv),
        }
    )


def definition_from_json(text: str) -> ExternalDefinition:
    """Return a stored definition."""
    stored = json.loads(text)
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(stored["schema"])))
    return ExternalDefinition(
        format=FileFormat(stored["format"]),
        location=stored["location"],
        schema=Schema(
            tuple(
                Column(item.name, item.type, item.nullable, comment=comment)
                for item, comment in zip(schema, stored["comments"], strict=True)
            )
        ),
        partitions=tuple(stored["partitions"]),
        csv=CsvOptions(**stored["csv"]),
    )
