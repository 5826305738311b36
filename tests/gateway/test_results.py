"""Results: every row once while they come, the same rows again afterwards, and never half a result as whole."""

import datetime
import decimal
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import DiskFullError, FileAccessError, SqlError
from catalog.store import WriteTarget
from gateway import errors
from gateway.engines.base import Capabilities, EngineQuery, EngineStatus, Health, Progress, RunMetrics, WriteRun
from gateway.execution import Attempt, Execution, State
from gateway.results import PlanFacts, Result, SnapshotStore
from gateway.snapshots import MAGIC, MemorySnapshot, StoredSnapshot

BIG = 1 << 40


@dataclass
class FakeEngine:
    """Answers any query with given batches, then perhaps an error."""

    schema: pa.Schema
    rows: list[pa.RecordBatch]
    error: SqlError | None = None
    pulled: int = 0

    name = "fake"
    capabilities = Capabilities(frozenset(), frozenset(), 0, 1, False)

    def status(self) -> EngineStatus:
        return EngineStatus(Health.READY)

    def warm(self) -> None: ...

    def start(self, query: EngineQuery, *, timeout_seconds: float | None = None) -> "FakeEngine":
        assert query.sql == "q"
        assert timeout_seconds is None
        return self

    def write(self, query: EngineQuery, target: WriteTarget, *, timeout_seconds: float | None = None) -> WriteRun:
        raise NotImplementedError

    def close(self) -> None: ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self.rows:
            self.pulled += 1
            yield batch
        if self.error is not None:
            raise self.error

    def cancel(self) -> None: ...

    def progress(self) -> Progress:
        return Progress(0.5)

    def metrics(self) -> RunMetrics:
        return RunMetrics()


@dataclass(frozen=True)
class Route:
    reason: str = "because"


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "spool", BIG, 3600.0)


def numbers(count: int = 5, size: int = 10) -> FakeEngine:
    schema = pa.schema([("n", pa.int64())])
    return FakeEngine(
        schema, [pa.record_batch([list(range(at * size, (at + 1) * size))], schema=schema) for at in range(count)]
    )


def run(
    engine: FakeEngine,
    store: SnapshotStore | None,
    *,
    memory_bytes: int = BIG,
    force_spool: bool = False,
    query_id: str = "q1",
    plan: PlanFacts | None = None,
) -> Result:
    execution = Execution(query_id)
    execution.run([Attempt(engine, EngineQuery("q", schema=engine.schema), "chosen")])
    return Result.running(execution, Route(), store, memory_bytes=memory_bytes, force_spool=force_spool, plan=plan)


def column(batches: Iterator[pa.RecordBatch]) -> list[int]:
    return [value for batch in batches for value in batch.column(0).to_pylist()]


WAYS = {"memory": (BIG, False), "disk": (0, False), "over the edge": (100, False), "forced": (BIG, True)}


@pytest.mark.parametrize("way", WAYS)
def test_rows_come_once_as_they_are_made_and_again_as_they_were(store: SnapshotStore, way: str) -> None:
    memory_bytes, force = WAYS[way]
    engine = numbers()
    result = run(engine, store, memory_bytes=memory_bytes, force_spool=force)
    assert result.row_count is None
    live = result.batches()
    next(live)
    assert engine.pulled == 1, "no row is made before it is asked for"
    assert column(live) == list(range(10, 50))
    assert result.row_count == 50
    assert column(result.batches()) == list(range(50))
    assert result.fetchall() == [(n,) for n in range(50)]
    assert result.arrow()["n"].to_pylist() == list(range(50))
    assert engine.pulled == 5
    assert result.snapshot().record_count == 50
    assert isinstance(result.snapshot(), MemorySnapshot if way == "memory" else StoredSnapshot)
    assert [path.suffix for path in store.folder.glob("*")] == ([] if way == "memory" else [".hgresult"])


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_that_stopped_halfway_costs_the_next_one_nothing(store: SnapshotStore, way: str) -> None:
    memory_bytes, force = WAYS[way]
    result = run(numbers(), store, memory_bytes=memory_bytes, force_spool=force)
    first = result.batches()
    assert column(iter([next(first), next(first)])) == list(range(20))
    second = result.batches()
    assert column(iter([next(second)])) == list(range(10))
    assert result.fetchall() == [(n,) for n in range(50)]
    assert column(first) == list(range(20, 50))
    assert column(second) == list(range(10, 50))


