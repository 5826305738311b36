"""The life of a query: states in order, cancel and deadline at every point, and handover before the first row only."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import DiskFullError, SqlError
from catalog.store import WriteTarget
from gateway import errors
from gateway.engines.base import (
    Capabilities,
    EngineQuery,
    EngineStatus,
    Health,
    Progress,
    RunMetrics,
    WriteRun,
)
from gateway.engines.duckdb import DuckDBEngine
from gateway.execution import HANDOVER_ERRORS, Attempt, Execution, State
from gateway.home import open_home
from gateway.settings import resolve

SCHEMA = pa.schema([("n", pa.int64())])


def rows(*values: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(values)}, schema=SCHEMA)


Step = pa.RecordBatch | BaseException | Callable[[], None]


@dataclass
class FakeRun:
    """Yields batches, raises errors and calls what it is given, in order; waits at none of them."""

    steps: list[Step]
    schema: pa.Schema = SCHEMA
    canceled: threading.Event = field(default_factory=threading.Event)
    closed: bool = False
    fractions: list[float] = field(default_factory=list)

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for step in self.steps:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, pa.RecordBatch):
                    yield step
                else:
                    step()
                if self.canceled.is_set():
                    raise errors.QueryCanceledError("stopped by the engine")
        finally:
            self.closed = True

    def cancel(self) -> None:
        self.canceled.set()

    def progress(self) -> Progress:
        return Progress(self.fractions.pop(0) if self.fractions else None)

    def metrics(self) -> RunMetrics:
        return RunMetrics(rows_read=7)


@dataclass
class FakeEngine:
    """Starts the run it was given, or fails to."""

    name: str
    run: FakeRun
    start_error: Exception | None = None
    on_start: Callable[[], None] | None = None
    started: int = 0
    query: EngineQuery | None = None
    timeout_seconds: float | None = None

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(frozenset(), frozenset(), 0, 1, False)

    def status(self) -> EngineStatus:
        return EngineStatus(Health.READY)

    def warm(self) -> None: ...

    def start(self, query: EngineQuery, *, timeout_seconds: float | None = None) -> FakeRun:
        self.started += 1
        self.query = query
        self.timeout_seconds = timeout_seconds
        if self.on_start is not None:
            self.on_start()
        if self.start_error is not None:
            raise self.start_error
        return self.run

    def write(self, query: EngineQuery, target: WriteTarget, *, timeout_seconds: float | None = None) -> WriteRun:
        raise NotImplementedError

    def close(self) -> None: ...


def engine(name: str, *steps: Step) -> FakeEngine:
    return FakeEngine(name, FakeRun(list(steps)))


def attempts(*engines: FakeEngine) -> list[Attempt]:
    return [Attempt(one, EngineQuery("q", schema=SCHEMA), f"chose {one.name}") for one in engines]


def values(execution: Execution) -> list[int]:
    return [value for batch in execution.batches() for value in batch["n"].to_pylist()]


def test_a_query_goes_through_its_states_in_order_and_tells_them() -> None:
    execution = Execution("q1")
    seen: list[State] = []
    execution.observe(lambda _, state: seen.append(state))
    execution.planning()
    execution.run(attempts(engine("a", rows(1, 2), rows(), rows(3))))
    assert execution.state is State.RUNNING
    assert execution.attempts[0].state == "RUNNING"
    assert values(execution) == [1, 2, 3]
    assert seen == [State.PLANNING, State.RUNNING, State.FINISHED]
    assert execution.engine == "a"
    assert execution.submitted_at <= execution.started_at <= execution.ended_at  # type: ignore[operator]
    (record,) = execution.attempts
    assert (record.engine, record.state, record.reason) == ("a", "FINISHED", "chose a")
    assert 0 <= record.elapsed_ms <= execution.elapsed_ms
    assert execution.metrics().rows_read == 7
    stopped = execution.elapsed_ms
    assert execution.elapsed_ms == stopped


def test_an_answer_without_rows_is_finished_at_once() -> None:
    execution = Execution("q1")
    execution.run(attempts(engine("a", rows(), rows())))
    assert execution.state is State.FINISHED
    assert execution.schema == SCHEMA
    assert values(execution) == []


def test_an_observer_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    execution = Execution("q1")
    seen: list[State] = []

    def broken(_: Execution, state: State) -> None:
        raise RuntimeError(state.value)

    execution.observe(broken)
    execution.observe(lambda _, state: seen.append(state))
    execution.run(attempts(engine("a", rows(1))))
    assert values(execution) == [1]
    assert seen == [State.RUNNING, State.FINISHED]
    assert "observer" in caplog.text


@pytest.mark.parametrize("failure", HANDOVER_ERRORS)
@pytest.mark.parametrize("where", ["start", "first"])
def test_an_engine_that_gives_up_before_its_first_row_hands_over(failure: type[SqlError], where: str) -> None:
    first, second = engine("a", rows(), failure("no room")), engine("b", rows(5))
    if where == "start":
        first.start_error = failure("no room")
    execution = Execution("q1")
    execution.run(attempts(first, second))
    assert values(execution) == [5]
    assert execution.engine == "b"
    assert [(record.engine, record.state) for record in execution.attempts] == [("a", "FAILED"), ("b", "FINISHED")]
    assert execution.attempts[0].reason == "chose a; gave up: no room"
    if where == "first":
        assert first.run.closed
        assert first.run.canceled.is_set()


@pytest.mark.parametrize(
    "failure",
    [
        errors.DivisionByZeroError,
        errors.NotSupportedError,
        errors.EngineFaultError,
        errors.DeadlineExceededError,
        errors.QueryCanceledError,
    ],
)
def test_a_failure_of_the_query_itself_is_the_answer(failure: type[SqlError]) -> None:
    first, second = engine("a", failure("so it is")), engine("b", rows(5))
    execution = Execution("q1")
    with pytest.raises(failure, match="so it is"):
        execution.run(attempts(first, second))
    assert second.started == 0
    assert execution.state is (State.CANCELED if failure is errors.QueryCanceledError else State.FAILED)
    assert isinstance(execution.error, failure)
    with pytest.raises(failure):
        values(execution)


def test_after_a_row_has_left_nobody_else_goes_on() -> None:
    first, second = engine("a", rows(1), errors.OutOfMemoryError("full")), engine("b", rows(1), rows(2))
    execution = Execution("q1")
    execution.run(attempts(first, second))
    got: list[int] = []
    with pytest.raises(errors.OutOfMemoryError, match="full"):
        got.extend(value for batch in execution.batches() for value in batch["n"].to_pylist())
    assert got == [1]
    assert second.started == 0
    assert execution.state is State.FAILED
    with pytest.raises(errors.OutOfMemoryError):
        values(execution)


def test_when_all_give_up_the_first_failure_is_told() -> None:
    execution = Execution("q1")
    given_up = engine("a", errors.OutOfMemoryError("full")), engine("b", errors.EngineDiedError("gone"))
    with pytest.raises(errors.OutOfMemoryError, match="full"):
        execution.run(attempts(*given_up))
    assert [record.state for record in execution.attempts] == ["FAILED", "FAILED"]
    assert execution.state is State.FAILED
    assert execution.engine == "b"


def test_the_second_engine_may_find_that_the_query_is_wrong() -> None:
    execution = Execution("q1")
    with pytest.raises(errors.DivisionByZeroError):
        execution.run(attempts(engine("a", DiskFullError("full")), engine("b", errors.DivisionByZeroError("1/0"))))


def test_another_schema_from_the_next_engine_is_a_fault() -> None:
    other = FakeEngine("b", FakeRun([], schema=pa.schema([("n", pa.int32())])))
    execution = Execution("q1")
    with pytest.raises(errors.EngineFaultError, match="other columns"):
        execution.run(attempts(engine("a", errors.OutOfMemoryError("full")), other))


def test_what_is_no_sql_error_becomes_a_fault_with_its_cause() -> None:
    execution = Execution("q1")
    with pytest.raises(errors.EngineFaultError, match="KeyError") as caught:
        execution.run(attempts(engine("a", KeyError("x"))))
    assert isinstance(caught.value.__cause__, KeyError)


def test_ctrl_c_stops_the_engine_and_passes_on() -> None:
    first = engine("a", KeyboardInterrupt())
    execution = Execution("q1")
    with pytest.raises(KeyboardInterrupt):
        execution.run(attempts(first))
    assert first.run.canceled.is_set()
    assert execution.state is State.CANCELED


@pytest.mark.parametrize("state", ["queued", "planning", "starting", "computing", "between", "finished"])
def test_cancel_works_in_every_state(state: str) -> None:
    execution = Execution("q1")
    one = engine("a", rows(1), rows(2))
    if state == "starting":
        one.on_start = execution.cancel
    if state == "computing":
        one.run.steps.insert(0, execution.cancel)
    if state in ("queued", "planning"):
        if state == "planning":
            execution.planning()
        execution.cancel()
        with pytest.raises(errors.QueryCanceledError):
            execution.run(attempts(one))
        assert one.started == 0
    elif state in ("starting", "computing"):
        with pytest.raises(errors.QueryCanceledError):
            execution.run(attempts(one))
        assert one.run.canceled.is_set()
    elif state == "between":
        execution.run(attempts(one))
        execution.cancel()
        assert one.run.closed
        with pytest.raises(errors.QueryCanceledError):
            values(execution)
    else:
        execution.run(attempts(one))
        assert values(execution) == [1, 2]
        execution.cancel()
        assert execution.state is State.FINISHED
        return
    assert execution.state is State.CANCELED
    execution.cancel()
    with pytest.raises(errors.QueryCanceledError):
        values(execution)


def test_cancel_never_waits_for_the_thread_that_works() -> None:
    inside, leave = threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        leave.wait()

    execution = Execution("q1")
    one = engine("a", wait, rows(1))
    outcome: list[SqlError] = []

    def work() -> None:
        try:
            execution.run(attempts(one))
        except SqlError as error:
            outcome.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    inside.wait()
    execution.cancel()
    assert execution.state is State.CANCELED
    assert one.run.canceled.is_set()
    leave.set()
    worker.join()
    assert isinstance(outcome[0], errors.QueryCanceledError)
    assert one.run.closed


def test_a_canceled_query_is_not_handed_over() -> None:
    execution = Execution("q1")
    first, second = engine("a", execution.cancel, errors.OutOfMemoryError("full")), engine("b", rows(5))
    with pytest.raises(errors.QueryCanceledError):
        execution.run(attempts(first, second))
    assert second.started == 0


def test_the_deadline_holds_over_the_whole() -> None:
    execution = Execution("q1", timeout_seconds=0)
    one = engine("a", rows(1))
    with pytest.raises(errors.DeadlineExceededError):
        execution.planning()
    assert execution.state is State.FAILED
    with pytest.raises(errors.DeadlineExceededError):
        execution.run(attempts(one))
    assert one.started == 0


def test_an_engine_gets_the_time_that_is_left_and_the_consumer_no_more() -> None:
    execution = Execution("q1", timeout_seconds=100)
    one = engine("a", rows(1), rows(2))
    execution.run(attempts(one))
    assert one.timeout_seconds is not None
    assert 0 < one.timeout_seconds <= 100
    execution._deadline = time.monotonic()
    with pytest.raises(errors.DeadlineExceededError):
        values(execution)
    assert one.run.closed


def test_closing_the_rows_early_cancels() -> None:
    execution = Execution("q1")
    one = engine("a", rows(1), rows(2))
    execution.run(attempts(one))
    batches = execution.batches()
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert execution.state is State.CANCELED
    assert one.run.closed


def test_progress_never_falls() -> None:
    execution = Execution("q1")
    assert execution.progress() == Progress(None, "queued")
    one = engine("a", rows(1))
    one.run.fractions = [0.5, 0.3, 0.9]
    execution.run(attempts(one))
    assert [execution.progress().fraction for _ in range(3)] == [0.5, 0.5, 0.9]
    values(execution)
    assert execution.progress().fraction == 1.0


def test_what_needs_no_engine_finishes_or_fails_too() -> None:
    done = Execution("q1")
    done.finish()
    assert (done.state, done.engine, done.attempts) == (State.FINISHED, "", ())
    failed = Execution("q2")
    failed.fail(errors.SqlSyntaxError("no"))
    failed.finish()
    assert failed.state is State.FAILED
    assert values(done) == []


def test_duckdb_out_of_memory_goes_to_the_next_engine(tmp_path: Path) -> None:
    settings = resolve({"duckdb.memory_limit": "30MB", "duckdb.temp_limit": "1KB", "duckdb.threads": "1"})
    small = DuckDBEngine(settings, open_home(tmp_path))
    query = EngineQuery("select distinct range as n from range(20000000)", schema=SCHEMA)
    big = engine("b", rows(5))
    execution = Execution("q1")
    execution.run([Attempt(small, query, "small"), Attempt(big, query, "after it")])
    assert values(execution) == [5]
    assert [record.engine for record in execution.attempts] == ["duckdb", "b"]
    assert "memory" in execution.attempts[0].reason
    small.close()
