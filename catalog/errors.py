"""The root of every error that headgate raises on purpose, sorted by who can put it right.

Imports nothing. The kind decides HTTP status, exit code and whether to retry,
in one table per front end; the message speaks the user's terms.
"""

from enum import Enum


class Kind(Enum):
    """Who can put an error right."""

    USER = "USER"
    """The one who wrote the statement or the command."""
    RESOURCE = "RESOURCE"
    """Nobody at once: memory, disk, a queue or a deadline ran out; less work or a later try helps."""
    EXTERNAL = "EXTERNAL"
    """Whoever runs the thing that failed: Spark, Java, object storage, another writer."""
    INTERNAL = "INTERNAL"
    """Us."""


class SqlError(Exception):
    """A failure in the user's terms.

    Shape: ``message`` one sentence; ``hint`` what to do next, or None; ``line`` and
    ``column`` count from 1 in the text of the statement, or None when unknown.
    """

    kind: Kind = Kind.INTERNAL
    code: str = "INTERNAL_ERROR"
    """A stable upper-case name, e.g. TABLE_NOT_FOUND; part of the HTTP contract."""
    retryable: bool = False
    """True when the same request may succeed later without change."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line
        self.column = column


class UserError(SqlError):
    """The statement or the command is wrong."""

    kind = Kind.USER
    code = "USER_ERROR"


class ResourceError(SqlError):
    """Memory, disk, time or a queue ran out."""

    kind = Kind.RESOURCE
    code = "RESOURCE_EXHAUSTED"


class ExternalError(SqlError):
    """Something outside headgate failed."""

    kind = Kind.EXTERNAL
    code = "EXTERNAL_ERROR"


class InternalError(SqlError):
    """A mistake of headgate's own."""


class TableNotFoundError(UserError):
    code = "TABLE_NOT_FOUND"


class SchemaNotFoundError(UserError):
    code = "SCHEMA_NOT_FOUND"


class CatalogNotFoundError(UserError):
    code = "CATALOG_NOT_FOUND"


class ColumnNotFoundError(UserError):
    code = "COLUMN_NOT_FOUND"


class AlreadyExistsError(UserError):
    """A table, view or schema of that name is there."""

    code = "ALREADY_EXISTS"


class InvalidNameError(UserError):
    code = "INVALID_NAME"


class InvalidDefinitionError(UserError):
    """A schema, partition spec or property that cannot be: duplicate columns, unknown transform."""

    code = "INVALID_DEFINITION"


class SnapshotNotFoundError(UserError):
    code = "SNAPSHOT_NOT_FOUND"


class UnsupportedTableError(UserError):
    """The table holds something that cannot be read faithfully; it is refused, not misread."""

    code = "UNSUPPORTED_TABLE"


class PredicateTypeError(UserError):
    """A literal cannot be compared to the column's type."""

    code = "TYPE_MISMATCH"


class CommitConflictError(ExternalError):
    """Another writer committed first and the change cannot be put on top; nothing was written."""

    code = "COMMIT_CONFLICT"
    retryable = True


class CorruptFileError(ExternalError):
    """A data or metadata file cannot be read as what it claims to be."""

    code = "CORRUPT_FILE"


class FileAccessError(ExternalError):
    """A file or folder is missing, forbidden or unreachable."""

    code = "FILE_ACCESS"


class DiskFullError(ResourceError):
    code = "DISK_FULL"


class HomeVersionError(UserError):
    """The home was written by a newer headgate."""

    code = "HOME_TOO_NEW"
