"""A file that appears whole or not at all."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from catalog.errors import DiskFullError, FileAccessError


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream whose bytes become the file's when the block ends well; else the file is as before.

    A device or pipe (``/dev/stdout``) is written directly. A link is followed; an existing file keeps its
    permissions.
    Raises: FileAccessError, DiskFullError.
    """
    target = Path(os.path.realpath(path))
    with file_errors(path):
        existing = target.stat() if target.exists() else None
        if existing and stat.S_ISDIR(existing.st_mode):
            raise FileAccessError(f"{path} is a folder", hint="name a file in it")
        if existing and not stat.S_ISREG(existing.st_mode):
            with target.open("wb") as stream:
                yield stream
            return
        draft = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
        try:
            with draft.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())  # else a power cut after the rename may leave an empty file
            if existing:
                draft.chmod(stat.S_IMODE(existing.st_mode))
            draft.replace(target)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Raise SqlError's kinds in place of OSError. A broken pipe stays what it is."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"no space left to write {path}", hint="free some space, or choose another disk"
            ) from error
        raise FileAccessError(f"cannot write {path}: {error.strerror or error}") from error
