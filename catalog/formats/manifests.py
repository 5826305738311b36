"""The data files of one snapshot as columns, decoded from manifests once and kept as Arrow IPC.

A snapshot never changes, so neither does what is kept: in memory by snapshot, on disk as one
memory-mapped file per snapshot, from which a new process plans without decoding anything. A new
snapshot takes over the rows of manifests it shares with its parent.
"""

import dataclasses
import json
import os
import struct
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.avro import read_avro
from catalog.decimals import from_bytes
from catalog.errors import CorruptFileError, UnsupportedTableError
from catalog.footers import read_footer
from catalog.formats.metadata import FIELD_ID, SnapshotEntry, SpecField, TableMetadata, arrow_type
from catalog.locations import local_path, plain, read_bytes

_LAYOUT = 1
"""Grows when the columns of the kept table change meaning."""
_THREADS = 8
_KEPT_SNAPSHOTS = 8
"""Files on disk per table."""


@dataclass(frozen=True, slots=True)
class ManifestRef:
    """One line of a manifest list."""

    path: str
    spec_id: int
    deletes: bool
    sequence_number: int


@dataclass(frozen=True)
class PlannedFiles:
    """Every live file of a snapshot, one row each.

    Columns of ``data``: path, location (as the manifest says), size, rows, spec, sequence, manifest; ``repair`` what
    a foreign file lacks; ``p.<field id>`` partition values; ``lower.<column id>``, ``upper.``, ``nulls.``, ``nans.``,
    ``values.``, ``bytes.``.
    """

    data: pa.Table
    deletes: tuple["DeleteFile", ...]

    def column(self, name: str) -> pa.Array | None:
        """Return a column as one array, None when no file has it."""
        position = self.data.schema.get_field_index(name)
        return None if position < 0 else one_array(self.data.column(position))


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """A file that takes rows away from data files."""

    location: str
    content: int
    """1 by position, 2 by equality."""
    format: str
    size_bytes: int
    spec_id: int
    partition: str
    """Its partition as JSON text: equal for equal partitions of one spec."""
    sequence_number: int
    referenced: str | None
    """The one data file it belongs to, when it says so."""
    offset: int | None
    """Of a deletion vector in its Puffin file."""
    length: int | None
    equality_ids: tuple[int, ...]


def one_array(values: pa.ChunkedArray) -> pa.Array:
    """Return a chunked array as one, without a copy when it is one already."""
    return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


@dataclass(frozen=True, slots=True)
class _Key:
    """What decoded files depend on."""

    uuid: str
    snapshot_id: int
    schema_id: int
    mapped: bool
    """Whether the table has a name mapping."""


