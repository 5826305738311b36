"""Everything that changes an Iceberg table, through PyIceberg. Imported on first use: it costs a second.

Data files are described from their footers by `catalog.footers`, never read. A commit is one swap of the
metadata pointer, so a crash at any point leaves the table as it was.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import TypeVar

from pyiceberg.catalog import Catalog as PyIcebergCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
)
from pyiceberg.partitioning import PartitionField as IcebergPartitionField
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table import CreateTableTransaction, Transaction
from pyiceberg.table import Table as PyIcebergTable
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _SnapshotProducer
from pyiceberg.transforms import parse_transform as parse_iceberg_transform
from pyiceberg.typedef import Record

from catalog.backends import NewTable
from catalog.datafiles import FileFacts
from catalog.errors import CommitConflictError, InvalidDefinitionError
from catalog.icebergtypes import iceberg_schema
from catalog.identifiers import fold
from catalog.locations import plain
from catalog.partitions import check_transform
from catalog.schema import Column, Schema
from catalog.tables import PartitionField

T = TypeVar("T")
Identifier = tuple[str, ...]

_PATIENCE_SECONDS = 60.0
"""How long a commit is tried again on top of what others commit."""

TABLE_PROPERTIES = {
    "commit.manifest-merge.enabled": "true",
    "write.parquet.compression-codec": "zstd",
}
"""What a new table gets: many small appends must not leave as many manifests to read."""


def partition_spec(schema: Schema, partitioning: Sequence[PartitionField]) -> PartitionSpec:
    """Return the spec by field ids.

    Raises: ColumnNotFoundError; InvalidDefinitionError for a transform that does not fit its column.
    """
    terms = []
    for number, field in enumerate(partitioning):
        column = schema.column(field.source)
        check_transform(field.transform, column.type, column.name)
        assert column.field_id is not None, column
        if field.transform != "identity" and schema.find(field.name) is not None:
            raise InvalidDefinitionError(f"partition field {field.name!r} has the name of a column")
        terms.append(
            IcebergPartitionField(
                source_id=column.field_id,
                field_id=1000 + number,
                transform=parse_iceberg_transform(field.transform.lower()),
                name=field.name,
            )
        )
    names = [fold(term.name) for term in terms]
    if len(set(names)) < len(names):
        raise InvalidDefinitionError("two partition fields have the same name")
    return PartitionSpec(*terms)


class Committer:
    """Changes tables of one PyIceberg catalog. Every method is one atomic commit."""

    def __init__(self, catalog: PyIcebergCatalog) -> None:
        self.catalog = catalog

    def create(self, definition: NewTable, files: Sequence[FileFacts] = ()) -> None:
        """Make a table and, with files, its first snapshot in one step."""
        self._new_table(definition, files).commit_transaction()

    def write_new_metadata(self, definition: NewTable, files: Sequence[FileFacts]) -> str:
        """Write the metadata of a table that no catalog names yet; return its location."""
        transaction = self._new_table(definition, files)
        table = transaction._table
        target = table.location_provider().new_table_metadata_file_location()
        self.catalog._write_metadata(transaction.table_metadata, table.io, target)  # type: ignore[attr-defined]
        return target

    def _new_table(self, definition: NewTable, files: Sequence[FileFacts]) -> CreateTableTransaction:
        transaction = self.catalog.create_table_transaction(
            definition.identifier,
            schema=iceberg_schema(definition.schema),
            location=definition.location,
            partition_spec=partition_spec(definition.schema, definition.partitioning),
            properties={**TABLE_PROPERTIES, **definition.properties},
        )
        if files:
            _append(transaction, files)
        return transaction

    def append(
        self, identifier: Identifier, partitioning: Sequence[PartitionField], files: Sequence[FileFacts]
    ) -> None:
        """Add files on top of whatever others committed meanwhile.

        Raises: CommitConflictError when the partitioning changed meanwhile.
        """

        def attempt() -> None:
            table = self._load(identifier, partitioning)
            transaction = table.transaction()
            _append(transaction, files)
            transaction.commit_transaction()

        if files:
            _retrying(attempt)

    def replace(
        self,
        identifier: Identifier,
        partitioning: Sequence[PartitionField],
        files: Sequence[FileFacts],
        removed: frozenset[str] | None,
        base_snapshot_id: int | None,
    ) -> None:
        """Swap files in one commit; ``removed`` are locations as engines see them, None removes all.

        Raises: CommitConflictError when ``base_snapshot_id`` is no longer current.
        """

        def attempt() -> None:
            table = self._load(identifier, partitioning)
            current = table.metadata.current_snapshot_id
            if current != base_snapshot_id:
                raise CommitConflictError(
                    f"{'.'.join(identifier)} was changed by another writer "
                    f"(snapshot {current}, expected {base_snapshot_id})",
                    hint="run the statement again",
                )
            if current is None and not files:
                return
            transaction = table.transaction()
            producer = _Replace(transaction, table, removed, bool(files))
            for file in _data_files(transaction, files):
                producer.append_data_file(file)
            producer.commit()
            transaction.commit_transaction()

        _retrying(attempt)

    def _load(self, identifier: Identifier, partitioning: Sequence[PartitionField]) -> PyIcebergTable:
        table = self.catalog.load_table(identifier)
        # PyIceberg would wait 100 ms and longer between its own tries; ours begin at 10 ms. Not written anywhere.
        table.metadata.properties["commit.retry.num-retries"] = "0"
        expected = partition_terms(partitioning)
        schema = table.schema()
        current = [
            (fold(schema.find_column_name(field.source_id) or ""), str(field.transform))
            for field in table.spec().fields
            if str(field.transform) != "void"
        ]
        if current != expected:
            raise CommitConflictError(
                f"the partitioning of {'.'.join(identifier)} was changed by another writer",
                hint="run the statement again",
            )
        return table

    def add_column(self, identifier: Identifier, column: Column) -> None:
        """Add a column at the end."""
        type_ = iceberg_schema(Schema((column,))).fields[0].field_type

        def attempt() -> None:
            with self.catalog.load_table(identifier).update_schema(case_sensitive=False) as update:
                update.add_column((column.name,), type_, doc=column.comment)

        _retrying(attempt)

    def rename_column(self, identifier: Identifier, old: str, new: str) -> None:
        """Rename a column; files need not change, they are read by field id."""

        def attempt() -> None:
            with self.catalog.load_table(identifier).update_schema() as update:
                update.rename_column((old,), new)

        _retrying(attempt)

    def drop_column(self, identifier: Identifier, column: str) -> None:
        """Drop a column; old snapshots still have it."""

        def attempt() -> None:
            with self.catalog.load_table(identifier).update_schema() as update:
                update.delete_column((column,))

        _retrying(attempt)

    def expire(self, identifier: Identifier, snapshot_ids: Iterable[int]) -> None:
        """Forget snapshots; their files are the caller's."""
        expired = set(snapshot_ids)

        def attempt() -> None:
            table = self.catalog.load_table(identifier)
            still = [snapshot.snapshot_id for snapshot in table.snapshots() if snapshot.snapshot_id in expired]
            table.maintenance.expire_snapshots().by_ids(still).commit()

        _retrying(attempt)


