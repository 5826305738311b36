"""Iceberg tables: a scan planned from manifests, pruned before anything is read."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.copies import Copies, Repair, RepairedFile
from catalog.deletes import DataFileKey, DeleteIndex
from catalog.errors import SnapshotNotFoundError
from catalog.files import ColumnBounds, FileSet
from catalog.formats.manifests import ManifestReader, PlannedFiles
from catalog.formats.metadata import SnapshotEntry, TableMetadata
from catalog.identifiers import TableName, fold
from catalog.locations import plain
from catalog.partitions import parse_transform
from catalog.predicates import ALWAYS, Literal, Predicate
from catalog.pruning import ColumnFacts, PartitionFacts, prune
from catalog.schema import Column, Schema
from catalog.statistics import summarize
from catalog.tables import FileFormat, PartitionField, Scan, Snapshot, TableStatistics


@dataclass(frozen=True)
class IcebergTable:
    """A table at one snapshot."""

    name: TableName
    metadata: TableMetadata
    reader: ManifestReader = field(repr=False)
    copies: Copies = field(repr=False)
    snapshot_id: int | None
    schema_id: int

    @property
    def format_name(self) -> str:
        return "iceberg"

    @property
    def location(self) -> str:
        return plain(self.metadata.table_location)

    @property
    def properties(self) -> Mapping[str, str]:
        return self.metadata.properties

    @property
    def identity(self) -> str:
        return f"{self.metadata.uuid}@{self.snapshot_id}/{self.schema_id}"

    @cached_property
    def schema(self) -> Schema:
        return self.metadata.schema(self.schema_id)

    @cached_property
    def partitioning(self) -> tuple[PartitionField, ...]:
        return self.metadata.partitioning(self.schema_id)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return all snapshots, oldest first."""
        return tuple(entry.snapshot for entry in self.metadata.snapshots.values())

    def at_snapshot(self, snapshot_id: int) -> "IcebergTable":
        """Return the table as of that snapshot, with that snapshot's schema.

        Raises: SnapshotNotFoundError.
        """
        entry = self.metadata.snapshots.get(snapshot_id)
        if entry is None:
            raise SnapshotNotFoundError(
                f"{self.name} has no snapshot {snapshot_id}", hint=f"SHOW SNAPSHOTS FOR {self.name} lists them"
            )
        schema_id = self.metadata.current_schema_id if entry.schema_id is None else entry.schema_id
        return IcebergTable(self.name, self.metadata, self.reader, self.copies, snapshot_id, schema_id)

    def at_time(self, instant: datetime.datetime) -> "IcebergTable":
        """Return the table as of an aware instant.

        Raises: SnapshotNotFoundError when the table had no snapshot then, or the snapshot has expired.
        """
        earlier = [snapshot_id for since, snapshot_id in self.metadata.history if since <= instant]
        if not earlier:
            raise SnapshotNotFoundError(
                f"{self.name} had no snapshot at {instant.isoformat()}",
                hint=f"SHOW SNAPSHOTS FOR {self.name} lists them",
            )
        return self.at_snapshot(earlier[-1])

    def scan(self, predicate: Predicate, columns: Iterable[str] | None = None) -> Scan:
        """Plan a scan of the files that may hold a row the predicate accepts.

        Raises: UnsupportedTableError, CorruptFileError, FileAccessError, PredicateTypeError.
        """
        schema = self.schema if columns is None else _narrowed(self.schema, columns)
        files = self._files
        if files is None:
            return self._scan_of(schema, _no_files(), 0)
        mask = None if predicate == ALWAYS else self._mask(files, predicate)
        kept = None if mask is None or mask.all() else pa.array(np.flatnonzero(mask))
        file_set = self._file_set(files, schema, kept)
        by_name = self._reads_by_name(files, kept)
        repairs = self._repairs(files, kept, by_name)
        if repairs:
            file_set = repaired(file_set, self.copies.make(self.metadata.uuid, list(repairs.values())), list(repairs))
        return self._scan_of(schema, file_set, len(files.data), by_field_id=not by_name)

    def _reads_by_name(self, files: PlannedFiles, kept: pa.Array | None) -> bool:
        """Return whether no file has field ids and every column is found by its name alone."""
        lacking = files.column("repair")
        mapping = self.metadata.name_mapping
        if lacking is None or mapping is None or not len(lacking):
            return False
        without_ids = pc.all(pc.equal(_taken(lacking, kept), "ids")).as_py()
        return bool(without_ids) and all(mapping.get(column.name) == column.field_id for column in self.schema)

    def _repairs(self, files: PlannedFiles, kept: pa.Array | None, by_name: bool) -> dict[int, Repair]:
        """Return by position in the scan what has to be done to files before an engine may read them."""
        lacking = files.column("repair")
        if not files.deletes and (lacking is None or by_name):
            return {}
        unpartitioned = frozenset(spec_id for spec_id, terms in self.metadata.specs.items() if not terms)
        index = DeleteIndex(files.deletes, unpartitioned)
        places = range(len(files.data)) if kept is None else kept.to_pylist()
        names = ("location", "size", "spec", "partition", "sequence")
        facts = {name: _taken(_required(files, name), kept).to_pylist() for name in names}
        missing = None if lacking is None else _taken(lacking, kept).to_pylist()
        repairs: dict[int, Repair] = {}
        for number, place in enumerate(places):
            location, size, spec_id, partition, sequence = (facts[name][number] for name in names)
            deletes = index.applying_to(DataFileKey(location, spec_id, partition, sequence))
            lacks = [] if missing is None or (by_name and not deletes) else missing[number].split(",")
            lacks = [each for each in lacks if each]
            if deletes or lacks:
                repairs[number] = Repair(
                    location=location,
                    size_bytes=size,
                    deletes=deletes,
                    ids_by_name=self.metadata.name_mapping if "ids" in lacks else None,
                    constants=tuple(self._constants(files, place, lacks)),
                )
        return repairs

    def _constants(self, files: PlannedFiles, place: int, lacks: list[str]) -> Iterable[tuple[Column, Literal | None]]:
        for column in self.schema:
            if str(column.field_id) in lacks:
                for part in self._partition_facts(files, column):
                    if part.transform.kind == "identity" and part.present[place]:
                        yield column, part.values[place].as_py()

    def statistics(self) -> TableStatistics:
        """Return sums and extremes over all files of the snapshot."""
        files = self._files
        partitions = () if files is None else self._identity_columns(files)
        file_set = _no_files() if files is None else self._file_set(files, self.schema)
        return summarize(self.schema, file_set, exact=files is None or not files.deletes, partitioned_by=partitions)

    @cached_property
    def _files(self) -> PlannedFiles | None:
        entry = self._entry
        return None if entry is None else self.reader.files(self.metadata, entry, self.schema_id)

    @cached_property
    def _size_bytes(self) -> int:
        files = self._files
        return 0 if files is None else int(pc.sum(_required(files, "size")).as_py() or 0)

    @property
    def _entry(self) -> SnapshotEntry | None:
        return None if self.snapshot_id is None else self.metadata.snapshots[self.snapshot_id]

    def _scan_of(self, schema: Schema, files: FileSet, files_total: int, *, by_field_id: bool = True) -> Scan:
        return Scan(
            table=self.name,
            schema=schema,
            format=FileFormat.PARQUET,
            files=files,
            files_total=files_total,
            size_bytes_total=self._size_bytes,
            snapshot_id=self.snapshot_id,
            identity=self.identity,
            location=self.location,
            by_field_id=by_field_id,
            defaults=self.metadata.defaults(self.schema_id),
        )

    def _mask(self, files: PlannedFiles, predicate: Predicate) -> np.ndarray:
        return prune(predicate, len(files.data), lambda name: self._facts(files, name))

    def _facts(self, files: PlannedFiles, name: str) -> ColumnFacts | None:
        column = self.schema.find(name)
        if column is None:
            return None
        field_id = column.field_id
        return ColumnFacts(
            name=column.name,
            type=column.type,
            lower=files.column(f"lower.{field_id}"),
            upper=files.column(f"upper.{field_id}"),
            null_count=files.column(f"nulls.{field_id}"),
            nan_count=files.column(f"nans.{field_id}"),
            record_count=files.column(f"values.{field_id}"),
            partitions=tuple(self._partition_facts(files, column)),
        )

    def _partition_facts(self, files: PlannedFiles, column: Column) -> Iterable[PartitionFacts]:
        """Yield one fact per partition field of the column, of old specs too."""
        fields = {
            term.field_id: term
            for terms in self.metadata.specs.values()
            for term in terms
            if term.source_id == column.field_id
        }
        for field_id, term in fields.items():
            values, transform = files.column(f"p.{field_id}"), parse_transform(term.transform)
            if values is not None and transform is not None:
                yield PartitionFacts(transform, values, self._present(files, field_id))

    def _present(self, files: PlannedFiles, field_id: int) -> np.ndarray:
        specs = [
            spec_id
            for spec_id, terms in self.metadata.specs.items()
            if any(term.field_id == field_id and term.transform != "void" for term in terms)
        ]
        return np.isin(files.data.column("spec").to_numpy(), specs)

    def _identity_columns(self, files: PlannedFiles) -> tuple[str, ...]:
        """Return the names of columns whose value is exactly known in every file."""
        return tuple(self._file_set(files, Schema(())).partitions)

    def _file_set(self, files: PlannedFiles, schema: Schema, kept: pa.Array | None = None) -> FileSet:
        """Return the files at the positions ``kept``, all when None, with what is known of the schema's columns."""
        partitions: dict[str, pa.Array] = {}
        for column in self.schema:
            for part in self._partition_facts(files, column):
                if part.transform.kind == "identity" and part.present.all():
                    partitions[column.name] = _taken(part.values, kept)
        return FileSet(
            paths=_taken(_required(files, "path"), kept),
            sizes_bytes=_taken(_required(files, "size"), kept),
            record_counts=_taken(_required(files, "rows"), kept),
            partitions=partitions,
            bounds={
                fold(column.name): bounds for column in schema if (bounds := _bounds(files, column, kept)) is not None
            },
        )


