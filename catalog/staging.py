"""Folders in which engines write the files of one commit, and how the debris of a dead writer is told apart.

A folder's lock file stands beside it and is locked (flock) by the process that will commit it: the
system releases the lock when the process dies, however it dies. Once a commit is through, the lock file
goes and the folder is an ordinary part of the table. What has a lock file that nobody holds was
left behind; only then is asked which of its files a snapshot refers to.
"""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.translation import file_errors

try:
    import fcntl
except ImportError:  # Windows: nothing tells a live writer, so age alone decides
    fcntl = None  # type: ignore[assignment]

_PREFIX = "w-"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Staged:
    """A folder that is being written."""

    folder: Path
    lock: Path
    descriptor: int
    table_location: str
    base_snapshot_id: int | None
    """The table's snapshot when staging began."""


class Staging:
    """The staging folders of this process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._staged: dict[str, Staged] = {}

    def make(self, table_location: str, base_snapshot_id: int | None) -> Path:
        """Return a new empty folder under the table's data folder, locked by this process.

        Raises: FileAccessError, DiskFullError.
        """
        data = Path(table_location) / "data"
        name = f"{_PREFIX}{uuid.uuid4().hex[:16]}"
        lock = data / f".{name}{_LOCK}"
        with file_errors(str(data)):
            data.mkdir(parents=True, exist_ok=True)
            # Locked before it has the name by which others look for it: never seen free while its writer lives.
            unnamed = data / f".{name}.new"
            descriptor = os.open(unnamed, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o644)
            _try_lock(descriptor)
            os.replace(unnamed, lock)
            (data / name).mkdir()
        staged = Staged(data / name, lock, descriptor, table_location, base_snapshot_id)
        with self._guard:
            self._staged[str(staged.folder)] = staged
        return staged.folder

    @contextmanager
    def holding(self, table_location: str | None) -> Iterator[None]:
        """Keep cleaners away from a table while something other than data is written; None is not local."""
        if table_location is None:
            yield
            return
        folder = str(self.make(table_location, None))
        try:
            yield
        finally:
            self.discard(folder)

    def find(self, folder: str) -> Staged | None:
        """Return what this process staged there."""
        with self._guard:
            return self._staged.get(folder)

    def keep(self, folder: str) -> None:
        """End the staging of a folder whose files are committed."""
        self._end(folder)

    def discard(self, folder: str) -> None:
        """Delete a folder that will not be committed; nothing happens when it was committed."""
        staged = self.find(folder)
        if staged is not None:
            shutil.rmtree(staged.folder, ignore_errors=True)
            self._end(folder)

    def _end(self, folder: str) -> None:
        with self._guard:
            staged = self._staged.pop(folder, None)
        if staged is not None:
            staged.lock.unlink(missing_ok=True)
            os.close(staged.descriptor)


def _try_lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Leftover:
    """A staging folder whose writer is gone."""

    folder: Path
    lock: Path


def leftovers(table_location: str, older_than_seconds: float) -> Iterator[Leftover]:
    """Yield staging folders that no live process owns and that are old enough."""
    now = time.time()
    for lock in Path(table_location, "data").glob(f".{_PREFIX}*{_LOCK}"):
        folder = lock.parent / lock.name[1 : -len(_LOCK)]
        if _is_free(lock) and now - _newest(folder, lock) >= older_than_seconds:
            yield Leftover(folder, lock)


def is_being_written(table_location: str) -> bool:
    """Return whether a live process stages files for the table."""
    return any(not _is_free(lock) for lock in Path(table_location, "data").glob(f".{_PREFIX}*{_LOCK}"))


def _is_free(lock: Path) -> bool:
    """Return whether nobody holds a lock file; also by this process a folder is held through another descriptor."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        return _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _newest(folder: Path, lock: Path) -> float:
    """Return when the folder was last written to; an engine may outlive the process that asked it."""
    times = [lock.stat().st_mtime] if lock.exists() else [0.0]
    for root, _, files in os.walk(folder):
        times += [os.stat(os.path.join(root, file)).st_mtime for file in files]
    return max(times)
