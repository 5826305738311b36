"""DuckDB's errors in the user's terms: one table, for exceptions and for what Arrow makes of late ones.

Instances run with ``errors_as_json``, so an error is ``Class Error: {"exception_type": …}`` wherever it
surfaces; after the first batch Arrow passes on only that text, as OSError (duckdb 2.0.0).
"""

import errno
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from catalog.errors import CorruptFileError, DiskFullError, FileAccessError, SqlError
from gateway.errors import (
    AmbiguousColumnError,
    BeyondEngineError,
    DivisionByZeroError,
    EngineDiedError,
    EngineFaultError,
    EvaluationError,
    IndexOutOfBoundsError,
    InvalidCastError,
    NotAllowedError,
    NumericOverflowError,
    OutOfMemoryError,
    QueryCanceledError,
    SqlSyntaxError,
    SubqueryCardinalityError,
)

MEMORY_HINT = "raise duckdb.memory_limit or duckdb.temp_limit, or let the query run on Spark"

ERRORS: dict[type[Exception], type[SqlError]] = {
    duckdb.Error: EngineFaultError,
    duckdb.Warning: EngineFaultError,
    duckdb.DatabaseError: EngineFaultError,
    duckdb.DataError: EvaluationError,
    duckdb.IntegrityError: EngineFaultError,
    duckdb.InternalError: EngineFaultError,
    duckdb.NotSupportedError: EngineFaultError,
    duckdb.OperationalError: EngineFaultError,
    duckdb.ProgrammingError: EngineFaultError,
    # headgate resolves names and types before DuckDB sees them: what DuckDB does not find is headgate's mistake.
    duckdb.BinderException: EngineFaultError,
    duckdb.CatalogException: EngineFaultError,
    duckdb.ParserException: EngineFaultError,
    duckdb.SyntaxException: EngineFaultError,
    duckdb.NotImplementedException: EngineFaultError,
    duckdb.InvalidTypeException: EngineFaultError,
    duckdb.TypeMismatchException: EngineFaultError,
    duckdb.ConnectionException: EngineDiedError,
    duckdb.FatalException: EngineDiedError,
    duckdb.InternalException: EngineFaultError,
    duckdb.ConstraintException: EngineFaultError,
    duckdb.DependencyException: EngineFaultError,
    duckdb.TransactionException: EngineFaultError,
    duckdb.SequenceException: EngineFaultError,
    duckdb.SerializationException: CorruptFileError,
    duckdb.ResourceInUseException: EngineFaultError,
    duckdb.ConversionException: InvalidCastError,
    duckdb.InvalidInputException: EvaluationError,
    duckdb.OutOfRangeException: NumericOverflowError,
    duckdb.OutOfMemoryException: OutOfMemoryError,
    duckdb.InterruptException: QueryCanceledError,
    duckdb.PermissionException: NotAllowedError,
    duckdb.IOException: FileAccessError,
    duckdb.HTTPException: FileAccessError,
}
"""Every exception class that DuckDB exports, unless a pattern below knows better."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A message that says more than its class."""

    text: re.Pattern[str]
    error: type[SqlError]


def _patterns(*rows: tuple[str, type[SqlError]]) -> tuple[_Pattern, ...]:
    return tuple(_Pattern(re.compile(text, re.IGNORECASE | re.DOTALL), error) for text, error in rows)


# Only for classes that DuckDB uses for many things; what users' data or text can put into a message comes last in it.
PATTERNS: dict[str, tuple[_Pattern, ...]] = {
    "Invalid Input": _patterns(
        (r"Division by zero", DivisionByZeroError),
        (r"More than one row returned by a subquery", SubqueryCardinalityError),
        (
            r"(No magic bytes|File '.*' too small to be a Parquet|Invalid (Parquet|footer)|.*Parquet file)",
            CorruptFileError,
        ),
        (r".*(parquet|thrift).*(corrupt|invalid|malformed)", CorruptFileError),
        (r"Error when (sniffing|converting)|CSV Error", CorruptFileError),
        (r"Type \S+ with value .* can't be cast|Could not (cast|convert|parse)", InvalidCastError),
        (r"Malformed JSON", CorruptFileError),
    ),
    "Out of Range": _patterns(
        (r"(array|list) index|index .* out of (range|bounds)", IndexOutOfBoundsError),
        (r"cannot take|Cannot create a string of size|is undefined", EvaluationError),
    ),
    "Conversion": _patterns(
        # What the portable set makes DuckDB say (gateway.dialects.portability.macros).
        (r".*'headgate beyond: ", BeyondEngineError),
        (r".*'headgate index: ", IndexOutOfBoundsError),
        (r".*'headgate overflow: ", NumericOverflowError),
        (r".*'headgate raised: ", EvaluationError),
        (r"CSV Error|Error when converting column", CorruptFileError),
    ),
    "IO": _patterns(
        (r".*No space left on device|.*disk is full|.*failed to offload data block", DiskFullError),
        (r"No files found|.*No such file|.*Permission denied|Cannot open", FileAccessError),
        (
            r".*(corrupt|Snappy|Zstd|ZSTD|LZ4|decompress|thrift|Thrift|Parquet|truncated|Could not read)",
            CorruptFileError,
        ),
    ),
    "TransactionContext": _patterns((r"", EngineFaultError)),
    "Out of Memory": _patterns((r".*(max_temp_directory_size|No space left)", OutOfMemoryError)),
    "Binder": _patterns((r"Ambiguous reference", AmbiguousColumnError)),
    "Parser": _patterns((r"syntax error", SqlSyntaxError)),
}
"""DuckDB's name of an error's class → what its messages mean, first match from the start of the message."""