class ManifestReader:
    """Plans snapshots of any table; thread safe because what it keeps is immutable."""

    def __init__(self, cache: Path, properties: Mapping[str, str]) -> None:
        self._folder = cache / "snapshots"
        self._properties = properties
        self._kept: dict[_Key, PlannedFiles] = {}

    def files(self, metadata: TableMetadata, entry: SnapshotEntry, schema_id: int) -> PlannedFiles:
        """Return the live files of a snapshot, bounds in the types of that schema.

        Raises: CorruptFileError, FileAccessError, UnsupportedTableError for data files that are not Parquet.
        """
        key = _Key(metadata.uuid, entry.snapshot.id, schema_id, metadata.name_mapping is not None)
        found = self._kept.get(key)
        if found is None:
            found = self._read_kept(key) or self._decode(metadata, entry, key)
            if len(self._kept) >= 64:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[key] = found
        return found

    def _decode(self, metadata: TableMetadata, entry: SnapshotEntry, key: _Key) -> PlannedFiles:
        refs = self.manifests(entry)
        parent = self._parent(metadata, entry, key)
        tables = _taken_over(parent, refs)
        deletes: list[DeleteFile] = []
        fresh: list[tuple[ManifestRef, dict[str, Any]]] = []
        known = set() if parent is None else set(_manifest_paths(parent))
        for ref in refs:
            if ref.deletes:
                deletes += _delete_files(self.entries(ref), ref)
            elif ref.path not in known:
                fresh += [(ref, item) for item in self.entries(ref)]
        columns = _columns(fresh, metadata, key.schema_id, refs)
        if metadata.name_mapping is not None:
            columns = columns.append_column("repair", _repair_column(columns, fresh, metadata))
        tables.append(columns)
        data = pa.concat_tables(tables, promote_options="default")
        # Oldest first, and the same order whether or not the parent was kept.
        order = np.argsort(-data.column("manifest").to_numpy(), kind="stable")
        data = data.take(pa.array(order)).combine_chunks()
        paths = json.dumps([ref.path for ref in refs])
        planned = PlannedFiles(data.replace_schema_metadata({b"manifests": paths}), tuple(deletes))
        self._keep(key, planned)
        return planned

    def manifests(self, entry: SnapshotEntry) -> list[ManifestRef]:
        """Return the manifests of a snapshot in its order."""
        if entry.manifest_list is None:
            return [ManifestRef(path, 0, False, 0) for path in entry.manifests]
        content = read_bytes(entry.manifest_list, self._properties)
        return [_manifest_ref(item) for item in read_avro(content, entry.manifest_list)]

    def entries(self, ref: ManifestRef) -> Iterable[dict[str, Any]]:
        """Yield the live entries of a manifest."""
        content = read_bytes(ref.path, self._properties)
        return (item for item in read_avro(content, ref.path) if item["status"] != 2)

    def _parent(self, metadata: TableMetadata, entry: SnapshotEntry, key: _Key) -> PlannedFiles | None:
        """Return the nearest ancestor that is kept already."""
        parent_id = entry.snapshot.parent_id
        for _ in range(_KEPT_SNAPSHOTS):
            if parent_id is None:
                return None
            parent = dataclasses.replace(key, snapshot_id=parent_id)
            found = self._kept.get(parent) or self._read_kept(parent)
            if found is not None:
                return found
            ancestor = metadata.snapshots.get(parent_id)
            parent_id = None if ancestor is None else ancestor.snapshot.parent_id
        return None

    def _file(self, key: _Key) -> Path:
        mapped = "m" if key.mapped else ""
        return self._folder / key.uuid / f"{key.snapshot_id}-{key.schema_id}{mapped}-v{_LAYOUT}.arrow"

    def _read_kept(self, key: _Key) -> PlannedFiles | None:
        if not key.uuid:  # format version 1 may lack a uuid: nothing tells tables apart
            return None
        try:
            with pa.memory_map(str(self._file(key))) as source:
                data = pa.ipc.open_file(source).read_all()
            deletes = json.loads(data.schema.metadata[b"deletes"])
        except (OSError, pa.ArrowInvalid, ValueError, KeyError, TypeError):
            return None  # missing, or cut short by a full disk: made again
        return PlannedFiles(data, tuple(_delete_from_json(item) for item in deletes))

    def _keep(self, key: _Key, planned: PlannedFiles) -> None:
        """Write the file for later processes; a cache that cannot be written is only slower."""
        if not key.uuid:
            return
        path = self._file(key)
        deletes = json.dumps([_delete_to_json(item) for item in planned.deletes])
        data = planned.data.replace_schema_metadata({b"deletes": deletes, **(planned.data.schema.metadata or {})})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
            _evict(path.parent)
        except OSError:
            return


def write_atomically(path: Path, data: pa.Table) -> None:
    """Write Arrow IPC so that a reader sees the whole file or none."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as target:
        try:
            with pa.ipc.new_file(target, data.schema) as writer:
                writer.write_table(data)
            target.flush()
            os.replace(target.name, path)
        except BaseException:
            Path(target.name).unlink(missing_ok=True)
            raise


def _evict(folder: Path) -> None:
    files = sorted(folder.glob("*.arrow"), key=lambda file: file.stat().st_mtime_ns)
    for old in files[:-_KEPT_SNAPSHOTS]:
        old.unlink(missing_ok=True)


def _manifest_ref(item: dict[str, Any]) -> ManifestRef:
    return ManifestRef(
        path=item["manifest_path"],
        spec_id=item["partition_spec_id"],
        deletes=item.get("content", 0) == 1,
        sequence_number=item.get("sequence_number", 0) or 0,
    )


def _manifest_paths(planned: PlannedFiles) -> list[str]:
    return list(json.loads((planned.data.schema.metadata or {}).get(b"manifests", b"[]")))


def _taken_over(parent: PlannedFiles | None, refs: Sequence[ManifestRef]) -> list[pa.Table]:
    """Return the parent's rows whose manifest the snapshot still has, renumbered."""
    if parent is None or not len(parent.data):
        return []
    numbers = {ref.path: number for number, ref in enumerate(refs)}
    renumber = pa.array([numbers.get(path) for path in _manifest_paths(parent)], pa.int32())
    manifest = renumber.take(one_array(parent.data.column("manifest")))
    position = parent.data.schema.get_field_index("manifest")
    data = parent.data.set_column(position, "manifest", manifest)
    return [data.filter(pc.is_valid(manifest)).replace_schema_metadata(None)]