def iceberg_table(name: TableName, metadata: TableMetadata, reader: ManifestReader, copies: Copies) -> IcebergTable:
    """Return the table at its current snapshot and schema."""
    return IcebergTable(name, metadata, reader, copies, metadata.current_snapshot_id, metadata.current_schema_id)


def _narrowed(schema: Schema, columns: Iterable[str]) -> Schema:
    wanted = {fold(schema.column(name).name) for name in columns}
    return Schema(tuple(column for column in schema if fold(column.name) in wanted))


def repaired(files: FileSet, copies: Sequence[RepairedFile | None], places: Sequence[int]) -> FileSet:
    """Return the files with copies in their places; bounds stay true, counts of NULL do not. Empty copies go."""
    paths, sizes, counts = (column.to_pylist() for column in (files.paths, files.sizes_bytes, files.record_counts))
    touched = np.zeros(len(files), bool)
    for place, copy in zip(places, copies, strict=True):
        if copy is not None:
            paths[place], sizes[place], counts[place] = copy.path, copy.size_bytes, copy.record_count
            touched[place] = True
    changed = FileSet(
        paths=pa.array(paths, pa.string()),
        sizes_bytes=pa.array(sizes, pa.int64()),
        record_counts=pa.array(counts, pa.int64()),
        partitions=files.partitions,
        bounds={name: _without_counts(known, pa.array(touched)) for name, known in files.bounds.items()},
    )
    empty = pc.equal(changed.record_counts, 0)
    return changed.filter(pc.invert(empty)) if pc.any(empty).as_py() else changed


