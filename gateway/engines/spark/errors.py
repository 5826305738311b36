"""Spark's error conditions in headgate's terms, by one table.

Spark names its errors (``DIVIDE_BY_ZERO``) and gives each an SQLSTATE; a name decides before a state, a whole
state before its class. Source: error/error-conditions.json in spark-common-utils 4.3.0.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import grpc
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.base import QueryContextType
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from catalog.errors import (
    ColumnNotFoundError,
    CorruptFileError,
    DiskFullError,
    FileAccessError,
    ResourceError,
    SqlError,
    TableNotFoundError,
    UserError,
)
from gateway.errors import (
    AmbiguousColumnError,
    DivisionByZeroError,
    EngineDiedError,
    EngineFaultError,
    EngineUnavailableError,
    EvaluationError,
    FunctionNotFoundError,
    IndexOutOfBoundsError,
    InvalidCastError,
    NotAllowedError,
    NotSupportedError,
    NumericOverflowError,
    OutOfMemoryError,
    QueryCanceledError,
    SqlSyntaxError,
    SubqueryCardinalityError,
    TypeMismatchError,
)

CONDITIONS: Mapping[str, type[SqlError]] = {
    "DIVIDE_BY_ZERO": DivisionByZeroError,
    "REMAINDER_BY_ZERO": DivisionByZeroError,
    "INTERVAL_DIVIDED_BY_ZERO": DivisionByZeroError,
    "CAST_INVALID_INPUT": InvalidCastError,
    "CAST_OVERFLOW": InvalidCastError,
    "CONVERSION_INVALID_INPUT": InvalidCastError,
    "CANNOT_PARSE_DECIMAL": InvalidCastError,
    "CANNOT_PARSE_TIMESTAMP": InvalidCastError,
    "CANNOT_PARSE_TIME": InvalidCastError,
    "CANNOT_PARSE_INTERVAL": InvalidCastError,
    "INVALID_INTERVAL_FORMAT": InvalidCastError,
    "NUMERIC_VALUE_OUT_OF_RANGE": NumericOverflowError,
    "NUMERIC_OUT_OF_SUPPORTED_RANGE": NumericOverflowError,
    "ARITHMETIC_OVERFLOW": NumericOverflowError,
    "BINARY_ARITHMETIC_OVERFLOW": NumericOverflowError,
    "INTERVAL_ARITHMETIC_OVERFLOW": NumericOverflowError,
    "DATETIME_OVERFLOW": NumericOverflowError,
    "INVALID_ARRAY_INDEX": IndexOutOfBoundsError,
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": IndexOutOfBoundsError,
    "INVALID_INDEX_OF_ZERO": IndexOutOfBoundsError,
    "SCALAR_SUBQUERY_TOO_MANY_ROWS": SubqueryCardinalityError,
    "ROW_SUBQUERY_TOO_MANY_ROWS": SubqueryCardinalityError,
    "USER_RAISED_EXCEPTION": EvaluationError,
    "DUPLICATED_MAP_KEY": EvaluationError,
    "NULL_MAP_KEY": EvaluationError,
    "UNRESOLVED_COLUMN": ColumnNotFoundError,
    "UNRESOLVED_FIELD": ColumnNotFoundError,
    "UNRESOLVED_USING_COLUMN_FOR_JOIN": ColumnNotFoundError,
    "COLUMN_NOT_FOUND": ColumnNotFoundError,
    "FIELD_NOT_FOUND": ColumnNotFoundError,
    "CANNOT_RESOLVE_STAR_EXPAND": ColumnNotFoundError,
    "AMBIGUOUS_REFERENCE": AmbiguousColumnError,
    "AMBIGUOUS_COLUMN_OR_FIELD": AmbiguousColumnError,
    "AMBIGUOUS_COLUMN_REFERENCE": AmbiguousColumnError,
    "AMBIGUOUS_LATERAL_COLUMN_ALIAS": AmbiguousColumnError,
    "AMBIGUOUS_REFERENCE_TO_FIELDS": AmbiguousColumnError,
    "UNRESOLVED_ROUTINE": FunctionNotFoundError,
    "ROUTINE_NOT_FOUND": FunctionNotFoundError,
    "UNRESOLVABLE_TABLE_VALUED_FUNCTION": FunctionNotFoundError,
    "TABLE_OR_VIEW_NOT_FOUND": TableNotFoundError,
    "DATATYPE_MISMATCH": TypeMismatchError,
    "UNEXPECTED_INPUT_TYPE": TypeMismatchError,
    "WRONG_NUM_ARGS": TypeMismatchError,
    "INCOMPATIBLE_COLUMN_TYPE": TypeMismatchError,
    "PATH_NOT_FOUND": FileAccessError,
    "FAILED_READ_FILE.FILE_NOT_EXIST": FileAccessError,
    "FAILED_READ_FILE": CorruptFileError,
    "CANNOT_READ_FILE_FOOTER": CorruptFileError,
    "MALFORMED_CSV_RECORD": CorruptFileError,
    "MALFORMED_RECORD_IN_PARSING": EvaluationError,
    "UNSUPPORTED_DATASOURCE_FOR_DIRECT_QUERY": NotAllowedError,
    "FAILED_TO_CREATE_PLAN_FOR_DIRECT_QUERY": NotAllowedError,
    "UNABLE_TO_ACQUIRE_MEMORY": OutOfMemoryError,
    "OPERATION_CANCELED": QueryCanceledError,
    "FAILED_TO_PARSE_TOO_COMPLEX": NotSupportedError,
    "INVALID_HANDLE": EngineDiedError,
    "RESPONSE_ALREADY_RECEIVED": EngineDiedError,
    "NO_ACTIVE_SESSION": EngineDiedError,
    "INTERNAL_ERROR": EngineFaultError,
}
"""A condition, or a condition with its subclass → our error."""

STATES: Mapping[str, type[SqlError]] = {
    "42601": SqlSyntaxError,
    "42K09": TypeMismatchError,
    "42846": TypeMismatchError,
    "42703": ColumnNotFoundError,
    "42883": FunctionNotFoundError,
    "53200": OutOfMemoryError,
    "58030": FileAccessError,
    "HY008": QueryCanceledError,
    "0A": NotSupportedError,
    "21": SubqueryCardinalityError,
    "22": EvaluationError,
    "23": EvaluationError,
    "42": UserError,
    "53": ResourceError,
    "54": ResourceError,
    "P0": EvaluationError,
}
"""An SQLSTATE, or its class → our error."""

_MEMORY = re.compile(r"OutOfMemoryError|Java heap space|GC overhead limit|exceeds VM limit|SparkOutOfMemory")
_DISK = re.compile(r"No space left on device|Disk quota exceeded")
_PREFIX = re.compile(r"\A\s*\[[A-Z0-9_.]+\]\s*")
_AFTER = re.compile(
    r"\s*SQLSTATE:\s*[0-9A-Z]{5}.*\Z|\s*\n+(?:JVM stacktrace:|== SQL|== DataFrame).*\Z|;\s*line \d+ pos \d+.*\Z",
    re.DOTALL,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_ADVICE = re.compile(
    r"Use [`'](try_\w+|get\(\))|Use the SQL function|Did you mean|Verify the spelling|Please, refer|To "
)
_CAUSE = re.compile(r"^Caused by: [\w.$]+: (.+)$", re.MULTILINE)
_SUGGESTED = re.compile(r"Did you mean one of the following\? \[(.*)\]")
_PARSE_POSITION = re.compile(r"\(line (\d+), pos (\d+)\)")
_CONTEXT_POSITION = re.compile(r"\(line (\d+), position (\d+)\)")
_ANALYSIS_POSITION = re.compile(r"; line (\d+) pos (\d+)")


@contextmanager
def spark_errors(names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Translate what pyspark and gRPC raise, cause kept; ``names`` as in ``translated``."""
    try:
        yield
    except (PySparkException, grpc.RpcError) as error:
        raise translated(error, names or {}) from error
    except ValueError as error:
        if "closed channel" not in str(error):  # gRPC's words when our own close() met a call
            raise
        raise EngineDiedError("the connection to Spark was closed") from error


