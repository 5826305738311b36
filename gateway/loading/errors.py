"""What can be wrong with files that a user brings."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.errors import DiskFullError, UserError


class SourceNotFoundError(UserError):
    """No file there, or a glob that matches none."""

    code = "SOURCE_NOT_FOUND"


class EmptySourceError(UserError):
    """Nothing to load: no bytes, or no header."""

    code = "EMPTY_SOURCE"


class BrokenRowsError(UserError):
    """Rows that are not what the rest of the file is; the message names the first few by line."""

    code = "BROKEN_ROWS"


class WrongEncodingError(UserError):
    """Bytes that the declared encoding has no character for."""

    code = "WRONG_ENCODING"


class SourceFormatError(UserError):
    """A file that is not what its name or content promised."""

    code = "SOURCE_FORMAT"


class ColumnMismatchError(UserError):
    """The columns of the sources and of the table do not go together."""

    code = "COLUMN_MISMATCH"


def disk_full(error: BaseException) -> DiskFullError:
    """Return what to say of a write that the system refused for want of room."""
    return DiskFullError(
        f"the disk is full, nothing was loaded: {str(error).splitlines()[0]}",
        hint="free space, or point --home or duckdb.temp_directory elsewhere",
    )


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn the system's refusals to write more into DiskFullError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise disk_full(error) from error
        raise
