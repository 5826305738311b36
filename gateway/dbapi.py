"""The Python face of the gateway: PEP 249, and beside it results as Arrow.

A connection is a session; its gateway is opened for it and closed with it. Errors are PEP 249's
(`gateway.dbapi_errors`), never SqlError.
"""

import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from gateway.dbapi_errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004 - PEP 249 fixes the name
    dbapi_errors,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from gateway.results import Reasoned, Result
    from gateway.service import Gateway
    from gateway.session import Session

apilevel = "2.0"
threadsafety = 2
"""Threads may share the module and connections, not cursors."""
paramstyle = "qmark"

__all__ = [
    "BINARY", "DATETIME", "NUMBER", "ROWID", "STRING", "Binary", "ColumnDescription", "Connection", "Cursor",
    "DataError", "DatabaseError", "Date", "DateFromTicks", "Error", "IntegrityError", "InterfaceError", "InternalError",
    "NotSupportedError", "OperationalError", "ProgrammingError", "ResultSet", "Time", "TimeFromTicks",
    "Timestamp", "TimestampFromTicks", "Warning", "apilevel", "connect", "paramstyle", "threadsafety",
]  # fmt: skip

Parameters = Sequence[object] | Mapping[str, object]
Row = tuple[Any, ...]


def connect(
    home: Path | str | None = None,
    *,
    user: str = "",
    dialect: str = "spark",
    engine: str = "auto",
    timeout_seconds: float | None = None,
    **settings: object,
) -> "Connection":
    """Return a connection to the gateway of a home, HEADGATE_HOME or ``~/.headgate`` by default.

    Settings are those of the README, a section at a time: ``connect(duckdb={"threads": 2})``, or by their
    dotted names: ``connect(**{"duckdb.threads": 2})``.
    Raises: ProgrammingError for an unknown setting; OperationalError when the home cannot be used.
    """
    from gateway.service import Gateway

    with dbapi_errors():
        gateway = Gateway.open(home, options=dict(_dotted(settings)))
        try:
            session = gateway.session(user=user, dialect=dialect, engine=engine)
        except BaseException:
            gateway.close()
            raise
    return Connection(gateway, session, timeout_seconds=timeout_seconds)


