"""Copies of data files that engines cannot read as they are: with rows deleted, without field ids, or without
a column that only their partition tells.

A copy is made once, row group by row group, into the cache, under a name that says everything it depends
on; both engines then read it like any other file.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.deletes import DeletedRows, matches
from catalog.errors import UnsupportedTableError
from catalog.formats.manifests import DeleteFile
from catalog.formats.metadata import FIELD_ID
from catalog.icebergtypes import has_floats
from catalog.locations import local_path
from catalog.predicates import Literal
from catalog.schema import Column
from catalog.translation import file_errors

_LAYOUT = 1
_THREADS = 4
_UNTOUCHED = "-same"
"""Ends the name of an empty file that says: the deletes of the partition are of other files."""


@dataclass(frozen=True)
class Repair:
    """What has to be done to one data file."""

    location: str
    size_bytes: int
    deletes: tuple[DeleteFile, ...] = ()
    ids_by_name: Mapping[str, int] | None = None
    """Given when the file has no field ids."""
    constants: tuple[tuple[Column, Literal | None], ...] = ()
    """Columns that the file lacks and their value in its partition."""

    @property
    def key(self) -> str:
        """Equal for equal results."""
        parts = [str(_LAYOUT), self.location, str(self.size_bytes)]
        parts += sorted(f"{delete.location}@{delete.offset}" for delete in self.deletes)
        parts += [f"{name}={number}" for name, number in sorted((self.ids_by_name or {}).items())]
        parts += [f"{column.field_id}:{column.type}:{value!r}" for column, value in self.constants]
        return hashlib.blake2b("\0".join(parts).encode(errors="surrogateescape"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class RepairedFile:
    """A copy that is ready to be read."""

    path: str
    size_bytes: int
    record_count: int


class Copies:
    """The copies in the cache; safe for several processes."""

    def __init__(self, cache: Path) -> None:
        self.folder = cache / "copies"
        self._originals: dict[str, str] = {}

    def original(self, path: str) -> str:
        """Return the location of the data file that a path stands for: its own when it is no copy."""
        return self._originals.get(path, path)

    def make(self, table_uuid: str, repairs: Sequence[Repair]) -> list[RepairedFile | None]:
        """Return a copy for every repair, made now where there is none; None where the file is fine as it is.

        Raises: UnsupportedTableError for remote files; CorruptFileError, FileAccessError, DiskFullError.
        """
        folder = self.folder / (table_uuid or "none")
        with file_errors(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            there = {name.partition("-")[0]: name for name in os.listdir(folder) if not name.startswith(".")}
        rows = DeletedRows()

        def copy(repair: Repair) -> RepairedFile | None:
            name = there.get(repair.key) or _write(repair, folder, rows)
            path = str(folder / name)
            if name.endswith(_UNTOUCHED):
                return None
            self._originals[path] = repair.location
            with file_errors(path):
                os.utime(path)
                return RepairedFile(path, os.path.getsize(path), int(name.removesuffix(".parquet").partition("-")[2]))

        if all(repair.key in there for repair in repairs) or len(repairs) < 2:
            return [copy(repair) for repair in repairs]
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(copy, repairs))


def _write(repair: Repair, folder: Path, rows: DeletedRows) -> str:
    """Write a copy and return its name, which holds its number of rows; or note that none is needed."""
    import pyarrow.parquet as pq

    source = local_path(repair.location)
    if source is None:
        raise UnsupportedTableError(
            f"{repair.location} has deleted rows and is not on a local disk, so they cannot be taken out",
            hint="compact the table with the tool that writes it",
        )
    gone = rows.positions(repair.location, repair.deletes)
    keys = rows.keys(repair.deletes)
    if not len(gone) and not keys and repair.ids_by_name is None and not repair.constants:
        name = repair.key + _UNTOUCHED
        with file_errors(str(folder)):
            (folder / name).touch()
        return name
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".")
    os.close(handle)
    try:
        with file_errors(source), pq.ParquetFile(source) as file:
            schema = _target_schema(file.schema_arrow, repair)
            exact = [item.name for item in schema if not has_floats(item.type)]
            written = start = 0
            with pq.ParquetWriter(
                temporary, schema, compression="zstd", use_dictionary=exact, write_statistics=exact
            ) as writer:
                for number in range(file.num_row_groups):
                    group = file.read_row_group(number)
                    kept = _kept(group, start, gone, keys, schema)
                    start += group.num_rows
                    left = _shaped(group, repair, schema).filter(pa.array(kept))
                    written += left.num_rows
                    writer.write_table(left)
        name = f"{repair.key}-{written}.parquet"
        os.replace(temporary, folder / name)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return name


def _target_schema(schema: pa.Schema, repair: Repair) -> pa.Schema:
    fields = []
    for item in schema:
        type_ = _microseconds(item.type)
        if repair.ids_by_name is not None:
            field_id = repair.ids_by_name.get(item.name)
            if field_id is None:
                continue  # a column that the table does not know
            item = pa.field(item.name, type_, item.nullable, metadata={FIELD_ID: str(field_id).encode()})
        fields.append(item.with_type(type_))
    for column, _ in repair.constants:
        fields.append(pa.field(column.name, column.type, metadata={FIELD_ID: str(column.field_id).encode()}))
    return pa.schema(fields)


def _microseconds(type_: pa.DataType) -> pa.DataType:
    """Return the type to write: the deprecated INT96 timestamps, read as nanoseconds in UTC, become instants."""
    return pa.timestamp("us", "UTC") if type_ == pa.timestamp("ns") else type_


def _shaped(group: pa.Table, repair: Repair, schema: pa.Schema) -> pa.Table:
    constants: dict[str, Any] = {column.name: value for column, value in repair.constants}
    columns = []
    for item in schema:
        if item.name in constants:
            columns.append(pa.repeat(pa.scalar(constants[item.name], item.type), group.num_rows))
        else:
            columns.append(group.column(item.name).cast(item.type))
    return pa.table(columns, schema=schema)


def _kept(
    group: pa.Table,
    start: int,
    gone: np.ndarray,
    keys: Sequence[tuple[tuple[int, ...], pa.Table]],
    schema: pa.Schema,
) -> np.ndarray:
    kept = np.ones(group.num_rows, bool)
    inside = gone[(gone >= start) & (gone < start + group.num_rows)]
    kept[inside - start] = False
    names = {(item.metadata or {}).get(FIELD_ID): item.name for item in schema}
    for field_ids, wanted in keys:
        columns = []
        for field_id in field_ids:
            name = names.get(str(field_id).encode())
            type_ = wanted.schema.field(str(field_id)).type
            columns.append(group.column(name) if name is not None else pa.nulls(group.num_rows, type_))
        kept &= ~matches(pa.table(columns, names=[str(field_id) for field_id in field_ids]), wanted)
    return kept
