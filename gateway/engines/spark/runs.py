"""A query on Spark: rows as they come, cancel, deadline, progress."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa

from gateway.engines.base import Progress, RunMetrics
from gateway.engines.spark.client import Answer, Operation
from gateway.engines.spark.types import conform
from gateway.errors import DeadlineExceededError, EngineDiedError, QueryCanceledError

_AGAIN_SECONDS = 0.5
"""An interrupt that comes before the server knows the operation does nothing, so it is repeated."""
_GIVE_UP_SECONDS = 30.0
_SETTLE_SECONDS = 120.0
"""How long an interrupt waits for the operation to have a job. One that comes before, while Spark plans, ends the
operation, but the job begins all the same and keeps every slot for as long as it takes (Spark 4.3.0)."""
_LOOK_SECONDS = 0.05
_AHEAD = 2
"""Batches fetched before they are asked for; more stay on the server."""


class Interrupting(Protocol):
    """What stops an operation: a ``ConnectSession``."""

    def interrupt(self, operation_id: str) -> None: ...


class Stopper:
    """Stops one operation, when asked to or when its time is up, and knows which it was."""

    def __init__(
        self, session: Interrupting, operation: Operation, deadline: float | None, timeout_seconds: float | None
    ) -> None:
        """``deadline`` is a ``time.monotonic()``; ``timeout_seconds`` is what the user asked for, for the message."""
        self._session = session
        self._operation = operation
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._asked = False
        self._expired = False
        self._timer: threading.Timer | None = None
        if deadline is not None:
            self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._expire)
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        """Stop the operation soon; returns at once."""
        with self._lock:
            if self._asked:
                return
            self._asked = True
        threading.Thread(target=self._interrupt, name="spark-cancel", daemon=True).start()

    def end(self) -> None:
        """Say that the operation is over."""
        if self._timer:
            self._timer.cancel()

    def check(self) -> None:
        """Raises: QueryCanceledError or DeadlineExceededError when the operation was stopped."""
        if self._expired:
            raise DeadlineExceededError(
                f"the query did not finish within {self._timeout_seconds:g} seconds",
                hint="allow more time with --timeout or limits.timeout, or read less",
            )
        if self._asked:
            raise QueryCanceledError("the query was cancelled")

    @property
    def stopped(self) -> bool:
        return self._asked or self._expired

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Spark says cancelled for a deadline too; here it becomes what it was."""
        try:
            yield
        except QueryCanceledError:
            self.check()
            raise

    def _expire(self) -> None:
        if not self._operation.finished:
            self._expired = True
            self._interrupt()

    def _interrupt(self) -> None:
        settle(self._operation)
        give_up = time.monotonic() + _GIVE_UP_SECONDS
        while not self._operation.finished and time.monotonic() < give_up:
            try:
                self._session.interrupt(self._operation.id)
            except EngineDiedError:
                return
            time.sleep(_AGAIN_SECONDS)


def settle(operation: Operation) -> None:
    """Wait until the operation can be stopped without leaving work behind."""
    until = time.monotonic() + _SETTLE_SECONDS
    while not (operation.working or operation.finished) and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)


class Pump:
    """Pulls batches in a thread of its own, so that a reader can stop at once, whatever the server does."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._queue: queue.Queue[pa.RecordBatch | Exception | None] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._pull, name="spark-batches", daemon=True)

    def batches(self, stopper: Stopper) -> Iterator[pa.RecordBatch]:
        """Yield the batches in order; raises what the server raised, or what ``stopper`` says once it is stopped."""
        self._thread.start()
        while True:
            try:
                item = self._queue.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                stopper.check()
                continue
            stopper.check()
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    def _pull(self) -> None:
        last: Exception | None = None
        try:
            for batch in self._answer.batches:
                if not self._put(batch):
                    break
        except Exception as error:
            last = error
        # Letting go is an interrupt too.
        settle(self._answer.operation)
        self._answer.batches.close()
        self._put(last)

    def _put(self, item: pa.RecordBatch | Exception | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def close(self) -> None:
        """Let the server go, in the background; nothing more is yielded."""
        self._closed.set()
        if self._thread.ident is None:
            self._thread.start()


class SparkRun:
    """One query; see ``gateway.engines.base.Run``."""

    def __init__(self, answer: Answer, schema: pa.Schema, stopper: Stopper, on_end: Callable[[bool], None]) -> None:
        """``on_end`` is told once whether the server was found dead; it may raise what it died of."""
        self._answer = answer
        self._schema = schema
        self._stopper = stopper
        self._on_end = on_end

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows once, in order."""
        died = ended = False
        pump = Pump(self._answer)
        try:
            with self._stopper.errors():
                for batch in pump.batches(self._stopper):
                    if batch.num_rows:
                        yield conform(batch, self._schema)
            ended = True
        except EngineDiedError:
            died = True
            raise
        finally:
            if not ended:  # also on Ctrl-C and when the reader has enough
                self._stopper.cancel()
            self._stopper.end()
            pump.close()
            self._on_end(died)

    def cancel(self) -> None:
        self._stopper.cancel()

    def progress(self) -> Progress:
        return self._answer.operation.progress()

    def metrics(self) -> RunMetrics:
        return metrics_of(self._answer.operation)


def metrics_of(operation: Operation) -> RunMetrics:
    """Return what Spark's scans report; sizes and rows of files, none for rows in memory."""
    rows = size = 0
    found = False
    for plan in operation.metrics:
        values = {value.name: int(value.value) for value in plan.metrics}
        if "filesSize" in values:
            found = True
            size += values["filesSize"]
            rows += values.get("numOutputRows", 0)
    read = sum(stage.num_bytes_read for stage in operation.stages)
    return RunMetrics(rows_read=rows, bytes_read=read or size) if found else RunMetrics()