def _dotted(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


class Connection:
    """A session. Statements take effect at once: every one is a transaction of its own."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    def __init__(self, gateway: "Gateway", session: "Session", *, timeout_seconds: float | None = None) -> None:
        self._gateway = gateway
        self._session = session
        self._timeout_seconds = timeout_seconds
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cursor(self) -> "Cursor":
        """Return a new cursor of this session."""
        self._check_open()
        return Cursor(self)

    def execute(
        self, operation: str, parameters: Parameters = (), *, timeout_seconds: float | None = None
    ) -> "ResultSet":
        """Run one statement and return its result; rows stream when they are asked for.

        Raises: ProgrammingError, DataError, OperationalError, NotSupportedError or InternalError.
        """
        self._check_open()
        timeout = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        with dbapi_errors():
            return ResultSet(self._gateway.execute(self._session, operation, parameters, timeout_seconds=timeout))

    def commit(self) -> None:
        """Do nothing: every statement is committed when it is done."""
        self._check_open()

    def rollback(self) -> None:
        """Raise: NotSupportedError, always."""
        self._check_open()
        raise NotSupportedError("there are no transactions over several statements, so none can be rolled back")

    def close(self) -> None:
        """Cancel what runs and close the gateway. Idempotent."""
        closed, self._closed = self._closed, True
        if not closed:
            with dbapi_errors():
                self._gateway.close()

    def _check_open(self) -> None:
        if self._closed:
            raise InterfaceError("the connection is closed")


class ResultSet:
    """The answer of one statement, as rows or as Arrow.

    Every way of reading gives all rows and may be used again: they are kept until ``close``.
    Each raises PEP 249's errors when the query fails on the way.
    """

    def __init__(self, result: "Result") -> None:
        self._result = result

    @property
    def query_id(self) -> str:
        return self._result.query_id

    @property
    def schema(self) -> "pa.Schema":
        """Names and Arrow types of the columns; empty for a statement without rows."""
        with dbapi_errors():
            return self._result.schema

    @property
    def engine(self) -> str:
        """The engine that answered; empty when none was needed."""
        return self._result.engine

    @property
    def route(self) -> "Reasoned":
        """Which engine was chosen and, in ``route.reason``, why."""
        return self._result.route

    @property
    def stats(self) -> Mapping[str, Any]:
        """What `--stats` prints, as INTERFACE.md names it."""
        return self._result.stats.as_dict()

    @property
    def message(self) -> str | None:
        """What a statement without rows did, in words."""
        return self._result.message

    @property
    def update_count(self) -> int | None:
        """Rows changed; None for a query."""
        return self._result.update_count

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """Yield the rows as record batches."""
        with dbapi_errors():
            yield from self._result.batches()

    def arrow(self) -> "pa.Table":
        """Return all rows as one Arrow table."""
        with dbapi_errors():
            return self._result.arrow()

    def df(self) -> Any:
        """Return all rows as a pandas DataFrame."""
        with dbapi_errors():
            return self._result.df()

    def fetchall(self) -> list[Row]:
        """Return all rows as tuples of Python values."""
        return list(self)

    def __iter__(self) -> Iterator[Row]:
        for batch in self.batches():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def cancel(self) -> None:
        """Stop the query soon; who reads it gets OperationalError. May be called from any thread."""
        self._result.cancel()

    def close(self) -> None:
        """Give up the rows. Idempotent."""
        with dbapi_errors():
            self._result.close()


class ColumnDescription(NamedTuple):
    """One entry of ``Cursor.description``. Source: PEP 249."""

    name: str
    type_code: str
    """The reference dialect's name of the type, ``decimal(10,2)``; equals one of the type objects below."""
    display_size: int | None
    internal_size: int | None
    """Bytes of a value, where all have the same."""
    precision: int | None
    scale: int | None
    null_ok: bool | None


class Cursor:
    """One statement at a time and its rows, one after another. Not for several threads at once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        """Rows that ``fetchmany`` gives by default."""
        self._result: ResultSet | None = None
        self._rows: Iterator[Row] | None = None
        self._updated = -1
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def description(self) -> tuple[ColumnDescription, ...] | None:
        """The columns of the result; None when there is none."""
        if self._rows is None or self._result is None:
            return None
        return tuple(describe(column) for column in self._result.schema)

    @property
    def rowcount(self) -> int:
        """Rows changed; for a query -1, as they are not counted before they are read."""
        return self._updated

    @property
    def result(self) -> ResultSet | None:
        """The last statement's result, for Arrow, engine, route and statistics; None before the first."""
        return self._result

    def execute(self, operation: str, parameters: Parameters = ()) -> Self:
        """Run a statement; ``?`` stands for the parameters in order, or ``:name`` for a mapping's.

        Raises: as ``Connection.execute``.
        """
        self._forget()
        result = self.connection.execute(operation, parameters)
        self._result = result
        if len(result.schema):
            self._rows = iter(result)
        elif result.update_count is not None:
            self._updated = result.update_count
        return self

    def executemany(self, operation: str, seq_of_parameters: Sequence[Parameters]) -> Self:
        """Run a statement once for each set of parameters; ``rowcount`` is the sum.

        Raises: NotSupportedError for a query; else as ``execute``.
        """
        self._forget()
        updated = 0
        for parameters in seq_of_parameters:
            self.execute(operation, parameters)
            if self._rows is not None:
                self._forget()
                raise NotSupportedError("executemany is for statements without rows")
            updated += max(self._updated, 0)
        self._updated = updated
        return self

    def fetchone(self) -> Row | None:
        """Return the next row, or None after the last. Raises: ProgrammingError when there is no result."""
        return next(self._open_rows(), None)

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """Return the next ``size`` rows, ``arraysize`` by default; fewer at the end, none after it."""
        return list(islice(self._open_rows(), self.arraysize if size is None else size))

    def fetchall(self) -> list[Row]:
        """Return the rows that are left."""
        return list(self._open_rows())

    def __iter__(self) -> Iterator[Row]:
        return self._open_rows()

    def setinputsizes(self, sizes: Sequence[object]) -> None:  # noqa: ARG002
        """Do nothing, as PEP 249 allows."""
        self._check_open()

    def setoutputsize(self, size: int, column: int | None = None) -> None:  # noqa: ARG002
        """Do nothing, as PEP 249 allows."""
        self._check_open()

    def close(self) -> None:
        """Give up the rows. Idempotent."""
        if not self._closed:
            self._forget()
            self._closed = True

    def _forget(self) -> None:
        self._check_open()
        if self._result is not None:
            self._result.close()
        self._result, self._rows, self._updated = None, None, -1

    def _open_rows(self) -> Iterator[Row]:
        self._check_open()
        if self._rows is None:
            raise ProgrammingError("there are no rows to fetch: the last statement was no query")
        return self._rows

    def _check_open(self) -> None:
        if self._closed:
            raise InterfaceError("the cursor is closed")
        self.connection._check_open()


def describe(column: "pa.Field") -> ColumnDescription:
    """Return PEP 249's description of a result's column."""
    import pyarrow as pa

    from catalog.schema import type_name

    decimal = pa.types.is_decimal(column.type)
    return ColumnDescription(
        name=column.name,
        type_code=type_name(column.type),
        display_size=None,
        internal_size=column.type.bit_width // 8 or 1 if pa.types.is_primitive(column.type) else None,
        precision=column.type.precision if decimal else None,
        scale=column.type.scale if decimal else None,
        null_ok=column.nullable,
    )


class TypeObject:
    """Equals the type codes of one family of types."""

    def __init__(self, name: str, *roots: str) -> None:
        self.name = name
        self._roots = frozenset(roots)

    def __eq__(self, other: object) -> bool:
        return other.partition("(")[0] in self._roots if isinstance(other, str) else other is self

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"gateway.{self.name}"


STRING = TypeObject("STRING", "string")
BINARY = TypeObject("BINARY", "binary")
NUMBER = TypeObject("NUMBER", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean")
DATETIME = TypeObject("DATETIME", "date", "timestamp", "timestamp_ntz")
ROWID = TypeObject("ROWID")

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802 - PEP 249 fixes the name
    """Return the local date of seconds since 1970."""
    return Date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802
    """Return the local time of day of seconds since 1970."""
    return Time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802
    """Return the local date and time of seconds since 1970."""
    return Timestamp(*time.localtime(ticks)[:6])
