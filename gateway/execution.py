"""The life of one query: QUEUED → PLANNING → RUNNING → FINISHED | FAILED | CANCELED.

An execution runs on the threads of those who ask it: `run` and `batches` work, `cancel` and the
properties answer from any thread at any moment.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import pyarrow as pa

from catalog.errors import DiskFullError, SqlError
from gateway.engines.base import Engine, EngineQuery, Progress, Run, RunMetrics
from gateway.errors import (
    BeyondEngineError,
    DeadlineExceededError,
    EngineDiedError,
    EngineFaultError,
    EngineUnavailableError,
    OutOfMemoryError,
    QueryCanceledError,
)

logger = logging.getLogger(__name__)

HANDOVER_ERRORS = (BeyondEngineError, OutOfMemoryError, DiskFullError, EngineDiedError, EngineUnavailableError)
"""Failures of an engine, not of the query: another engine may still answer."""


class State(Enum):
    QUEUED = "QUEUED"
    PLANNING = "PLANNING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def ended(self) -> bool:
        return self in _ENDED


_ENDED = frozenset({State.FINISHED, State.FAILED, State.CANCELED})


@dataclass(frozen=True)
class Attempt:
    """One engine that may answer, in the order of preference."""

    engine: Engine
    query: EngineQuery
    reason: str
    """Why this engine."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """What became of an attempt."""

    engine: str
    state: str
    """RUNNING, FINISHED, FAILED or CANCELED."""
    elapsed_ms: float
    reason: str
    """Why this engine and, if it failed, why no longer."""


Observer = Callable[["Execution", State], None]
"""Told of every state an execution enters, on the thread that made it enter."""


class Execution:
    """One query under way. Thread safe; one thread at a time works."""

    def __init__(self, query_id: str, *, timeout_seconds: float | None = None) -> None:
        self.query_id = query_id
        self.submitted_at = datetime.now(UTC)
        self.started_at: datetime | None = None
        """When an engine began."""
        self.ended_at: datetime | None = None
        self._born = time.monotonic()
        self._ended: float | None = None
        self._deadline = None if timeout_seconds is None else self._born + timeout_seconds
        self._lock = threading.RLock()
        self._working = threading.Lock()
        """Held by the thread that waits for the engine."""
        self._state = State.QUEUED
        self._error: SqlError | None = None
        self._canceled = False
        self._observers: list[Observer] = []
        self._records: list[AttemptRecord] = []
        self._attempt: Attempt | None = None
        self._attempt_born = 0.0
        self._run: Run | None = None
        self._rows: Iterator[pa.RecordBatch] = iter(())
        self._first: pa.RecordBatch | None = None
        self._schema: pa.Schema | None = None
        self._fraction: float | None = None
        self.row_count = 0
        """Rows handed out so far."""

    @property
    def state(self) -> State:
        return self._state

    @property
    def error(self) -> SqlError | None:
        """Why it failed, or that it was cancelled; None otherwise."""
        return self._error

    @property
    def engine(self) -> str:
        """The engine that answers, or tried last; empty before any did."""
        attempt, records = self._attempt, self._records
        if attempt is not None:
            return attempt.engine.name
        return records[-1].engine if records else ""

    @property
    def schema(self) -> pa.Schema:
        """Known once `run` returned."""
        assert self._schema is not None, "run comes first"
        return self._schema

    @property
    def elapsed_ms(self) -> float:
        """From submission to the end, or to now."""
        return ((self._ended or time.monotonic()) - self._born) * 1000

    @property
    def attempts(self) -> tuple[AttemptRecord, ...]:
        """Every engine tried so far, the present one last."""
        with self._lock:
            attempt = self._attempt
            if attempt is None or self._state.ended:
                return tuple(self._records)
            now = AttemptRecord(attempt.engine.name, State.RUNNING.value, self._attempt_ms(), attempt.reason)
            return (*self._records, now)

    @property
    def handovers(self) -> str:
        """Why earlier engines gave up, in words; empty when the first one answers."""
        with self._lock:
            failed = [record for record in self._records if record.state == State.FAILED.value]
        if self._state is State.FAILED:
            failed = failed[:-1]
        return "; ".join(f"{record.engine} {record.reason.rpartition('; ')[2]}" for record in failed)

    @property
    def remaining_seconds(self) -> float | None:
        """Until the deadline; None without one."""
        return None if self._deadline is None else self._deadline - time.monotonic()

    def observe(self, observer: Observer) -> None:
        """Call ``observer`` on every later change of state. What it raises is logged, never passed on."""
        with self._lock:
            self._observers.append(observer)

    def progress(self) -> Progress:
        """Return how far it is; the fraction never falls while an engine works."""
        with self._lock:
            run, state = self._run, self._state
        if state is State.FINISHED:
            return Progress(1.0)
        if run is None:
            return Progress(None, state.value.lower())
        now = run.progress()
        with self._lock:
            if now.fraction is not None:
                self._fraction = max(self._fraction or 0.0, now.fraction)
            return Progress(self._fraction, now.detail)

    def metrics(self) -> RunMetrics:
        run = self._run
        return RunMetrics() if run is None else run.metrics()

    def check(self) -> None:
        """Return while there is reason to go on.

        Raises: QueryCanceledError, DeadlineExceededError.
        """
        if self._canceled:
            raise QueryCanceledError("the query was cancelled")
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise DeadlineExceededError("the query ran past its deadline", hint="raise --timeout or limits.timeout")

    def planning(self) -> None:
        """Enter PLANNING. Raises: as `check`."""
        with self._guard():
            self.check()
            self._enter(State.PLANNING)

    def run(self, attempts: Sequence[Attempt]) -> None:
        """Run until the first rows are there, or the end; on an engine's failure go on with the next attempt.

        Raises: as Run.batches; the first engine's failure when all fail.
        """
        with self._working, self._guard():
            first_failure: SqlError | None = None
            for attempt in attempts:
                try:
                    self._begin(attempt)
                    return
                except HANDOVER_ERRORS as error:
                    self._let_go(error)
                    first_failure = first_failure or error
                    logger.info("query %s: %s gave up: %s", self.query_id, attempt.engine.name, error.message)
            assert first_failure is not None, "a query has at least one engine"
            raise first_failure

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, once. Closing the iterator before the end cancels the query. Raises: as Run.batches."""
        try:
            while (batch := self._next()) is not None:
                yield batch
        finally:
            self.close()

    def finish(self) -> None:
        """Enter FINISHED: for what needs no engine."""
        self._end(State.FINISHED)

    def fail(self, error: SqlError) -> None:
        """Enter FAILED, or CANCELED when that is what the error says."""
        self._end(State.CANCELED if isinstance(error, QueryCanceledError) else State.FAILED, error)

    def cancel(self) -> None:
        """Stop, whatever the state; the rows to come are a QueryCanceledError. Idempotent, any thread."""
        with self._lock:
            if self._state.ended:
                return
            self._canceled = True
            run = self._run
        if run is not None:
            run.cancel()
        self._end(State.CANCELED, QueryCanceledError("the query was cancelled"))
        # Nobody may ever ask for the next batch, so the engine is let go here unless a thread is inside it.
        if self._working.acquire(blocking=False):
            try:
                self._close_rows()
            finally:
                self._working.release()

    def close(self) -> None:
        """Free the engine; cancels what has not ended. Idempotent."""
        self.cancel()

    def _begin(self, attempt: Attempt) -> None:
        self.check()
        with self._lock:
            self._attempt, self._attempt_born, self._run = attempt, time.monotonic(), None
        self._enter(State.RUNNING)
        run = attempt.engine.start(attempt.query, timeout_seconds=self.remaining_seconds)
        with self._lock:
            self._run = run
        if self._canceled:  # while the engine began, so it could not be told
            run.cancel()
        self.check()
        if self._schema is not None and not run.schema.equals(self._schema):
            raise EngineFaultError(f"{attempt.engine.name} answers other columns than the engine before it")
        self._schema = run.schema
        self._rows = iter(run.batches())
        self._first = self._pull()
        if self._first is None:
            self._end(State.FINISHED)

    def _pull(self) -> pa.RecordBatch | None:
        """Return the next batch that holds rows; None at the end."""
        return next((batch for batch in self._rows if batch.num_rows), None)

    def _next(self) -> pa.RecordBatch | None:
        with self._working:
            if self._state is State.FINISHED:
                return None
            if self._error is not None:
                raise self._error
            with self._guard():
                self.check()
                batch, self._first = self._first, None
                if batch is None:
                    batch = self._pull()
                self.check()
                if batch is None:
                    self._end(State.FINISHED)
                else:
                    self.row_count += batch.num_rows
                return batch

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Let every failure end the execution."""
        try:
            yield
        except SqlError as error:
            # An engine tells of the interrupt; that it was the user's wish is known here.
            fault = QueryCanceledError("the query was cancelled") if self._canceled else error
            self._close_rows()
            self.fail(fault)
            raise fault from (error.__cause__ if fault is error else error)
        except Exception as error:
            fault = EngineFaultError(f"{self.engine or 'headgate'} failed: {type(error).__name__}: {error}")
            self._close_rows()
            self.fail(fault)
            raise fault from error
        except BaseException:  # KeyboardInterrupt: the engine must not go on for nobody
            if self._run is not None:
                self._run.cancel()
            self._close_rows()
            self.fail(QueryCanceledError("the query was interrupted"))
            raise

    def _let_go(self, error: SqlError) -> None:
        """Record that the present attempt failed and free its engine."""
        with self._lock:
            attempt = self._attempt
            assert attempt is not None
            self._records.append(
                AttemptRecord(
                    attempt.engine.name,
                    State.FAILED.value,
                    self._attempt_ms(),
                    f"{attempt.reason}; gave up: {error.message}",
                )
            )
            run, self._run, self._attempt = self._run, None, None
            self._fraction = None
        if run is not None:
            run.cancel()
        self._close_rows()

    def _close_rows(self) -> None:
        rows, self._rows, self._first = self._rows, iter(()), None
        close = getattr(rows, "close", None)
        if close is not None:
            close()

    def _attempt_ms(self) -> float:
        return (time.monotonic() - self._attempt_born) * 1000

    def _enter(self, state: State) -> None:
        with self._lock:
            if self._state.ended or self._state is state:
                return
            self._state = state
            if state is State.RUNNING and self.started_at is None:
                self.started_at = datetime.now(UTC)
            observers = tuple(self._observers)
        self._tell(observers, state)

    def _end(self, state: State, error: SqlError | None = None) -> None:
        with self._lock:
            if self._state.ended:
                return
            if self._attempt is not None:
                reason = self._attempt.reason + (f"; {error.message}" if error is not None else "")
                self._records.append(AttemptRecord(self._attempt.engine.name, state.value, self._attempt_ms(), reason))
            self._state, self._error = state, error
            self._ended, self.ended_at = time.monotonic(), datetime.now(UTC)
            observers = tuple(self._observers)
        self._tell(observers, state)

    def _tell(self, observers: Sequence[Observer], state: State) -> None:
        for observer in observers:
            try:
                observer(self, state)
            except Exception:
                logger.exception("query %s: an observer of its states failed", self.query_id)
