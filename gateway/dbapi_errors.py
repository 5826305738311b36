"""PEP 249's exception tree, and the one table that puts headgate's errors into it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from catalog import errors as root
from gateway import errors


class Warning(Exception):  # noqa: A001, N818 - PEP 249 fixes the name
    """Important warnings; headgate raises none."""


class Error(Exception):
    """The root of all errors of this interface.

    Shape: the fields of the SqlError behind it, which is also its ``__cause__``; ``kind`` and ``code`` are
    the contract of the HTTP interface too.
    """

    def __init__(self, message: str, cause: root.SqlError | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind: str = cause.kind.value if cause else root.Kind.USER.value
        self.code: str = cause.code if cause else "INTERFACE_ERROR"
        self.hint: str | None = cause.hint if cause else None
        self.line: int | None = cause.line if cause else None
        self.column: int | None = cause.column if cause else None
        self.retryable: bool = cause.retryable if cause else False


class InterfaceError(Error):
    """This interface was used wrongly: a closed cursor, say."""


class DatabaseError(Error):
    """A statement failed, or the gateway could not be opened."""


class DataError(DatabaseError):
    """The data makes the statement fail: division by zero, a bad cast."""


class OperationalError(DatabaseError):
    """Not the programmer's fault: memory, a deadline, a lost connection, a cancellation."""


class IntegrityError(DatabaseError):
    """A constraint is broken; headgate has none, so it raises none."""


class InternalError(DatabaseError):
    """A mistake of headgate's own or of an engine."""


class ProgrammingError(DatabaseError):
    """The statement is wrong: syntax, unknown names, wrong parameters."""


class NotSupportedError(DatabaseError):
    """Meaningful, but not to be had here."""


ERRORS: Mapping[type[root.SqlError], type[DatabaseError]] = {
    root.SqlError: DatabaseError,
    root.UserError: ProgrammingError,
    root.ResourceError: OperationalError,
    root.ExternalError: OperationalError,
    root.InternalError: InternalError,
    root.UnsupportedTableError: NotSupportedError,
    errors.NotSupportedError: NotSupportedError,
    errors.NotAllowedError: NotSupportedError,
    errors.EvaluationError: DataError,
    errors.ResultExpiredError: OperationalError,
}
"""The nearest class wins."""


@contextmanager
def dbapi_errors() -> Iterator[None]:
    """Raise PEP 249's exceptions in place of SqlError, cause kept."""
    try:
        yield
    except root.SqlError as error:
        nearest = next(cls for cls in type(error).__mro__ if cls in ERRORS)
        raise ERRORS[nearest](error.message, error) from error
