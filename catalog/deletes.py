"""Which rows of a data file its table's delete files take away.

Source: Iceberg table spec, "Delete Formats" and "Scan Planning": a position delete applies to files of its
partition that are not newer, an equality delete to files that are older; a deletion vector replaces the
position deletes of its file.
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import CorruptFileError, UnsupportedTableError
from catalog.formats.manifests import DeleteFile
from catalog.formats.metadata import FIELD_ID
from catalog.locations import local_path, plain
from catalog.translation import file_errors

_BY_POSITION, _BY_EQUALITY = 1, 2
_VECTOR_MAGIC = b"\xd1\xd3\x39\x64"


@dataclass(frozen=True, slots=True)
class DataFileKey:
    """What decides which deletes apply to a data file."""

    location: str
    spec_id: int
    partition: str
    sequence_number: int


@dataclass(frozen=True)
class DeleteIndex:
    """The delete files of a snapshot, found by data file."""

    deletes: Sequence[DeleteFile]
    unpartitioned: frozenset[int]
    """Specs without fields: equality deletes there apply to every partition."""

    @cached_property
    def _by_path(self) -> Mapping[str, list[DeleteFile]]:
        found: dict[str, list[DeleteFile]] = defaultdict(list)
        for delete in self.deletes:
            if delete.content == _BY_POSITION and delete.referenced is not None:
                found[plain(delete.referenced)].append(delete)
        return found

    @cached_property
    def _by_partition(self) -> Mapping[tuple[int, str], list[DeleteFile]]:
        found: dict[tuple[int, str], list[DeleteFile]] = defaultdict(list)
        for delete in self.deletes:
            if delete.content == _BY_EQUALITY or delete.referenced is None:
                found[delete.spec_id, delete.partition].append(delete)
        return found

    @cached_property
    def _everywhere(self) -> list[DeleteFile]:
        return [d for d in self.deletes if d.content == _BY_EQUALITY and d.spec_id in self.unpartitioned]

    def applying_to(self, file: DataFileKey) -> tuple[DeleteFile, ...]:
        """Return the deletes that may take rows from a data file."""
        candidates = [
            *self._by_path.get(plain(file.location), ()),
            *self._by_partition.get((file.spec_id, file.partition), ()),
            *(delete for delete in self._everywhere if delete.spec_id != file.spec_id),
        ]
        applying = [delete for delete in candidates if _is_in_time(delete, file.sequence_number)]
        if any(delete.format == "PUFFIN" for delete in applying):
            applying = [d for d in applying if d.format == "PUFFIN" or d.content == _BY_EQUALITY]
        return tuple(applying)


def _is_in_time(delete: DeleteFile, sequence_number: int) -> bool:
    if delete.content == _BY_POSITION:
        return delete.sequence_number >= sequence_number
    return delete.sequence_number > sequence_number


@dataclass
class DeletedRows:
    """Reads delete files, each once while one set of copies is made."""

    _positions: dict[tuple[str, int | None], dict[str, npt.NDArray[np.int64]]] = field(default_factory=dict)
    _keys: dict[str, pa.Table] = field(default_factory=dict)

    def positions(self, location: str, deletes: Sequence[DeleteFile]) -> npt.NDArray[np.int64]:
        """Return the positions of a data file's deleted rows, sorted.

        Raises: CorruptFileError, FileAccessError, UnsupportedTableError.
        """
        found = [np.empty(0, np.int64)]
        for delete in deletes:
            if delete.content == _BY_POSITION:
                key = delete.location, delete.offset
                if key not in self._positions:
                    self._positions[key] = _read_positions(delete)
                found.append(self._positions[key].get(plain(location), found[0]))
        return np.unique(np.concatenate(found))

    def keys(self, deletes: Sequence[DeleteFile]) -> list[tuple[tuple[int, ...], pa.Table]]:
        """Return field ids and the rows to delete by them, of every equality delete file."""
        found = []
        for delete in deletes:
            if delete.content == _BY_EQUALITY:
                if delete.location not in self._keys:
                    self._keys[delete.location] = _read_keys(delete)
                found.append((delete.equality_ids, self._keys[delete.location]))
        return found


def _local(delete: DeleteFile) -> str:
    path = local_path(delete.location)
    if path is None:
        raise UnsupportedTableError(f"delete file {delete.location} is not on a local disk, so it cannot be applied")
    return path


def _read_positions(delete: DeleteFile) -> dict[str, npt.NDArray[np.int64]]:
    if delete.format == "PUFFIN":
        assert delete.referenced is not None, delete
        return {plain(delete.referenced): _read_vector(delete)}
    import pyarrow.parquet as pq

    path = _parquet(delete)
    with file_errors(path):
        table = pq.read_table(path, columns=["file_path", "pos"], partitioning=None)
    paths = table.column("file_path").cast(pa.string()).combine_chunks().dictionary_encode()
    positions = table.column("pos").to_numpy()
    owners = paths.indices.to_numpy()
    names = [plain(name) for name in paths.dictionary.to_pylist()]
    return {name: positions[owners == number] for number, name in enumerate(names)}


def _parquet(delete: DeleteFile) -> str:
    if delete.format != "PARQUET":
        raise UnsupportedTableError(f"delete file {delete.location} is {delete.format}; only Parquet can be applied")
    return _local(delete)


def _read_vector(delete: DeleteFile) -> npt.NDArray[np.int64]:
    """Return the positions of a deletion vector. Source: Puffin spec, "deletion-vector-v1 blob type"."""
    from pyroaring import BitMap64

    path = _local(delete)
    if delete.offset is None or delete.length is None:
        raise CorruptFileError(f"{path} is named as a deletion vector without saying where in it")
    with file_errors(path), open(path, "rb") as stream:
        stream.seek(delete.offset)
        blob = stream.read(delete.length)
    body = blob[4:-4]
    sound = (
        len(blob) == delete.length
        and int.from_bytes(blob[:4], "big") == len(body)
        and body[:4] == _VECTOR_MAGIC
        and int.from_bytes(blob[-4:], "big") == zlib.crc32(body)
    )
    if not sound:
        raise CorruptFileError(f"{path} does not hold a sound deletion vector at {delete.offset}")
    bitmap = BitMap64.deserialize(body[4:])
    return np.fromiter(bitmap, np.int64, len(bitmap))


def _read_keys(delete: DeleteFile) -> pa.Table:
    """Return the rows of an equality delete file, columns named by field id."""
    import pyarrow.parquet as pq

    path = _parquet(delete)
    with file_errors(path), pq.ParquetFile(path) as file:
        by_id = {(item.metadata or {}).get(FIELD_ID): item.name for item in file.schema_arrow}
        names = [by_id.get(str(field_id).encode()) for field_id in delete.equality_ids]
        if None in names or not names:
            raise CorruptFileError(f"{path} lacks columns it deletes by")
        return file.read(columns=names).select(names).rename_columns([str(each) for each in delete.equality_ids])


def matches(rows: pa.Table, keys: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which rows equal one of the keys in every column; NULL equals NULL here.

    ``rows`` has the columns of ``keys`` in their order.
    Raises: UnsupportedTableError for columns of floating point or nested type.
    """
    for column in rows.schema:
        if pa.types.is_floating(column.type) or pa.types.is_nested(column.type):
            raise UnsupportedTableError(f"rows are deleted by a column of type {column.type}, which cannot be applied")
    # Deletes are newer than the rows, so their types are the same or wider.
    rows = rows.cast(pa.schema([pa.field(item.name, item.type) for item in keys.schema]))
    if keys.num_columns == 1:
        found = pc.is_in(rows.column(0), value_set=keys.column(0).combine_chunks(), skip_nulls=False)
        single: npt.NDArray[np.bool_] = found.to_numpy()
        return single
    wanted = set(zip(*(column.to_pylist() for column in keys.columns), strict=True))
    there = zip(*(column.to_pylist() for column in rows.columns), strict=True)
    return np.fromiter((row in wanted for row in there), bool, rows.num_rows)
