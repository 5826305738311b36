"""A query on Spark: rows as they come, cancel, deadline, progress."""

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
_SETTLE_SECONDS = 5.0
"""How long an interrupt waits for the operation to have tasks. One that falls between a job's decision and its
start ends the operation and leaves the job running, for ever if need be, in every slot (Spark 4.3.0, local)."""
_LOOK_SECONDS = 0.05


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
        settled = time.monotonic() + _SETTLE_SECONDS
        while not (self._operation.working or self._operation.finished) and time.monotonic() < settled:
            time.sleep(_LOOK_SECONDS)
        give_up = time.monotonic() + _GIVE_UP_SECONDS
        while not self._operation.finished and time.monotonic() < give_up:
            try:
                self._session.interrupt(self._operation.id)
            except EngineDiedError:
                return
            time.sleep(_AGAIN_SECONDS)


class SparkRun:
    """One query; see ``gateway.engines.base.Run``."""

    def __init__(self, answer: Answer, schema: pa.Schema, stopper: Stopper, on_end: Callable[[bool], None]) -> None:
        """``on_end`` is told once whether the server was found dead."""
        self._answer = answer
        self._schema = schema
        self._stopper = stopper
        self._on_end = on_end

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows once, in order."""
        died = False
        try:
            with self._stopper.errors():
                for batch in self._answer.batches:
                    self._stopper.check()
                    if batch.num_rows:
                        yield conform(batch, self._schema)
        except EngineDiedError:
            died = True
            raise
        finally:
            self._stopper.end()
            self._answer.batches.close()
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
