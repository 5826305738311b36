"""Exit codes, and the one table from errors to them. Source: INTERFACE.md, "Command line"."""

from collections.abc import Mapping

from catalog.errors import SqlError, UserError
from gateway.errors import QueryCanceledError

DONE = 0
FAILED = 1
"""A statement failed."""
USAGE = 2
"""The command line is wrong."""
RETRY = 3
"""The same may succeed later: no connection, queue full, another writer."""
DIFFERENT = 4
"""`verify` found a difference."""
INTERRUPTED = 130


class UsageError(UserError):
    """The command line asks for what cannot be."""

    code = "USAGE"


class ClosedOutputError(BrokenPipeError):
    """Nobody reads standard output any more (``| head``): no failure, if all statements ran."""

    def __init__(self, *, statements_left: bool) -> None:
        super().__init__()
        self.statements_left = statements_left


EXIT_CODES: Mapping[type[BaseException], int] = {
    SqlError: FAILED,
    UsageError: USAGE,
    QueryCanceledError: INTERRUPTED,
    KeyboardInterrupt: INTERRUPTED,
}
"""The nearest class wins; errors worth retrying come first, whatever their class."""


def exit_code(error: BaseException) -> int:
    """Return the exit code of a command that ends with this error."""
    if isinstance(error, SqlError) and error.retryable:
        return RETRY
    return next((EXIT_CODES[cls] for cls in type(error).__mro__ if cls in EXIT_CODES), FAILED)


def worse(one: int, other: int) -> int:
    """Return the exit code that tells more: trying again does not help when something else failed for good."""
    return other if one in (DONE, RETRY) and other != DONE else one