@pytest.mark.parametrize("way", WAYS)
def test_several_threads_read_the_same_rows(store: SnapshotStore, way: str) -> None:
    memory_bytes, force = WAYS[way]
    result = run(numbers(200), store, memory_bytes=memory_bytes, force_spool=force)
    seen: list[list[int]] = []
    threads = [threading.Thread(target=lambda: seen.append(column(result.batches()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [list(range(2000))] * 4


@pytest.mark.parametrize("offset", [0, 1, 9, 10, 11, 25, 49, 50, 60])
@pytest.mark.parametrize("limit", [None, 0, 1, 10, 15, 100])
@pytest.mark.parametrize("memory_bytes", [0, BIG])
def test_a_snapshot_is_read_from_any_row(
    store: SnapshotStore, offset: int, limit: int | None, memory_bytes: int
) -> None:
    snapshot = run(numbers(), store, memory_bytes=memory_bytes).snapshot()
    end = 50 if limit is None else offset + limit
    assert column(snapshot.batches(offset, limit)) == list(range(50))[offset:end]


AWKWARD = pa.schema(
    [
        pa.field("i", pa.int64(), nullable=False, metadata={"comment": "é"}),
        pa.field("d", pa.decimal128(38, 10)),
        pa.field("s", pa.string()),
        pa.field("b", pa.binary()),
        pa.field("ts", pa.timestamp("us", tz="UTC")),
        pa.field("ntz", pa.timestamp("us")),
        pa.field("day", pa.date32()),
        pa.field("l", pa.list_(pa.struct([("x", pa.int32()), ("m", pa.map_(pa.string(), pa.float64()))]))),
        pa.field("f", pa.float64()),
        pa.field("iv", pa.duration("us")),
        pa.field("ym", pa.month_day_nano_interval()),
        pa.field("n", pa.null()),
        pa.field("i", pa.string()),
    ],
    metadata={"of": "the result"},
)
AWKWARD_ROWS = [
    pa.array([9223372036854775807, -1, 0]),
    pa.array([decimal.Decimal("1234567890123456789012345678.0000000001"), None, decimal.Decimal(0)], AWKWARD[1].type),
    pa.array(["", None, "it's ✓\n\0"]),
    pa.array([b"", None, b"\xff\x00"]),
    pa.array([datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, datetime.UTC), None, None], AWKWARD[4].type),
    pa.array([datetime.datetime(1, 1, 1), None, None], AWKWARD[5].type),
    pa.array([datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]),
    pa.array([[], None, [{"x": None, "m": [("k", float("inf"))]}, None]], AWKWARD[7].type),
    pa.array([float("nan"), None, -0.0]),
    pa.array([datetime.timedelta(microseconds=-1), None, datetime.timedelta(days=400)], AWKWARD[9].type),
    pa.array([pa.MonthDayNano([1, 0, 0]), None, pa.MonthDayNano([-13, 0, 0])], AWKWARD[10].type),
    pa.nulls(3),
    pa.array([None, "second of its name", ""]),
]


@pytest.mark.parametrize("compression", ["lz4", "zstd", None])
def test_every_type_survives_the_disk_exactly(tmp_path: Path, compression: str | None) -> None:
    batch = pa.RecordBatch.from_arrays(AWKWARD_ROWS, schema=AWKWARD)
    store = SnapshotStore(tmp_path, BIG, 3600.0, compression)
    result = run(FakeEngine(AWKWARD, [batch, batch.slice(1, 1)]), store, memory_bytes=0)
    result.complete()
    stored = store.open("q1")
    assert stored.schema.equals(AWKWARD, check_metadata=True)
    again = list(stored.batches())
    assert [one.num_rows for one in again] == [3, 1]
    for before, after in zip([batch, batch.slice(1, 1)], again, strict=True):
        after.validate(full=True)
        assert after.schema.equals(AWKWARD, check_metadata=True)
        assert list(map(str, before.columns)) == list(map(str, after.columns))


@pytest.mark.parametrize("force", [True, False])
def test_no_rows_are_a_result_too(store: SnapshotStore, force: bool) -> None:
    result = run(FakeEngine(AWKWARD, []), store, force_spool=force)
    assert result.fetchall() == []
    assert result.arrow().schema.equals(AWKWARD, check_metadata=True)
    assert list(result.snapshot().batches()) == []
    if force:
        assert store.open("q1").schema.equals(AWKWARD, check_metadata=True)


def test_a_data_frame_keeps_integers_nulls_and_equal_names() -> None:
    table = pa.table(
        [pa.array([9007199254740993, None]), pa.array([True, None]), pa.array(["a", None])], names=["a", "b", "a"]
    )
    frame = Result.of_table("q1", table, engine="catalog", reason="x").df()
    assert list(frame.columns) == ["a", "b", "a"]
    assert int(frame.iloc[0, 0]) == 9007199254740993
    assert frame.isna().iloc[1].all()


@pytest.mark.parametrize("memory_bytes", [0, BIG])
def test_an_error_midway_is_raised_and_no_snapshot_is_offered(store: SnapshotStore, memory_bytes: int) -> None:
    engine = numbers(3)
    engine.error = errors.DivisionByZeroError("in row 31")
    result = run(engine, store, memory_bytes=memory_bytes)
    live, got = result.batches(), []
    with pytest.raises(errors.DivisionByZeroError, match="row 31"):
        got.extend(column(live))
    assert result.state is State.FAILED
    assert result.row_count is None
    for again in (result.fetchall, result.arrow, result.snapshot, lambda: list(result.batches())):
        with pytest.raises(errors.DivisionByZeroError):
            again()
    assert list(store.folder.glob("*")) == []
    with pytest.raises(errors.ResultExpiredError):
        store.open("q1")


def test_rows_that_are_not_kept_are_read_once() -> None:
    result = run(numbers(), None)
    assert column(result.batches()) == list(range(50))
    assert result.row_count == 50
    with pytest.raises(errors.ResultExpiredError):
        result.fetchall()
    with pytest.raises(errors.ResultExpiredError):
        result.snapshot()


def test_closing_midway_cancels_and_leaves_nothing(store: SnapshotStore) -> None:
    with run(numbers(), store, memory_bytes=0) as result:
        next(result.batches())
    assert result.state is State.CANCELED
    assert list(store.folder.glob("*")) == []
    with pytest.raises(errors.QueryCanceledError):
        result.fetchall()
    result.close()


def test_a_result_that_nobody_holds_ends_its_query(store: SnapshotStore) -> None:
    result = run(numbers(), store, memory_bytes=0)
    execution = result.execution
    next(result.batches())
    del result
    assert execution.state is State.CANCELED
    assert list(store.folder.glob("*")) == []


def test_closing_at_the_end_keeps_the_snapshot(store: SnapshotStore) -> None:
    with run(numbers(), store, memory_bytes=0) as result:
        result.complete()
    assert column(store.open("q1").batches()) == list(range(50))


def test_cancel_reaches_the_reader(store: SnapshotStore) -> None:
    result = run(numbers(), store)
    live = result.batches()
    next(live)
    result.cancel()
    with pytest.raises(errors.QueryCanceledError):
        next(live)
    assert result.stats.state == "CANCELED"


def test_running_ahead_makes_the_snapshot_whether_or_not_anyone_reads(store: SnapshotStore) -> None:
    result = run(numbers(), store, force_spool=True)
    result.run_ahead().join()
    assert result.state is State.FINISHED
    assert column(store.open("q1").batches()) == list(range(50))
    assert column(result.batches()) == list(range(50))


def test_running_ahead_keeps_a_failure_for_who_reads(store: SnapshotStore) -> None:
    engine = numbers()
    engine.error = errors.EngineDiedError("gone")
    result = run(engine, store)
    result.run_ahead().join()
    with pytest.raises(errors.EngineDiedError):
        result.fetchall()


def test_stats_are_those_of_the_interface(store: SnapshotStore) -> None:
    facts = PlanFacts(files_total=9, files_planned=2, bytes_planned=100, predicted_ms={"duckdb": 1.0})
    result = run(numbers(), store, plan=facts)
    assert result.progress().fraction == 0.5
    result.complete()
    stats = result.stats.as_dict()
    assert stats.pop("elapsed_ms") >= 0
    assert stats["attempts"][0].pop("elapsed_ms") >= 0
    assert stats == {
        "query_id": "q1",
        "engine": "fake",
        "reason": "because",
        "state": "FINISHED",
        "rows": 50,
        "files_total": 9,
        "files_planned": 2,
        "bytes_planned": 100,
        "predicted_ms": {"duckdb": 1.0},
        "attempts": [{"engine": "fake", "state": "FINISHED", "reason": "chosen"}],
        "cached": False,
    }


def test_answers_without_an_engine() -> None:
    done = Result.of_message("q1", "CREATE TABLE", engine="catalog", reason="changes no data")
    assert (done.message, done.fetchall(), done.row_count, done.update_count) == ("CREATE TABLE", [], 0, None)
    assert (done.state, done.engine, done.route.reason) == (State.FINISHED, "catalog", "changes no data")
    shown = Result.of_table("q2", pa.table({"a": [1, 2]}), engine="catalog", reason="x", update_count=2)
    assert shown.fetchall() == [(1,), (2,)]
    assert shown.snapshot().record_count == 2
    assert shown.stats.rows == 2


def stored(store: SnapshotStore, query_id: str, count: int = 5) -> StoredSnapshot:
    result = run(numbers(count), store, memory_bytes=0, query_id=query_id)
    result.complete()
    return store.open(query_id)


def test_beyond_the_quota_what_was_read_longest_ago_goes_first(tmp_path: Path) -> None:
    size = stored(SnapshotStore(tmp_path / "probe", BIG, 3600.0), "probe").size_bytes
    store = SnapshotStore(tmp_path / "spool", size * 3 + size // 2, 3600.0)
    for at, query_id in enumerate("abc"):
        stored(store, query_id)
        os.utime(store.path(query_id), (1_000_000_000 + at, time.time()))
    held = store.open("b")
    os.utime(store.path("b"), (1_000_000_001, time.time()))
    store.open("a")  # read now, so b is next
    stored(store, "d")
    assert sorted(path.stem for path in store.folder.iterdir()) == ["a", "c", "d"]
    assert column(held.batches()) == list(range(50)), "who reads it keeps it"
    with pytest.raises(errors.ResultExpiredError):
        store.open("b")


def test_a_result_larger_than_the_quota_streams_on_and_is_not_kept(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path, 600, 3600.0)
    result = run(numbers(50), store, memory_bytes=0)
    assert column(result.batches()) == list(range(500))
    with pytest.raises(DiskFullError, match="quota"):
        result.snapshot()
    assert list(tmp_path.iterdir()) == []


def test_what_is_past_its_age_goes(store: SnapshotStore) -> None:
    stored(store, "old")
    stored(store, "new")
    brief = SnapshotStore(store.folder, BIG, -1.0)
    with pytest.raises(errors.ResultExpiredError, match="old"):
        brief.open("old")
    assert [path.stem for path in store.folder.iterdir()] == ["new"]
    assert brief.clean() == 1
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize("query_id", ["", "../x", "a/b", "a.b", "nobody", "a" * 500, "é"])
def test_what_is_no_kept_query_is_an_expired_one(store: SnapshotStore, query_id: str) -> None:
    with pytest.raises(errors.ResultExpiredError):
        store.open(query_id)


@pytest.mark.parametrize("damage", ["cut", "empty", "tail", "other"])
def test_a_damaged_snapshot_is_never_half_an_answer(store: SnapshotStore, damage: str) -> None:
    stored(store, "q")
    path = store.path("q")
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-1], "empty": b"", "tail": content + b"\0", "other": b"x" * 100 + MAGIC}[damage])
    with pytest.raises(errors.ResultExpiredError):
        store.open("q")


SPOOLING = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa
from gateway.snapshots import SnapshotStore

store = SnapshotStore(Path(sys.argv[1]), 1 << 40, 3600.0)
schema = pa.schema([("n", pa.int64())])
writer = store.create("killed", schema)
for _ in range(3):
    writer.write(pa.record_batch([list(range(1000))], schema=schema))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_writer_that_is_killed_leaves_debris_that_goes_and_no_snapshot(store: SnapshotStore) -> None:
    done = subprocess.run([sys.executable, "-c", SPOOLING, str(store.folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.suffix for path in store.folder.iterdir()] == [".part"]
    with pytest.raises(errors.ResultExpiredError):
        store.open("killed")
    living = store.create("living", pa.schema([("n", pa.int64())]))
    stored(store, "q")
    assert sorted(path.name.partition(".")[0] for path in store.folder.iterdir()) == ["living", "q"]
    living.abort()
    living.abort()
    assert [path.stem for path in store.folder.iterdir()] == ["q"]


@pytest.fixture
def tiny_disk() -> Iterator[None]:
    """Let this process write no file beyond 20 kB: to a writer it is a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.usefixtures("tiny_disk")
def test_a_disk_that_fills_up_costs_the_snapshot_not_the_rows(store: SnapshotStore) -> None:
    result = run(numbers(100, 1000), store, memory_bytes=0)
    assert column(result.batches()) == list(range(100_000))
    assert result.state is State.FINISHED
    assert result.row_count == 100_000
    with pytest.raises(DiskFullError, match="full"):
        result.fetchall()
    with pytest.raises(DiskFullError):
        result.snapshot()
    assert list(store.folder.iterdir()) == []


def test_a_spool_folder_that_cannot_be_used_costs_the_snapshot_not_the_rows(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(numbers(), SnapshotStore(tmp_path / "file" / "spool", BIG, 3600.0), memory_bytes=0)
    assert column(result.batches()) == list(range(50))
    with pytest.raises(FileAccessError):
        result.snapshot()


def test_a_snapshot_is_read_without_taking_it_into_memory(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path, BIG, 3600.0, compression=None)
    snapshot = stored(store, "q", 300)
    before = pa.total_allocated_bytes()
    kept = list(snapshot.batches(1000, 1000))
    assert sum(batch.num_rows for batch in kept) == 1000
    assert pa.total_allocated_bytes() - before < 1000
