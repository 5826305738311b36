"""A result: one schema and a stream of rows, read while they come and again from what was kept of them."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import pyarrow as pa

from catalog.errors import SqlError
from gateway.engines.base import Progress
from gateway.errors import ResultExpiredError
from gateway.execution import AttemptRecord, Execution, State
from gateway.snapshots import MemorySnapshot, Snapshot, SnapshotStore, SnapshotWriter, StoredSnapshot

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

__all__ = ["PlanFacts", "QueryStats", "Result", "Snapshot", "SnapshotStore", "Spool"]

Row = tuple[Any, ...]


class Reasoned(Protocol):
    """A route, or anything else that says why."""

    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Reason:
    """Why this engine, where no routing was needed."""

    reason: str


@dataclass(frozen=True)
class PlanFacts:
    """What planning foresaw; None where it could not."""

    files_total: int | None = None
    files_planned: int | None = None
    bytes_planned: int | None = None
    bytes_total: int | None = None
    """Of all files there are, every column; None when the catalog does not say."""
    predicted_ms: Mapping[str, float] = field(default_factory=dict)
    """By engine."""


@dataclass(frozen=True)
class QueryStats:
    """One query in numbers, as ``--stats`` prints it."""

    query_id: str
    engine: str
    reason: str
    state: str
    rows: int | None
    """Known at the end."""
    elapsed_ms: float
    plan: PlanFacts
    attempts: tuple[AttemptRecord, ...]
    cached: bool

    @property
    def files_total(self) -> int | None:
        return self.plan.files_total

    @property
    def files_planned(self) -> int | None:
        return self.plan.files_planned

    @property
    def bytes_planned(self) -> int | None:
        return self.plan.bytes_planned

    @property
    def bytes_total(self) -> int | None:
        return self.plan.bytes_total

    def as_dict(self) -> dict[str, Any]:
        """Return the object of INTERFACE.md, JSON-ready."""
        return {
            "query_id": self.query_id,
            "engine": self.engine,
            "reason": self.reason,
            "state": self.state,
            "rows": self.rows,
            "elapsed_ms": round(self.elapsed_ms, 3),
            "files_total": self.plan.files_total,
            "files_planned": self.plan.files_planned,
            "bytes_planned": self.plan.bytes_planned,
            "predicted_ms": {engine: round(ms, 3) for engine, ms in self.plan.predicted_ms.items()},
            "attempts": [
                {"engine": a.engine, "state": a.state, "elapsed_ms": round(a.elapsed_ms, 3), "reason": a.reason}
                for a in self.attempts
            ],
            "cached": self.cached,
        }


class Spool:
    """Keeps the batches of one result: in memory while they are few, then on disk, or not at all.

    A disk that is full loses what was kept, not the stream: `failure` tells. Not thread safe.
    """

    def __init__(
        self, store: SnapshotStore | None, query_id: str, schema: pa.Schema, memory_bytes: int, *, force: bool = False
    ) -> None:
        """``store`` None keeps only the latest batch; ``force`` writes to disk from the first row on."""
        self._store = store
        self._query_id = query_id
        self._schema = schema
        self._memory_bytes = -1 if force else memory_bytes
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._writer: SnapshotWriter | None = None
        self._latest: pa.RecordBatch | None = None
        self._snapshot: MemorySnapshot | StoredSnapshot | None = None
        self.count = 0
        """Batches taken so far."""
        self.failure: SqlError | None = None
        """Why the result is not kept."""
        if store is None:
            self.failure = ResultExpiredError("the rows were asked for once and not kept", hint="run the query again")

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep a batch, if it can be kept."""
        self.count += 1
        self._latest = batch
        if self.failure is not None:
            return
        if self._writer is None:
            self._held.append(batch)
            self._held_bytes += batch.nbytes
            if self._held_bytes <= self._memory_bytes:
                return
        try:
            self._write(batch)
        except SqlError as error:
            self._give_up(error)

    def hold(self, table: pa.Table) -> None:
        """Keep a whole result that is in memory already."""
        batches = [batch for batch in table.to_batches() if batch.num_rows]
        self.count, self.failure = len(batches), None
        self._snapshot = MemorySnapshot(table.schema, batches)

    def batch(self, index: int) -> pa.RecordBatch:
        """Return a batch taken before. Raises: the `failure`, unless it is the latest."""
        if index == self.count - 1 and self._latest is not None:
            return self._latest
        if self._snapshot is not None:
            return self._snapshot.batch(index)
        if self.failure is not None:
            raise self.failure
        return self._held[index] if self._writer is None else self._writer.batch(index)

    def finish(self) -> None:
        """Make what was kept a snapshot: all rows are in."""
        if self.failure is not None:
            return
        try:
            if self._writer is None and self._memory_bytes < 0:
                self._open()
            self._snapshot = MemorySnapshot(self._schema, self._held) if self._writer is None else self._writer.finish()
        except SqlError as error:
            self._give_up(error)

    def snapshot(self) -> Snapshot:
        """Return the whole result. Raises: the `failure`."""
        if self.failure is not None:
            raise self.failure
        assert self._snapshot is not None, "finish comes first"
        return self._snapshot

    def discard(self, why: SqlError) -> None:
        """Drop what was kept and is not a whole result."""
        if self._snapshot is None and self.failure is None:
            self._give_up(why)
        self._latest = None

    def _write(self, batch: pa.RecordBatch) -> None:
        if self._writer is not None:
            self._writer.write(batch)
            return
        writer = self._open()
        for held in self._held:
            writer.write(held)
        self._held = []

    def _open(self) -> SnapshotWriter:
        assert self._store is not None
        self._writer = self._store.create(self._query_id, self._schema)
        return self._writer

    def _give_up(self, error: SqlError) -> None:
        self.failure = error
        self._held = []
        if self._writer is not None:
            self._writer.abort()
            self._writer = None


