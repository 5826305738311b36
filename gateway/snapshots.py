"""Results on disk: read again, paged and exported without running the query again.

One file a result: an Arrow IPC stream, then the place and row count of every batch, so that row
9,000,000 is found without reading what comes before. A file gets its name when it is whole.
"""

import bisect
import errno
import itertools
import os
import re
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote

import pyarrow as pa

from catalog.errors import DiskFullError, FileAccessError
from gateway import processes
from gateway.errors import ResultExpiredError

SUFFIX = ".hgresult"
PART = ".part"
MAGIC = b"HGRESLT1"
_TRAILER = struct.Struct("<QQd8s")
"""Batches, position of the index, creation time in seconds since 1970, magic."""
_ENTRY = struct.Struct("<QQ")
"""Position and row count of one batch."""
_QUERY_ID = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
COMPRESSION = "lz4"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Snapshot(Protocol):
    """A whole result, to be read any number of times. Thread safe."""

    @property
    def schema(self) -> pa.Schema: ...
    @property
    def record_count(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def created_at(self) -> datetime: ...

    def batches(self, offset: int = 0, limit: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows from ``offset`` on, at most ``limit`` of them, without reading those before."""
        ...


class _Batches:
    """Rows of batches that are found by number: what paging needs."""

    schema: pa.Schema

    def __init__(self, row_counts: list[int]) -> None:
        self._ends = list(itertools.accumulate(row_counts))

    @property
    def record_count(self) -> int:
        return self._ends[-1] if self._ends else 0

    def batch(self, index: int) -> pa.RecordBatch:
        raise NotImplementedError

    def batches(self, offset: int = 0, limit: int | None = None) -> Iterator[pa.RecordBatch]:
        end = self.record_count if limit is None else min(self.record_count, offset + limit)
        index = bisect.bisect_right(self._ends, offset)
        while offset < end:
            start = self._ends[index - 1] if index else 0
            batch = self.batch(index)
            piece = batch.slice(offset - start, end - offset)
            yield batch if piece.num_rows == batch.num_rows else piece
            offset += piece.num_rows
            index += 1

    def table(self) -> pa.Table:
        """Return all rows; those on disk are decompressed into memory."""
        return pa.Table.from_batches(self.batches(), self.schema)


class MemorySnapshot(_Batches):
    """A result small enough to be kept as it is."""

    def __init__(self, schema: pa.Schema, batches: list[pa.RecordBatch]) -> None:
        super().__init__([batch.num_rows for batch in batches])
        self.schema = schema
        self.created_at = datetime.now(UTC)
        self._batches = batches

    @property
    def size_bytes(self) -> int:
        return sum(batch.nbytes for batch in self._batches)

    def batch(self, index: int) -> pa.RecordBatch:
        return self._batches[index]


class StoredSnapshot(_Batches):
    """A result on disk, memory-mapped: it stays readable when the store forgets it meanwhile (POSIX)."""

    def __init__(self, path: Path) -> None:
        """Raises: ValueError when the file is not a whole snapshot; OSError."""
        source = pa.memory_map(str(path))
        self._buffer = source.read_buffer()
        self.path = path
        self.size_bytes = self._buffer.size
        if self.size_bytes < _TRAILER.size:
            raise ValueError("too short")
        view = memoryview(self._buffer)
        count, index_at, created, magic = _TRAILER.unpack(view[-_TRAILER.size :])
        if magic != MAGIC or index_at + count * _ENTRY.size + _TRAILER.size != self.size_bytes:
            raise ValueError("no snapshot")
        entries = list(_ENTRY.iter_unpack(view[index_at : index_at + count * _ENTRY.size]))
        super().__init__([rows for _, rows in entries])
        self._positions = [position for position, _ in entries]
        self.schema = pa.ipc.read_schema(pa.ipc.read_message(self._buffer))
        self.created_at = datetime.fromtimestamp(created, UTC)

    def batch(self, index: int) -> pa.RecordBatch:
        return pa.ipc.read_record_batch(self._buffer.slice(self._positions[index]), self.schema)


class SnapshotWriter:
    """Spools one result; readers may follow while it grows. Not thread safe."""

    def __init__(
        self, store: "SnapshotStore", query_id: str, schema: pa.Schema, options: pa.ipc.IpcWriteOptions
    ) -> None:
        """Raises: DiskFullError, FileAccessError."""
        self._store = store
        self._path = store.path(query_id)
        self._part = self._path.with_name(f"{query_id}.{quote(processes.identity(), safe='')}{PART}")
        self._schema = schema
        self._schema_bytes = schema.serialize().size
        self._entries: list[tuple[int, int]] = []
        with _disk_errors(self._part):
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._sink = pa.OSFile(str(self._part), "wb")
            try:
                self._writer = pa.ipc.new_stream(self._sink, schema, options=options)
            except BaseException:
                self.abort()
                raise

    @property
    def count(self) -> int:
        """Batches written."""
        return len(self._entries)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch. Raises: DiskFullError, FileAccessError; the writer is then to be aborted."""
        with _disk_errors(self._part):
            # The stream's first message, the schema, is written with the first batch.
            position = self._sink.tell() or self._schema_bytes
            if position > self._store.quota_bytes:
                raise DiskFullError(
                    "the result is larger than results.quota, so it is not kept", hint="raise results.quota"
                )
            self._writer.write_batch(batch)
            self._entries.append((position, batch.num_rows))

    def batch(self, index: int) -> pa.RecordBatch:
        """Return a batch already written."""
        with pa.memory_map(str(self._part)) as source:
            source.seek(self._entries[index][0])
            return pa.ipc.read_record_batch(pa.ipc.read_message(source), self._schema)

    def finish(self) -> StoredSnapshot:
        """Make the snapshot visible, in one step. Raises: DiskFullError, FileAccessError."""
        with _disk_errors(self._part):
            self._writer.close()
            index_at = self._sink.tell()
            self._sink.write(b"".join(itertools.starmap(_ENTRY.pack, self._entries)))
            self._sink.write(_TRAILER.pack(len(self._entries), index_at, time.time(), MAGIC))
            self._sink.close()
            snapshot = StoredSnapshot(self._part)
            os.replace(self._part, self._path)
            snapshot.path = self._path
        self._store.clean(keep=self._path)
        return snapshot

    def abort(self) -> None:
        """Leave nothing behind. Idempotent."""
        with suppress(OSError):
            self._sink.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


@dataclass(frozen=True)
class SnapshotStore:
    """The snapshots of one home, shared by its processes. Thread safe.

    What is past its age goes; beyond the quota, what was read longest ago goes first.
    """

    folder: Path
    quota_bytes: int
    age_seconds: float
    compression: str | None = COMPRESSION

    def create(self, query_id: str, schema: pa.Schema) -> SnapshotWriter:
        """Return a writer for a result. Raises: DiskFullError, FileAccessError."""
        options = pa.ipc.IpcWriteOptions(compression=self.compression)
        return SnapshotWriter(self, query_id, schema, options)

    def open(self, query_id: str) -> StoredSnapshot:
        """Return the snapshot of a query.

        Raises: ResultExpiredError when there is none (any more).
        """
        path = self.path(query_id)
        try:
            snapshot = StoredSnapshot(path)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _expired(query_id) from error
        if time.time() - snapshot.created_at.timestamp() > self.age_seconds:
            path.unlink(missing_ok=True)
            raise _expired(query_id)
        with suppress(OSError):  # the access time orders what goes first; the mount may not keep it itself
            os.utime(path, (time.time(), path.stat().st_mtime))
        return snapshot

    def delete(self, query_id: str) -> None:
        """Forget a snapshot; readers keep what they have open."""
        self.path(query_id).unlink(missing_ok=True)

    def path(self, query_id: str) -> Path:
        """Return where a snapshot is or would be. Raises: ResultExpiredError for what cannot be an id."""
        if not _QUERY_ID.match(query_id):
            raise _expired(query_id)
        return self.folder / f"{query_id}{SUFFIX}"

    def clean(self, keep: Path | None = None) -> int:
        """Delete what is too old or too much, and what writers that died left; return how many files went."""
        gone = 0
        kept: list[tuple[float, int, Path]] = []
        now = time.time()
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            with suppress(OSError):
                facts = path.stat()
                if _is_debris(path) or (path.suffix == SUFFIX and now - facts.st_mtime > self.age_seconds):
                    path.unlink()
                    gone += 1
                elif path.suffix == SUFFIX and path != keep:
                    kept.append((facts.st_atime, facts.st_size, path))
        total = sum(size for _, size, _ in kept) + (keep.stat().st_size if keep is not None and keep.exists() else 0)
        for _, size, path in sorted(kept):
            if total <= self.quota_bytes:
                break
            with suppress(OSError):
                path.unlink(missing_ok=True)
                total -= size
                gone += 1
        return gone


def _is_debris(path: Path) -> bool:
    if path.suffix != PART:
        return False
    owner = unquote(path.name.removesuffix(PART).partition(".")[2])
    return owner.count(" ") == 2 and processes.is_gone(owner)


def _expired(query_id: str) -> ResultExpiredError:
    return ResultExpiredError(f"the result of query {query_id!r} is no longer kept", hint="run the query again")


class _disk_errors:  # noqa: N801 - reads as the context manager it is
    """Turn what the disk refuses into SqlErrors."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno in _FULL:
            raise DiskFullError(
                f"the disk under {self._path.parent} is full", hint="free space, or lower results.quota"
            ) from error
        raise FileAccessError(f"cannot write {self._path.parent}: {error.strerror or error}") from error