def _columns(
    fresh: Sequence[tuple[ManifestRef, dict[str, Any]]],
    metadata: TableMetadata,
    schema_id: int,
    refs: Sequence[ManifestRef],
) -> pa.Table:
    """Return decoded entries as the columns that PlannedFiles describes."""
    numbers = {ref.path: number for number, ref in enumerate(refs)}
    files = [item["data_file"] for _, item in fresh]
    _refuse_foreign_formats(files)
    locations = [file["file_path"] for file in files]
    arrays: dict[str, pa.Array] = {
        "path": pa.array([plain(location) for location in locations], pa.string()),
        "location": pa.array(locations, pa.string()),
        "size": pa.array([file["file_size_in_bytes"] for file in files], pa.int64()),
        "rows": pa.array([file["record_count"] for file in files], pa.int64()),
        "spec": pa.array([ref.spec_id for ref, _ in fresh], pa.int32()),
        "sequence": pa.array([_sequence(item, ref) for ref, item in fresh], pa.int64()),
        "manifest": pa.array([numbers[ref.path] for ref, _ in fresh], pa.int32()),
        "partition": pa.array([partition_text(file["partition"]) for file in files], pa.string()),
    }
    arrays |= _partition_columns([ref.spec_id for ref, _ in fresh], files, metadata)
    arrays |= _bounds_columns(files, metadata, schema_id)
    return pa.table(arrays)


def _repair_column(
    columns: pa.Table, fresh: Sequence[tuple[ManifestRef, dict[str, Any]]], metadata: TableMetadata
) -> pa.Array:
    """Return per file what it lacks; only tables with a name mapping have such files, so only there it is asked."""
    paths = columns.column("path").to_pylist()
    with ThreadPoolExecutor(_THREADS) as pool:
        lacking = pool.map(_what_lacks, paths, (metadata.specs[ref.spec_id] for ref, _ in fresh), repeat(metadata))
        return pa.array(list(lacking), pa.string())


def _what_lacks(path: str, terms: Sequence[SpecField], metadata: TableMetadata) -> str:
    """Return ``ids`` for a file without field ids, and the ids of identity partition columns it lacks."""
    if local_path(path) is None:
        raise UnsupportedTableError(
            f"{path} may have no field ids and is not on a local disk, so its columns cannot be told",
            hint="rewrite the table's files with the tool that writes it",
        )
    fields = read_footer(path).schema
    ids = {int(item.metadata[FIELD_ID]) for item in fields if item.metadata and FIELD_ID in item.metadata}
    lacking = [] if ids else ["ids"]
    mapping = metadata.name_mapping or {}
    there = ids or {mapping[item.name] for item in fields if item.name in mapping}
    sources = [term.source_id for term in terms if term.transform == "identity"]
    return ",".join([*lacking, *(str(source) for source in sources if source not in there)])


def _sequence(item: dict[str, Any], ref: ManifestRef) -> int:
    found = item.get("sequence_number")
    return ref.sequence_number if found is None else int(found)


def _refuse_foreign_formats(files: Sequence[dict[str, Any]]) -> None:
    for file in files:
        if file["file_format"].upper() != "PARQUET":
            raise UnsupportedTableError(
                f"data file {file['file_path']} is {file['file_format']}; only Parquet can be read"
            )
        if file.get("key_metadata"):
            raise UnsupportedTableError(f"data file {file['file_path']} is encrypted, which cannot be read")


def partition_text(partition: Mapping[str, Any]) -> str:
    """Return a partition as text that is equal for equal partitions of one spec."""
    return json.dumps(list(partition.values()), default=repr, ensure_ascii=False)