_CLASS_NAMES: dict[str, type[Exception]] = {
    "Binder": duckdb.BinderException,
    "Catalog": duckdb.CatalogException,
    "Connection": duckdb.ConnectionException,
    "Constraint": duckdb.ConstraintException,
    "Conversion": duckdb.ConversionException,
    "Dependency": duckdb.DependencyException,
    "FATAL": duckdb.FatalException,
    "HTTP": duckdb.HTTPException,
    "INTERNAL": duckdb.InternalException,
    "INTERRUPT": duckdb.InterruptException,
    "IO": duckdb.IOException,
    "Invalid Input": duckdb.InvalidInputException,
    "Invalid type": duckdb.InvalidTypeException,
    "Mismatch Type": duckdb.TypeMismatchException,
    "Not implemented": duckdb.NotImplementedException,
    "Out of Memory": duckdb.OutOfMemoryException,
    "Out of Range": duckdb.OutOfRangeException,
    "Parser": duckdb.ParserException,
    "Permission": duckdb.PermissionException,
    "Resource In Use": duckdb.ResourceInUseException,
    "Sequence": duckdb.SequenceException,
    "Serialization": duckdb.SerializationException,
    "Syntax": duckdb.SyntaxException,
    "TransactionContext": duckdb.TransactionException,
}
"""The name of a class in an error's text → the class."""

_TEXT = re.compile(r"(?P<name>[A-Za-z ]+?) Error: (?P<rest>.*)\Z", re.DOTALL)
_INTERNAL_NAME = re.compile(r'"?\bhg_\w+"?')
_ADVICE = re.compile(
    r"\s*(Use TRY\(.*|Use \"SET .*|\n+LINE \d+:.*|\n+Candidate.*|Possible solutions:.*|You might need to add.*)",
    re.DOTALL,
)


def translated(error: BaseException, files: Sequence[str] = ()) -> SqlError:
    """Return the SqlError for what DuckDB or the Arrow reader over it raised.

    ``files`` are the data files of the query, to name one in an error that does not.
    """
    if isinstance(error, SqlError):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemoryError("the query needs more memory than this process may use", hint=MEMORY_HINT)
    text = str(error)
    match = _TEXT.search(text)
    if match is None:
        return _nameless(error, text)
    name, message = _parsed(match)
    nearest = _CLASS_NAMES.get(name) or _nearest(type(error))
    return _made(name, ERRORS[nearest], message)


def _parsed(match: re.Match[str]) -> tuple[str, str]:
    name, rest = match["name"].strip(), match["rest"]
    try:
        # Arrow may append its own words after the JSON.
        fields, _ = json.JSONDecoder().raw_decode(rest)
        return str(fields["exception_type"]), str(fields["exception_message"])
    except (ValueError, KeyError, TypeError):
        return name, rest


def _nearest(kind: type[BaseException]) -> type[Exception]:
    return next((cls for cls in kind.__mro__ if cls in ERRORS), duckdb.Error)


def _nameless(error: BaseException, text: str) -> SqlError:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DiskFullError("the disk is full", hint="free space, or point duckdb.temp_directory elsewhere")
    if "Query interrupted" in text:  # duckdb 2.0.0 raises RuntimeError when a signal reached Python meanwhile
        return QueryCanceledError("the query was cancelled")
    return _made("", ERRORS[_nearest(type(error))], text)


def _made(name: str, kind: type[SqlError], message: str) -> SqlError:
    for pattern in PATTERNS.get(name, ()):
        if pattern.text.match(message):
            kind = pattern.error
            break
    clean = _INTERNAL_NAME.sub("the table", _ADVICE.sub("", message)).strip().rstrip(".")
    if kind is OutOfMemoryError:
        return OutOfMemoryError("DuckDB ran out of memory and of room to spill: " + _first(clean), hint=MEMORY_HINT)
    if kind is DiskFullError:
        return DiskFullError(f"the disk is full: {_first(clean)}", hint="free space, or set duckdb.temp_directory")
    if kind is QueryCanceledError:
        return QueryCanceledError("the query was cancelled")
    if kind is EngineFaultError:
        return EngineFaultError(f"DuckDB failed: {clean}", hint="run it on Spark: SET engine = spark")
    return kind(clean)


def _first(text: str) -> str:
    return text.splitlines()[0] if text else text


@contextmanager
def duckdb_errors() -> Iterator[None]:
    """Turn every error of DuckDB into a SqlError, cause kept."""
    try:
        yield
    except (duckdb.Error, OSError, RuntimeError, MemoryError) as error:
        raise translated(error) from error