def _without_counts(known: ColumnBounds, touched: pa.Array) -> ColumnBounds:
    unknown = pa.scalar(None, pa.int64())
    return ColumnBounds(
        lower=known.lower,
        upper=known.upper,
        null_count=pc.if_else(touched, unknown, known.null_count),
        nan_count=pc.if_else(touched, unknown, known.nan_count),
        size_bytes=known.size_bytes,
    )


def _required(files: PlannedFiles, name: str) -> pa.Array:
    found = files.column(name)
    assert found is not None, name
    return found


def _taken(values: pa.Array, kept: pa.Array | None) -> pa.Array:
    return values if kept is None else values.take(kept)


def _no_files() -> FileSet:
    return FileSet(pa.array([], pa.string()), pa.array([], pa.int64()), pa.array([], pa.int64()))


def _bounds(files: PlannedFiles, column: Column, kept: pa.Array | None) -> ColumnBounds | None:
    """Return what is known of a column, None when nothing is."""
    count = len(files.data) if kept is None else len(kept)

    def fact(name: str, type_: pa.DataType) -> pa.Array:
        values = files.column(f"{name}.{column.field_id}")
        return pa.nulls(count, type_) if values is None else _taken(values, kept)

    if all(files.column(f"{name}.{column.field_id}") is None for name in ("lower", "upper", "nulls", "nans", "bytes")):
        return None
    counts = (fact(name, pa.int64()) for name in ("nulls", "nans", "bytes"))
    return ColumnBounds(fact("lower", column.type), fact("upper", column.type), *counts)