def _partition_columns(
    spec_ids: Sequence[int], files: Sequence[dict[str, Any]], metadata: TableMetadata
) -> dict[str, pa.Array]:
    """Return ``p.<field id>`` for every field of every spec; null where a file's spec lacks the field."""
    arrays: dict[str, pa.Array] = {}
    positions = {
        spec_id: {term.field_id: place for place, term in enumerate(terms)} for spec_id, terms in metadata.specs.items()
    }
    values = [list(file["partition"].values()) for file in files]
    for term in {term.field_id: term for terms in metadata.specs.values() for term in terms}.values():
        type_ = _result_type(term, metadata)
        if type_ is None:
            continue
        places = {spec_id: fields.get(term.field_id) for spec_id, fields in positions.items()}
        column = [
            None if (place := places.get(spec_id)) is None else row[place]
            for spec_id, row in zip(spec_ids, values, strict=True)
        ]
        arrays[f"p.{term.field_id}"] = _stored(column, type_)
    return arrays


def _result_type(term: SpecField, metadata: TableMetadata) -> pa.DataType | None:
    """Return the type of a partition field's values, None when it is of no use."""
    name = term.transform.partition("[")[0]
    if name in ("year", "month", "hour", "bucket", "day"):
        return pa.int32()
    if name not in ("identity", "truncate"):
        return None
    for document in reversed(metadata.schema_documents.values()):
        for item in document["fields"]:
            if int(item["id"]) == term.source_id and isinstance(item["type"], str):
                try:
                    return arrow_type(item["type"], item["name"])
                except UnsupportedTableError:
                    return None
    return None


def _stored(values: list[Any], type_: pa.DataType) -> pa.Array:
    """Return values as Avro stores them (days, microseconds, unscaled bytes) as an array of their type."""
    if pa.types.is_date(type_):
        return pa.array(values, pa.int32()).cast(pa.date32())
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).cast(type_)
    if pa.types.is_decimal(type_):
        return pa.array([_decimal(value, type_.scale) for value in values], type_)
    return pa.array(values, type_)


def _decimal(value: bytes | None, scale: int) -> Decimal | None:
    return None if value is None else from_bytes(value, scale)


_METRICS = {
    "nulls": "null_value_counts",
    "nans": "nan_value_counts",
    "values": "value_counts",
    "bytes": "column_sizes",
}


def _bounds_columns(files: Sequence[dict[str, Any]], metadata: TableMetadata, schema_id: int) -> dict[str, pa.Array]:
    """Return what manifests say of each top-level column of primitive type, and the sizes of the others."""
    arrays: dict[str, pa.Array] = {}
    columns = metadata.schema_documents[schema_id]["fields"]
    for prefix, key in _METRICS.items():
        counts = _Counts.of([file.get(key) for file in files])
        for item in columns:
            own = int(item["id"])
            found = counts.sum_of({own, *_leaf_ids(item)} if prefix == "bytes" else {own})
            if found is not None:
                arrays[f"{prefix}.{own}"] = found
    for prefix, key in (("lower", "lower_bounds"), ("upper", "upper_bounds")):
        maps = [file.get(key) or {} for file in files]
        known = set().union(*maps)
        for item in columns:
            field_id = int(item["id"])
            if field_id in known and isinstance(item["type"], str):
                type_ = arrow_type(item["type"], item["name"])
                arrays[f"{prefix}.{field_id}"] = decode_bounds([entry.get(field_id) for entry in maps], type_)
    return arrays