def translated(error: Exception, names: Mapping[str, str]) -> SqlError:
    """Return the SqlError that says what Spark's error means.

    ``names`` maps the internal relation names of the query to what the user calls them; no message shows the
    former. Line and column are those of the text that Spark got.
    """
    text = error.getMessage() or str(error) if isinstance(error, PySparkException) else str(error)
    if isinstance(error, grpc.RpcError) or (type(error) is SparkConnectGrpcException and not _condition(error)):
        return _transport(error, text)
    class_ = _error_class(error, text)
    message, hint = _sentences(text)
    line, column = _position(error, text)
    if issubclass(class_, CorruptFileError | FileAccessError) and (causes := _CAUSE.findall(text)):
        message = f"{message.rstrip('.')}: {causes[-1].strip()}"
    if class_ is EngineDiedError:
        return class_("Spark lost the session of this query", hint="run the query again")
    if class_ is QueryCanceledError:
        return class_("the query was cancelled")
    return class_(_renamed(message, names), hint=_renamed(hint, names) if hint else None, line=line, column=column)


def _condition(error: Exception) -> str:
    return (error.getCondition() or "") if isinstance(error, PySparkException) else ""


def _error_class(error: Exception, text: str) -> type[SqlError]:
    condition = _condition(error)
    state = (error.getSqlState() or "") if isinstance(error, PySparkException) else ""
    keys = (condition, condition.partition(".")[0])
    found = next((CONDITIONS[key] for key in keys if key in CONDITIONS), None)
    if found is None:
        found = next((STATES[key] for key in (state, state[:2]) if key in STATES), None)
    if found is None or not issubclass(found, UserError):  # what users raise may quote anything
        if _MEMORY.search(text):
            return OutOfMemoryError
        if _DISK.search(text):
            return DiskFullError
    if found is None and not condition and type(error).__name__ in _PLAIN_JAVA:
        return EvaluationError
    return found or EngineFaultError


