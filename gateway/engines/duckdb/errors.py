"""DuckDB's errors in the user's terms: one table, for exceptions and for what Arrow makes of late ones.

Instances run with ``errors_as_json``, so an error is ``Class Error: {"exception_type": …}`` wherever it
surfaces; after the first batch Arrow passes on only that text, as OSError (duckdb 2.0.0).
"""

import errno
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from catalog.errors import CorruptFileError, DiskFullError, FileAccessError, SqlError
from catalog.tables import Scan
from gateway.engines.base import Relation
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

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DISK_HINT = "free space, or set duckdb.temp_directory"
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


PATTERNS: dict[str, tuple[_Pattern, ...]] = {
    "Invalid Input": _patterns(
        (r"Division by zero", DivisionByZeroError),
        (r"More than one row returned by a subquery", SubqueryCardinalityError),
        (r"CSV Error|Malformed JSON in file|JSON transform error in file", CorruptFileError),
        (r"No magic bytes|File '.*' too small to be a Parquet|.*\bParquet file\b|Invalid footer", CorruptFileError),
        (r"Path: cannot join", FileAccessError),
        (r"Type \S+ with value .* can't be cast|Could not (cast|convert|parse)", InvalidCastError),
    ),
    "Out of Range": _patterns(
        (r"(array|list) index|index .* out of (range|bounds)", IndexOutOfBoundsError),
        (r"cannot take|Cannot create a string of size|.*is undefined", EvaluationError),
    ),
    "Conversion": _patterns(
        # What the portable set makes DuckDB say (gateway.dialects.portability.macros).
        (r".*['\"]headgate beyond: ", BeyondEngineError),
        (r".*['\"]headgate index: ", IndexOutOfBoundsError),
        (r".*['\"]headgate overflow: ", NumericOverflowError),
        (r".*['\"]headgate raised: ", EvaluationError),
        (r"CSV Error|Error while reading file", CorruptFileError),
    ),
    "IO": _patterns(
        (r".*(No space left on device|Disk quota exceeded|File too large)", DiskFullError),
        (r"No files found|.*No such file|.*Permission denied|Cannot open", FileAccessError),
        (
            r".*(corrupt|snappy|zstd|lz4|gzip|brotli|decompress|thrift|parquet|truncated|read from file)",
            CorruptFileError,
        ),
    ),
    "Binder": _patterns((r"Ambiguous reference", AmbiguousColumnError)),
    "Parser": _patterns((r"syntax error", SqlSyntaxError)),
    # What DuckDB throws without a class of its own: Thrift's errors in a Parquet file.
    "Invalid": _patterns((r"", CorruptFileError)),
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

_TEXT = re.compile(r"(?:(?P<name>[A-Za-z ]+?) Error: )?(?P<json>\{\"exception_type\".*)\Z", re.DOTALL)
_PLAIN_TEXT = re.compile(r"(?P<name>[A-Za-z ]+?) Error: (?P<message>.*)\Z", re.DOTALL)
_RAISED = re.compile(
    r"""['"](?:headgate (?:beyond|index|overflow|raised): (?P<own>.*)"""
    r"""|cannot cast to (?P<type>[a-z ]+): (?P<value>.*))(?:' to |", expected )""",
    re.DOTALL,
)
"""Words that the portable set puts into a cast that fails."""
_TYPES = {"INT8": "tinyint", "INT16": "smallint", "INT32": "int", "INT64": "bigint", "BOOL": "boolean"}
"""DuckDB's inner names of types → the reference dialect's."""
_TYPE = re.compile(rf"\b(?:{'|'.join(_TYPES)})\b")
_INTERNAL_NAME = re.compile(r'"?\bhg_\w+"?')
_ADVICE = re.compile(
    r"\s*(Use TRY\(.*|Use \"SET .*|\n+LINE \d+:.*|\n+Candidate.*|Possible solutions:.*|You might need to add.*)",
    re.DOTALL,
)
_CSV = re.compile(
    r"CSV Error on Line: (?P<line>\d+)\n.*?^(?P<problem>(?:Error when|Expected Number|Value with|Invalid "
    r"unicode|Maximum line|[^\n]*quote)[^\n]*)$.*^  file = (?P<file>[^\n]*)$",
    re.DOTALL | re.MULTILINE,
)


def translated(error: BaseException, relations: Mapping[str, Relation] | None = None) -> SqlError:
    """Return the SqlError for what DuckDB or the Arrow reader over it raised.

    ``relations`` are the query's, to say where a damaged file is when DuckDB does not.
    """
    if isinstance(error, SqlError):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemoryError("the query needs more memory than this process may use", hint=MEMORY_HINT)
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return DiskFullError("the disk is full", hint=DISK_HINT)
    text = str(error)
    if "Query interrupted" in text:  # duckdb 2.0.0 raises RuntimeError when a signal reached Python meanwhile
        return QueryCanceledError("the query was cancelled")
    name, message = _parsed(text)
    nearest = _CLASS_NAMES.get(name) or next((cls for cls in type(error).__mro__ if cls in ERRORS), duckdb.Error)
    kind = next((p.error for p in PATTERNS.get(name, ()) if p.text.match(message)), ERRORS[nearest])
    return _made(kind, message, relations or {})


def _parsed(text: str) -> tuple[str, str]:
    """Return DuckDB's name of the class, empty if unknown, and the message."""
    match = _TEXT.search(text)
    if match is not None:
        try:
            # Arrow may append words of its own after the JSON.
            fields, _ = json.JSONDecoder().raw_decode(match["json"])
            return str(fields["exception_type"]), str(fields["exception_message"])
        except (ValueError, KeyError, TypeError):
            return match["name"] or "", match["json"]
    plain = _PLAIN_TEXT.search(text)
    return (plain["name"].strip(), plain["message"]) if plain is not None else ("", text)


def _made(kind: type[SqlError], message: str, relations: Mapping[str, Relation]) -> SqlError:
    raised = _RAISED.search(message)
    if raised is not None:
        return kind(raised["own"] or f"cannot cast {raised['value']!r} to {raised['type'].removeprefix('a ')}")
    clean = _INTERNAL_NAME.sub("the table", _ADVICE.sub("", message)).strip().rstrip(".")
    first = clean.partition("\n")[0]
    if kind is DivisionByZeroError:  # DuckDB quotes the expression, but in headgate's words for it
        return DivisionByZeroError("division by zero", hint="try_divide(a, b) and a / nullif(b, 0) give NULL")
    if kind is CorruptFileError:
        return CorruptFileError(_damage(message, first, relations), hint="is the file whole and what it claims to be?")
    if kind is OutOfMemoryError:
        return OutOfMemoryError(f"DuckDB ran out of memory and of room to spill: {first}", hint=MEMORY_HINT)
    if kind is DiskFullError:
        return DiskFullError(f"the disk is full: {first}", hint=DISK_HINT)
    if kind is QueryCanceledError:
        return QueryCanceledError("the query was cancelled")
    if kind is EngineFaultError:
        return EngineFaultError(f"DuckDB failed: {clean}", hint="run it on Spark: SET engine = spark")
    return kind(_TYPE.sub(lambda match: _TYPES[match[0]], clean))


def _damage(message: str, first: str, relations: Mapping[str, Relation]) -> str:
    """Return what is wrong with which file, as near as can be told."""
    csv = _CSV.search(message)
    if csv is not None:
        return f"{csv['file']}, line {csv['line']}: {csv['problem'].rstrip('.')}"
    scans = [relation for relation in relations.values() if isinstance(relation, Scan) and len(relation.files)]
    if not scans or any(scan.location in first for scan in scans):
        return first
    paths = [path for scan in scans for path in (scan.files.paths[0].as_py(), scan.location)[len(scan.files) > 1 :][:1]]
    return f"a file of {' or '.join(paths)} is damaged: {first}"


@contextmanager
def duckdb_errors() -> Iterator[None]:
    """Turn every error of DuckDB into a SqlError, cause kept."""
    try:
        yield
    except (duckdb.Error, OSError, RuntimeError, MemoryError) as error:
        raise translated(error) from error