class Result:
    """The answer of one statement. Thread safe; whoever asks for rows that are not there yet does the work.

    Every way of reading gives all rows, and may be used again while they are kept. A failure on the way is
    raised by each of them; what was kept until then is dropped.
    """

    def __init__(
        self,
        execution: Execution,
        schema: pa.Schema,
        spool: Spool,
        route: Reasoned,
        *,
        plan: PlanFacts | None = None,
        update_count: int | None = None,
        message: str | None = None,
        cached: bool = False,
        engine: str = "",
    ) -> None:
        self.schema = schema
        """Names and Arrow types of the columns; empty for a statement without rows."""
        self.route = route
        """Which engine was chosen and, in ``route.reason``, why."""
        self.update_count = update_count
        """Rows changed; None for a query."""
        self.message = message
        """What a statement without rows did, in words."""
        self.cached = cached
        """True when the rows are those of an earlier query."""
        self._execution = execution
        self._spool = spool
        self._plan = plan or PlanFacts()
        self._engine = engine
        self._lock = threading.Lock()
        self._rows = 0
        self._source: Iterator[pa.RecordBatch] | None = execution.batches()
        self._error: SqlError | None = None

    @classmethod
    def running(
        cls,
        execution: Execution,
        route: Reasoned,
        store: SnapshotStore | None,
        *,
        memory_bytes: int,
        force_spool: bool = False,
        plan: PlanFacts | None = None,
    ) -> Self:
        """Return the result of an execution whose `run` returned; ``store`` None keeps no rows."""
        spool = Spool(store, execution.query_id, execution.schema, memory_bytes, force=force_spool)
        return cls(execution, execution.schema, spool, route, plan=plan)

    @classmethod
    def of_table(
        cls,
        query_id: str,
        table: pa.Table,
        *,
        engine: str,
        reason: str,
        message: str | None = None,
        update_count: int | None = None,
        execution: Execution | None = None,
    ) -> Self:
        """Return rows that are there already."""
        execution = execution or Execution(query_id)
        spool = Spool(None, query_id, table.schema, 0)
        result = cls(
            execution, table.schema, spool, Reason(reason), message=message, update_count=update_count, engine=engine
        )
        result._rows = table.num_rows
        result._source = None
        spool.hold(table)
        execution.finish()
        return result

    @classmethod
    def of_message(
        cls,
        query_id: str,
        message: str,
        *,
        engine: str,
        reason: str,
        update_count: int | None = None,
        execution: Execution | None = None,
    ) -> Self:
        """Return the answer of a statement without rows."""
        return cls.of_table(
            query_id,
            pa.schema([]).empty_table(),
            engine=engine,
            reason=reason,
            message=message,
            update_count=update_count,
            execution=execution,
        )

    @property
    def query_id(self) -> str:
        return self._execution.query_id

    @property
    def execution(self) -> Execution:
        return self._execution

    @property
    def state(self) -> State:
        return self._execution.state

    @property
    def engine(self) -> str:
        """The engine that answered."""
        return self._execution.engine or self._engine

    @property
    def row_count(self) -> int | None:
        """Rows of the result; None until the last is there."""
        return self._rows if self._source is None and self._error is None else None

    @property
    def stats(self) -> QueryStats:
        """The query in numbers, so far."""
        execution = self._execution
        return QueryStats(
            query_id=execution.query_id,
            engine=self.engine,
            reason=execution.handovers or self.route.reason,
            state=execution.state.value,
            rows=self.row_count,
            elapsed_ms=execution.elapsed_ms,
            plan=self._plan,
            attempts=execution.attempts,
            cached=self.cached,
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows as record batches, each under exactly `schema`; none is empty.

        Raises: what the engine raises; ResultExpiredError or DiskFullError when read again and not kept.
        """
        if self._error is not None:
            raise self._error
        index = 0
        while (batch := self._batch(index)) is not None:
            yield batch
            index += 1

    def arrow(self) -> pa.Table:
        """Return all rows as one Arrow table. Raises: as `batches`."""
        return pa.Table.from_batches(self.batches(), self.schema)

    def fetchall(self) -> list[Row]:
        """Return all rows as tuples of Python values. Raises: as `batches`."""
        return [
            row
            for batch in self.batches()
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        ]

    def df(self) -> "pd.DataFrame":
        """Return all rows as a pandas DataFrame; integers and booleans keep NULL and all their digits.

        Raises: as `batches`.
        """
        import pandas as pd

        exact = {
            pa.bool_(): pd.BooleanDtype(),
            pa.int8(): pd.Int8Dtype(),
            pa.int16(): pd.Int16Dtype(),
            pa.int32(): pd.Int32Dtype(),
            pa.int64(): pd.Int64Dtype(),
        }
        table = self.arrow()
        names = [str(index) for index in range(len(table.schema))]  # two columns may have one name
        frame: pd.DataFrame = table.rename_columns(names).to_pandas(types_mapper=exact.get)
        frame.columns = pd.Index(table.schema.names)
        return frame

    def snapshot(self) -> Snapshot:
        """Return the whole result for paging, once the last row is in; does what work is left.

        Raises: as `batches`.
        """
        self.complete()
        return self._spool.snapshot()

    def complete(self) -> None:
        """Return when the last row is in. Raises: what the engine raises."""
        for _ in iter(self._advance, False):
            pass
        if self._error is not None:
            raise self._error

    def run_ahead(self) -> threading.Thread:
        """Work on a thread of its own, whether or not anyone reads; a failure waits for who reads."""

        def work() -> None:
            for _ in iter(self._advance, False):
                pass

        thread = threading.Thread(target=work, name=f"headgate-{self.query_id}", daemon=True)
        thread.start()
        return thread

    def cancel(self) -> None:
        """Stop the query, from any thread; no effect when it ended."""
        self._execution.cancel()

    def progress(self) -> Progress:
        return self._execution.progress()

    def close(self) -> None:
        """Stop what runs and free the rows in memory; a snapshot on disk stays for its age. Idempotent."""
        self._execution.close()
        with self._lock:
            if self._source is not None:
                self._source.close()  # type: ignore[attr-defined]
                self._source = None
                self._error = self._error or self._execution.error
            self._spool.discard(ResultExpiredError("the result is closed"))

    def __del__(self) -> None:
        # Nobody can ask for the rows any more, and the engine holds the query open for whoever may.
        if getattr(self, "_source", None) is not None:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _batch(self, index: int) -> pa.RecordBatch | None:
        with self._lock:
            while index >= self._spool.count and self._pull():
                pass
            if self._error is not None:
                raise self._error
            return self._spool.batch(index) if index < self._spool.count else None

    def _advance(self) -> bool:
        with self._lock:
            return self._pull()

    def _pull(self) -> bool:
        """Take one batch from the engine; False when there is none to come."""
        if self._source is None:
            return False
        try:
            batch = next(self._source, None)
        except BaseException as error:
            self._source = None
            self._error = error if isinstance(error, SqlError) else self._execution.error
            self._spool.discard(ResultExpiredError("the query failed before its last row"))
            if isinstance(error, SqlError):
                return False
            raise
        if batch is None:
            self._source = None
            self._spool.finish()
            return False
        self._rows += batch.num_rows
        self._spool.add(batch)
        return True
