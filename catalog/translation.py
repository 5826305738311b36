"""What PyIceberg, SQLite, Arrow and the file system raise, in headgate's terms. The only place that knows both."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from catalog.errors import (
    AlreadyExistsError,
    CommitConflictError,
    CorruptFileError,
    DiskFullError,
    ExternalError,
    FileAccessError,
    InvalidDefinitionError,
    SchemaNotFoundError,
    SqlError,
    TableNotFoundError,
    UnsupportedTableError,
)

_FULL = {errno.ENOSPC, errno.EDQUOT}

PYICEBERG_ERRORS: dict[str, type[SqlError]] = {
    "TableAlreadyExistsError": AlreadyExistsError,
    "NamespaceAlreadyExistsError": AlreadyExistsError,
    "ViewAlreadyExistsError": AlreadyExistsError,
    "NoSuchTableError": TableNotFoundError,
    "NoSuchIcebergTableError": TableNotFoundError,
    "NoSuchViewError": TableNotFoundError,
    "NoSuchNamespaceError": SchemaNotFoundError,
    "NoSuchIdentifierError": TableNotFoundError,
    "NamespaceNotEmptyError": InvalidDefinitionError,
    "CommitFailedException": CommitConflictError,
    "WaitingForLockException": CommitConflictError,
    "ValidationException": CommitConflictError,
    "ValidationError": InvalidDefinitionError,
    "NotInstalledError": ExternalError,
    "ResolveError": UnsupportedTableError,
}
"""Class name in ``pyiceberg.exceptions`` → ours; every other class there is an ExternalError."""


def from_os_error(error: OSError, location: str) -> SqlError:
    """Return what a failed file operation means."""
    if error.errno in _FULL:
        return DiskFullError(f"no space left while writing {location}")
    reason = error.strerror or str(error)
    return FileAccessError(f"{location} cannot be accessed: {reason}")


@contextmanager
def file_errors(location: str) -> Iterator[None]:
    """Translate what the file system, Arrow and PyIceberg's file access raise about one file."""
    try:
        yield
    except SqlError:
        raise
    except pa.ArrowInvalid as error:
        raise CorruptFileError(f"{location} cannot be read: {_first_line(error)}") from error
    except OSError as error:
        if error.errno is None:  # Arrow and Thrift report broken footers so
            raise CorruptFileError(f"{location} cannot be read: {_first_line(error)}") from error
        raise from_os_error(error, location) from error
    except (ValueError, ImportError, ModuleNotFoundError) as error:
        raise FileAccessError(f"{location} cannot be accessed: {_first_line(error)}") from error


@contextmanager
def catalog_errors(subject: object) -> Iterator[None]:
    """Translate what PyIceberg and its database raise while something is done with ``subject``."""
    try:
        yield
    except SqlError:
        raise
    except OSError as error:
        raise from_os_error(error, str(subject)) from error
    except sqlite3.Error as error:
        raise ExternalError(f"the catalog database failed at {subject}: {error}") from error
    except Exception as error:
        known = _known(error)
        if known is None:
            raise
        raise known(f"{subject}: {_first_line(error)}") from error


def _known(error: Exception) -> type[SqlError] | None:
    """Return our class for a library's exception, found by name so that no library is imported to ask."""
    for cls in type(error).__mro__:
        module = cls.__module__.partition(".")[0]
        if module == "pyiceberg":
            return PYICEBERG_ERRORS.get(cls.__name__, ExternalError)
        if module in ("sqlalchemy", "requests", "botocore", "thrift"):
            return ExternalError
        if module == "pydantic" or cls is NotImplementedError:
            return UnsupportedTableError
        if cls is ValueError:
            return InvalidDefinitionError
    return None


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