def partition_terms(partitioning: Sequence[PartitionField]) -> list[tuple[str, str]]:
    """Return source and transform of each field in a form to compare."""
    return [(fold(field.source), field.transform.lower()) for field in partitioning]


def _retrying(attempt: Callable[[], T]) -> T:
    """Return what ``attempt`` gives, tried again from the start while others get in first.

    PyIceberg retries some itself, but gives up when many writers commit at once, and a locked SQLite
    file is a plain error to it. Either way the pointer was not swapped.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    for number in count():
        try:
            return attempt()
        except Exception as error:
            if not _lost_a_race(error) or time.monotonic() >= end:
                raise
            time.sleep(random.uniform(0, min(0.01 * 2**number, 1.0)))
    raise AssertionError


def _lost_a_race(error: Exception) -> bool:
    if isinstance(error, CommitFailedException):
        return True
    return type(error).__module__.startswith("sqlalchemy") and "database is locked" in str(error)


def _append(transaction: Transaction, files: Sequence[FileFacts]) -> None:
    producer = transaction.update_snapshot().merge_append()
    for file in _data_files(transaction, files):
        producer.append_data_file(file)
    producer.commit()


def _data_files(transaction: Transaction, files: Sequence[FileFacts]) -> list[DataFile]:
    metadata = transaction.table_metadata
    terms = metadata.spec().fields
    return [
        _data_file(file, metadata.default_spec_id, [str(term.transform) == "void" for term in terms]) for file in files
    ]


def _data_file(file: FileFacts, spec_id: int, voids: Sequence[bool]) -> DataFile:
    values = iter(file.partition)
    data_file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=file.location,
        file_format=FileFormat.PARQUET,
        partition=Record(*(None if void else next(values) for void in voids)),
        record_count=file.record_count,
        file_size_in_bytes=file.size_bytes,
        column_sizes=dict(file.column_sizes),
        value_counts=dict(file.value_counts),
        null_value_counts=dict(file.null_counts),
        nan_value_counts={},
        lower_bounds=dict(file.lower_bounds),
        upper_bounds=dict(file.upper_bounds),
        split_offsets=list(file.split_offsets),
        sort_order_id=None,
        equality_ids=None,
        key_metadata=None,
    )
    data_file.spec_id = spec_id
    return data_file


class _Replace(_SnapshotProducer["_Replace"]):
    """Removes named data files, or all, and adds others.

    PyIceberg's own overwrite builds a predicate over every removed partition and recurses over it;
    a thousand partitions exhaust the stack.
    """

    def __init__(
        self, transaction: Transaction, table: PyIcebergTable, removed: frozenset[str] | None, adds: bool
    ) -> None:
        super().__init__(
            operation=Operation.OVERWRITE if adds else Operation.DELETE, transaction=transaction, io=table.io
        )
        self._removed = removed
        self._kept: list[ManifestFile] = []
        self._entries: list[ManifestEntry] = []

    def _build_delete_files_partition_predicate(self) -> None:
        """Plan what goes and what stays, before any writer starts."""
        self._kept, self._entries = [], []
        snapshot = self._transaction.table_metadata.current_snapshot()
        found: set[str] = set()
        for manifest in snapshot.manifests(io=self._io) if snapshot else ():
            if manifest.content == ManifestContent.DELETES:
                if self._removed is not None:
                    self._kept.append(manifest)
            else:
                found |= self._plan(manifest)
        missing = sorted((self._removed or frozenset()) - found)
        if missing:
            raise CommitConflictError(f"{missing[0]} is no longer part of the table", hint="run the statement again")

    def _plan(self, manifest: ManifestFile) -> set[str]:
        entries = self.fetch_manifest_entry(manifest)
        gone = [entry for entry in entries if self._goes(entry)]
        stay = [entry for entry in entries if not self._goes(entry)]
        self._entries += [self._with_status(entry, ManifestEntryStatus.DELETED) for entry in gone]
        for entry in gone:
            self.delete_data_file(entry.data_file)
        if not gone:
            self._kept.append(manifest)
        elif stay:
            with self.new_manifest_writer(self.spec(manifest.partition_spec_id)) as writer:
                for entry in stay:
                    writer.add_entry(self._with_status(entry, ManifestEntryStatus.EXISTING))
            self._kept.append(writer.to_manifest_file())
        return {plain(entry.data_file.file_path) for entry in gone}

    def _goes(self, entry: ManifestEntry) -> bool:
        return self._removed is None or plain(entry.data_file.file_path) in self._removed

    def _with_status(self, entry: ManifestEntry, status: ManifestEntryStatus) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=status,
            snapshot_id=self._snapshot_id if status == ManifestEntryStatus.DELETED else entry.snapshot_id,
            sequence_number=entry.sequence_number,
            file_sequence_number=entry.file_sequence_number,
            data_file=entry.data_file,
        )

    def _existing_manifests(self) -> list[ManifestFile]:
        return self._kept

    def _deleted_entries(self) -> list[ManifestEntry]:
        return self._entries

    def _validate_concurrency(self) -> None:
        """Refuse PyIceberg's own retry: what goes was chosen from a snapshot that is not current any more."""
        raise ValidationException("the table was changed by another writer; run the statement again")


def new_location(warehouse: str, schema: str, table: str) -> str:
    """Return a folder that no table ever had: a dropped or replaced table's files stay apart from a new one's."""
    return f"{warehouse}/{_safe(schema)}/{_safe(table)}-{uuid.uuid4().hex[:8]}"


def _safe(name: str) -> str:
    """Return a name as a folder's; URIs and globs read ``#?*[`` and kin as syntax."""
    return "".join(char if (char.isalnum() and char.isascii()) or char in "_-" else "_" for char in name) or "_"
