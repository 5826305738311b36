"""What can be wrong with files that a user brings."""

from catalog.errors import UserError


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
