"""Queries on DuckDB, embedded: milliseconds for small ones, spilling to disk for what outgrows its memory."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from catalog.errors import SqlError
from catalog.store import WriteTarget, WrittenFile
from catalog.tables import FileFormat
from gateway.engines.base import (
    Capabilities,
    EngineQuery,
    EngineStatus,
    Health,
    Progress,
    RunMetrics,
)
from gateway.engines.duckdb.conform import conformer
from gateway.engines.duckdb.errors import translated
from gateway.engines.duckdb.queries import bound_schema, stream
from gateway.engines.duckdb.sessions import Session, SessionPool
from gateway.engines.duckdb.watchdog import Alarm, Watchdog
from gateway.errors import DeadlineExceededError, EngineUnavailableError, QueryCanceledError
from gateway.home import Home
from gateway.settings import Settings


class DuckDBEngine:
    """Implements ``gateway.engines.base.Engine``."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        allowed_directories: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """``allowed_directories`` answers the folders that hold tables; those of other scans are added when met."""
        self._settings = settings
        self._pool = SessionPool(
            settings.duckdb,
            home.temp,
            lambda: (str(home.warehouse), *allowed_directories()),
        )
        self._watchdog = Watchdog()
        self._closed = False
        self._capabilities = Capabilities(
            file_formats=frozenset(FileFormat),
            uri_schemes=frozenset({"file"}),
            memory_limit_bytes=settings.duckdb.effective_memory_bytes,
            cores=settings.duckdb.effective_threads,
            runs_reference_dialect=False,
        )

    @property
    def name(self) -> str:
        return "duckdb"

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def status(self) -> EngineStatus:
        if self._closed:
            return EngineStatus(Health.UNAVAILABLE, "closed")
        return EngineStatus(Health.READY, f"DuckDB {duckdb.__version__} in this process")

    def warm(self) -> None:
        """Do nothing: it starts within milliseconds."""

    def start(self, query: EngineQuery, *, timeout_seconds: float | None = None) -> "DuckDBRun":
        """Return the run; work begins with the first batch, so that it can be cancelled from its first moment."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        work = _Work(self._pool, self._watchdog, query, deadline, self._check_open)
        schema = self.describe(query) if query.schema is None else query.schema
        return DuckDBRun(work, query.sql, schema, self._settings.results.batch_rows)

    def describe(self, query: EngineQuery) -> pa.Schema:
        """Return DuckDB's names and types of a query's columns without running it. Raises: as ``start``."""
        with self.connection(query) as connection:
            return bound_schema(connection, query.sql)

    def write(
        self, query: EngineQuery, target: WriteTarget, *, timeout_seconds: float | None = None
    ) -> "DuckDBWriteRun":
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        work = _Work(self._pool, self._watchdog, query, deadline, self._check_open, (target.folder,))
        return DuckDBWriteRun(work, query, target)

    @contextmanager
    def connection(self, query: EngineQuery, folders: Iterable[str] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a connection in which the query's relations have their names and ``folders`` may be touched too.

        Raises: SqlError for what DuckDB raises inside.
        """
        with _Work(self._pool, self._watchdog, query, None, self._check_open, folders).session() as session:
            yield session.connection

    def close(self) -> None:
        """End the instance when its last run is done. Idempotent."""
        self._closed = True
        self._pool.close()
        self._watchdog.close()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineUnavailableError("DuckDB is closed")


class _Work:
    """What one piece of work holds of the engine while it lasts: a session, an alarm, and why it was stopped."""

    def __init__(
        self,
        pool: SessionPool,
        watchdog: Watchdog,
        query: EngineQuery,
        deadline: float | None,
        check_open: Callable[[], None],
        folders: Iterable[str] = (),
    ) -> None:
        self._pool = pool
        self._watchdog = watchdog
        self._query = query
        self._deadline = deadline
        self._check_open = check_open
        self._folders = tuple(folders)
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._canceled = False
        self._expired = False
        self._fraction: float | None = None
        self._done = False

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Hold a session while the work lasts; what DuckDB raises inside comes out as SqlError."""
        alarm: Alarm | None = None
        session: Session | None = None
        broken = True
        try:
            self.check()
            self._check_open()
            session = self._pool.acquire(self._query.time_zone, self._query.relations, self._folders)
            with self._lock:
                self._session = session
            if self._deadline is not None:
                alarm = self._watchdog.watch(self, self._deadline)
            self.check()
            yield session
            broken = False
        except GeneratorExit:
            broken = False
            raise
        except (duckdb.Error, OSError, RuntimeError, MemoryError, SqlError) as error:
            fault = translated(error, self._query.relations)
            broken = isinstance(error, duckdb.FatalException | duckdb.InternalException)
            raise self._stopped(fault) from (error if fault is not error else error.__cause__)
        finally:
            with self._lock:
                self._done, self._session = True, None
            if alarm is not None:
                alarm.cancel()
            if session is not None:
                self._pool.release(session, broken=broken)

    def check(self) -> None:
        """Raises: QueryCanceledError, DeadlineExceededError when the work is to stop."""
        if self._canceled:
            raise QueryCanceledError("the query was cancelled")
        if self._expired or (self._deadline is not None and time.monotonic() >= self._deadline):
            raise DeadlineExceededError("the query ran past its deadline")

    def cancel(self) -> None:
        self._canceled = True
        if self.expire():
            self._watchdog.watch(self, time.monotonic())

    def expire(self) -> bool:
        """Interrupt; True while the work lasts. Called by the watchdog at the deadline, and again until it ends."""
        with self._lock:
            if self._done or self._session is None:
                return False
            self._expired = not self._canceled
            self._session.connection.interrupt()
            return True

    def progress(self) -> Progress:
        with self._lock:
            if self._done:
                return Progress(1.0)
            if self._session is not None:
                percent = self._session.connection.query_progress()
                if percent >= 0:
                    self._fraction = max(self._fraction or 0.0, min(percent / 100, 1.0))
        return Progress(self._fraction)

    def _stopped(self, fault: SqlError) -> SqlError:
        """Return what an interrupt really was: the user's wish or the deadline."""
        if isinstance(fault, QueryCanceledError) and self._expired and not self._canceled:
            return DeadlineExceededError("the query ran past its deadline")
        return fault


class DuckDBRun:
    """Implements ``gateway.engines.base.Run``."""

    def __init__(self, work: _Work, sql: str, schema: pa.Schema, batch_rows: int) -> None:
        self._work = work
        self._sql = sql
        self._schema = schema
        self._batch_rows = batch_rows

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        with self._work.session() as session:
            reader = stream(session.connection, self._sql, self._batch_rows)
            try:
                conform = conformer(reader.schema, self._schema)
                for batch in reader:
                    yield conform(batch)
                    self._work.check()
            finally:
                reader.close()

    def cancel(self) -> None:
        self._work.cancel()

    def progress(self) -> Progress:
        return self._work.progress()

    def metrics(self) -> RunMetrics:
        return RunMetrics()


class DuckDBWriteRun:
    """Implements ``gateway.engines.base.WriteRun``."""

    def __init__(self, work: _Work, query: EngineQuery, target: WriteTarget) -> None:
        self._work = work
        self._query = query
        self._target = target
        self._record_count = 0

    def files(self) -> tuple[WrittenFile, ...]:
        from gateway.engines.duckdb.writing import write  # its Parquet library costs start-up time

        with self._work.session() as session:
            written = write(session.connection, self._query.sql, self._target)
        self._record_count = written.record_count
        return written.files

    @property
    def record_count(self) -> int:
        return self._record_count

    def cancel(self) -> None:
        self._work.cancel()

    def progress(self) -> Progress:
        return self._work.progress()

    def metrics(self) -> RunMetrics:
        return RunMetrics()