@dataclass(frozen=True)
class _Counts:
    """One metric of all files and columns, flat: whose, of which column, how much."""

    file_count: int
    owners: np.ndarray
    ids: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, maps: Sequence[bytes | None]) -> "_Counts":
        flat = np.frombuffer(b"".join(pairs or b"" for pairs in maps), np.int64)
        lengths = np.fromiter((len(pairs or b"") // 16 for pairs in maps), np.int64, len(maps))
        return cls(len(maps), np.repeat(np.arange(len(maps)), lengths), flat[::2], flat[1::2])

    def sum_of(self, field_ids: set[int]) -> pa.Array | None:
        """Return per file the sum over the columns, null where the file has none; None when no file has."""
        places = np.flatnonzero(np.isin(self.ids, list(field_ids)))
        if not len(places):
            return None
        sums = np.zeros(self.file_count, np.int64)
        np.add.at(sums, self.owners[places], self.values[places])
        missing = np.ones(self.file_count, bool)
        missing[self.owners[places]] = False
        return pa.array(sums, mask=missing)


def _leaf_ids(item: Mapping[str, Any]) -> list[int]:
    """Return the ids of the primitive leaves of a field, which for a primitive is its own."""
    type_ = item["type"]
    if isinstance(type_, str):
        return [int(item["id"])]
    match type_["type"]:
        case "struct":
            return [leaf for member in type_["fields"] for leaf in _leaf_ids(member)]
        case "list":
            return _leaf_ids({"id": type_["element-id"], "type": type_["element"]})
        case "map":
            key = _leaf_ids({"id": type_["key-id"], "type": type_["key"]})
            return key + _leaf_ids({"id": type_["value-id"], "type": type_["value"]})
    return []


_FIXED: dict[pa.DataType, str] = {
    pa.int32(): "<i4",
    pa.int64(): "<i8",
    pa.float32(): "<f4",
    pa.float64(): "<f8",
    pa.date32(): "<i4",
}


def decode_bounds(values: list[bytes | None], type_: pa.DataType) -> pa.Array:
    """Return Iceberg's single-value bytes as an array of the column's type, null where there is none.

    Files written before a column was widened hold the narrower form (int in long, float in double).
    Source: Iceberg table spec, "Appendix D: Single-value serialization".
    """
    if pa.types.is_string(type_):
        return _utf8(values)
    if pa.types.is_binary(type_):
        return pa.array(values, pa.binary())
    if pa.types.is_decimal(type_):
        return pa.array([_decimal(value, type_.scale) for value in values], type_)
    if pa.types.is_boolean(type_):
        return pa.array([None if value is None else value != b"\x00" for value in values], pa.bool_())
    stored = pa.int64() if pa.types.is_timestamp(type_) else type_
    return _fixed_width(values, stored).cast(type_)


def _utf8(values: list[bytes | None]) -> pa.Array:
    try:
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:  # a writer cut a bound inside a character: such a bound is unknown
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _fixed_width(values: list[bytes | None], type_: pa.DataType) -> pa.Array:
    width = np.dtype(_FIXED[type_]).itemsize
    filler = bytes(width)
    filled = [filler if value is None else value for value in values]
    if set(map(len, filled)) <= {width}:
        numbers = np.frombuffer(b"".join(filled), _FIXED[type_])
        missing = np.array([value is None for value in values], bool)
        return pa.array(numbers, pa.from_numpy_dtype(numbers.dtype), mask=missing).cast(type_)
    return pa.array([_number(value, type_) for value in values], type_)


def _number(value: bytes | None, type_: pa.DataType) -> int | float | None:
    if value is None:
        return None
    form = {4: "f", 8: "d"} if pa.types.is_floating(type_) else {4: "i", 8: "q"}
    if len(value) not in form:
        raise CorruptFileError(f"a manifest holds a bound of {len(value)} bytes for a column of type {type_}")
    number: int | float = struct.unpack("<" + form[len(value)], value)[0]
    return number


def _delete_files(items: Iterable[dict[str, Any]], ref: ManifestRef) -> list[DeleteFile]:
    found = []
    for item in items:
        file = item["data_file"]
        found.append(
            DeleteFile(
                location=file["file_path"],
                content=file["content"],
                format=file["file_format"].upper(),
                size_bytes=file["file_size_in_bytes"],
                spec_id=ref.spec_id,
                partition=partition_text(file["partition"]),
                sequence_number=_sequence(item, ref),
                referenced=_referenced(file),
                offset=file.get("content_offset"),
                length=file.get("content_size_in_bytes"),
                equality_ids=tuple(file.get("equality_ids") or ()),
            )
        )
    return found


_PATH_ID = 2147483546
"""Reserved field id of ``file_path`` in position delete files."""


def _referenced(file: Mapping[str, Any]) -> str | None:
    if file.get("referenced_data_file"):
        return str(file["referenced_data_file"])
    lower = (file.get("lower_bounds") or {}).get(_PATH_ID)
    upper = (file.get("upper_bounds") or {}).get(_PATH_ID)
    # Equal bounds name one file only when they are not cut, and every writer that cuts makes the upper one larger.
    return lower.decode() if lower and lower == upper else None


def _delete_to_json(item: DeleteFile) -> list[Any]:
    return [getattr(item, name) for name in DeleteFile.__slots__]


def _delete_from_json(values: list[Any]) -> DeleteFile:
    fields = dict(zip(DeleteFile.__slots__, values, strict=True))
    return DeleteFile(**{**fields, "equality_ids": tuple(fields["equality_ids"])})