_PLAIN_JAVA = frozenset(
    {"IllegalArgumentException", "ArithmeticException", "DateTimeException", "NumberFormatException"}
)
"""Functions that check their arguments at run time raise these without a condition: ``sequence(1, 10, -1)``."""


def _transport(error: Exception, text: str) -> SqlError:
    """Return what it means that the call itself failed."""
    status = error.getGrpcStatusCode() if isinstance(error, SparkConnectGrpcException) else error.code()  # type: ignore[attr-defined]
    match status:
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED | grpc.StatusCode.ABORTED:
            return EngineDiedError("Spark does not answer any more", hint="run the query again")
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return EngineUnavailableError(
                "Spark refuses the connection's token",
                hint="put the right one into spark.remote: sc://host:port/;token=…",
            )
        case grpc.StatusCode.CANCELLED:
            return QueryCanceledError("the query was cancelled")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return ResourceError("a value or a row is too large to be sent by Spark")
    if _MEMORY.search(text):
        return OutOfMemoryError("Spark ran out of memory", hint="raise spark.driver_memory, or read less at a time")
    details = re.search(r'details = "(.*)"', text)
    return EngineFaultError(f"Spark failed: {details.group(1) if details else _sentences(text)[0]}")


def _sentences(text: str) -> tuple[str, str | None]:
    """Return the message and, from its own advice, a hint; advice to change Spark's settings is left out."""
    body = _AFTER.sub("", _PREFIX.sub("", text)).strip()
    suggested = _SUGGESTED.search(body)
    if suggested:
        hint = f"did you mean {suggested.group(1)}?"
        return body[: suggested.start()].strip(), hint.replace("`, `", "` or `")
    kept: list[str] = []
    advice: list[str] = []
    for sentence in _SENTENCE.split(body):
        if "spark.sql." in sentence or "spark.apache.org" in sentence or "Search path:" in sentence:
            continue
        (advice if _ADVICE.match(sentence) else kept).append(sentence.strip())
    message = re.sub(r" on search path \[.*?\]", "", " ".join(kept) or body)
    return message[:1].upper() + message[1:], " ".join(advice) or None


def _position(error: Exception, text: str) -> tuple[int | None, int | None]:
    """Return line and column, both from 1; Spark counts positions from 0 in its older forms."""
    contexts = (error.getQueryContext() or []) if isinstance(error, PySparkException) else []
    for context in contexts:
        if context.contextType() == QueryContextType.SQL and (found := _CONTEXT_POSITION.search(context.summary())):
            return int(found.group(1)), int(found.group(2))
    found = _PARSE_POSITION.search(text) or _ANALYSIS_POSITION.search(text)
    if found:
        return int(found.group(1)), int(found.group(2)) + 1
    found = _CONTEXT_POSITION.search(text)
    return (int(found.group(1)), int(found.group(2))) if found else (None, None)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for internal, shown in names.items():
        quoted = re.escape(internal)
        text = re.sub(rf"`?\b{quoted}\b`?\.", "", text, flags=re.IGNORECASE)
        text = re.sub(rf"`?\b{quoted}\b`?", f"`{shown}`", text, flags=re.IGNORECASE)
    return text
