"""Turns and scripts against a hand-written gateway; the real one is in tests/e2e."""

import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from catalog.errors import CommitConflictError, SqlError, TableNotFoundError
from catalog.identifiers import Namespace
from gateway.engines.base import Progress
from gateway.errors import QueryCanceledError, SqlSyntaxError
from gateway.formats import FormatOptions
from gateway.history import QueryRecord
from gateway.results import PlanFacts, QueryStats
from gateway.session import Session
from repl.exits import DONE, FAILED, RETRY, ClosedOutputError, UsageError
from repl.session import Manner, ReplSession
from repl.terminal import Terminal


def stats_of(rows: int | None, engine: str, reason: str, plan: PlanFacts) -> QueryStats:
    return QueryStats("q", engine, reason, "FINISHED", rows, 8.0, plan, (), cached=False)


SMALL = stats_of(1, "duckdb", "small scan", PlanFacts(120, 3, 4_100_000, 1_200_000_000))


@dataclass
class FakeResult:
    schema: pa.Schema = field(default_factory=lambda: pa.schema([("n", pa.int64())]))
    values: tuple[int, ...] = (1,)
    failure: SqlError | None = None
    message: str | None = None
    update_count: int | None = None
    stats: QueryStats = SMALL
    closed: bool = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array(self.values, pa.int64())], schema=self.schema)
        if self.failure:
            raise self.failure

    def progress(self) -> Progress:
        return Progress(0.5, "half")

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeHistory:
    found: QueryRecord | None = None

    def find(self, _query_id: str) -> QueryRecord | None:
        return self.found


class FakeGateway:
    """Runs each statement's text through one function."""

    def __init__(self, answer: Callable[[str, Session], FakeResult]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.results: list[FakeResult] = []
        self.canceled = threading.Event()
        self.history = FakeHistory()

    def new_query_id(self) -> str:
        return f"q{len(self.asked)}"

    def execute(self, session: Session, text: str, **_options: object) -> FakeResult:
        self.asked.append(text.strip())
        self.results.append(self.answer(text.strip(" \n;"), session))
        return self.results[-1]

    def cancel(self, _query_id: str) -> bool:
        self.canceled.set()
        return True


class FakeOutput:
    """Keeps rows as lists."""

    def __init__(self) -> None:
        self.sets: list[list[object]] = []

    def write(self, _schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions) -> None:
        self.options = options
        rows: list[object] = []
        self.sets.append(rows)
        for batch in batches:
            rows.extend(batch.column(0).to_pylist())


@dataclass
class World:
    """A conversation and what came of it."""

    answer: Callable[[str, Session], FakeResult] = lambda _text, _session: FakeResult()
    manner: Manner = field(default_factory=Manner)
    quiet: bool = False

    def __post_init__(self) -> None:
        self.gateway = FakeGateway(self.answer)
        self.output = FakeOutput()
        self.said = io.StringIO()
        self.session = Session(Namespace("lake", "default"))
        terminal = Terminal(io.BytesIO(), io.BytesIO(), self.said, quiet=self.quiet)
        self.conversation = ReplSession(self.gateway, self.session, self.output, terminal, self.manner)  # type: ignore[arg-type]

    def run(self, text: str, name: str = "") -> int:
        return self.conversation.run_script(name, text)


def failing(errors: dict[str, SqlError]) -> Callable[[str, Session], FakeResult]:
    def answer(text: str, _session: Session) -> FakeResult:
        if text in errors:
            raise errors[text]
        return FakeResult()

    return answer


def test_rows_go_to_the_output_and_the_truth_to_the_person() -> None:
    world = World()

    assert world.run("select 1") == DONE
    assert world.output.sets == [[1]]
    assert world.said.getvalue() == ("1 row · duckdb · 8.0 ms · read 3 of 120 files, 4.1 MB of 1.2 GB · small scan\n")
    assert [result.closed for result in world.gateway.results] == [True]


def test_instants_are_written_in_the_zone_of_the_session() -> None:
    world = World()
    world.session.set("time_zone", "Asia/Tokyo")
    world.run("select 1")

    assert world.output.options.time_zone == "Asia/Tokyo"


def test_quiet_says_nothing_but_errors() -> None:
    world = World(failing({"bad": SqlError("no")}), quiet=True)
    world.run("select 1; bad")

    assert world.said.getvalue() == "error: no\n"


def test_a_statement_without_rows_says_its_message_and_writes_nothing() -> None:
    def create(_text: str, _session: Session) -> FakeResult:
        stats = stats_of(0, "catalog", "answered from the catalog", PlanFacts())
        return FakeResult(schema=pa.schema([]), message="CREATE TABLE", stats=stats)

    world = World(create)
    world.run("create table t (n int)")

    assert world.output.sets == []
    assert world.said.getvalue() == "CREATE TABLE\ncatalog · 8.0 ms · answered from the catalog\n"


def test_a_script_stops_at_its_first_failure() -> None:
    world = World(failing({"bad": TableNotFoundError("no table t")}))

    assert world.run("select 1; bad; select 2") == FAILED
    assert world.gateway.asked == ["select 1;", "bad;"]


def test_keep_going_runs_all_and_remembers_the_worst() -> None:
    errors: dict[str, SqlError] = {"busy": CommitConflictError("later"), "bad": TableNotFoundError("no table t")}
    world = World(failing(errors), Manner(keep_going=True))

    assert world.run("busy; select 1") == RETRY
    assert world.run("busy; bad; busy; select 2") == FAILED
    assert world.gateway.asked[-1] == "select 2"


def test_an_error_points_into_the_script() -> None:
    error = SqlSyntaxError("'fron' was not expected", hint="FROM?", line=2, column=8)
    world = World(failing({"select 2\n  from fron": error}))
    world.run("select 1; select 2\n  from fron;", "x.sql")

    assert world.said.getvalue().split("\n", 1)[1] == (
        "error: 'fron' was not expected\n  at x.sql, line 2, column 8\n      from fron;\n           ^\nhint: FROM?\n"
    )


def test_an_error_between_rows_fails_the_statement_and_closes_the_result() -> None:
    world = World(lambda _text, _session: FakeResult(failure=SqlError("lost the engine")))

    assert world.run("select 1") == FAILED
    assert world.said.getvalue() == "error: lost the engine\n"
    assert world.gateway.results[0].closed


def test_comments_and_blanks_alone_are_no_statement() -> None:
    world = World()

    assert world.run(" -- nothing\n ; ; /* at all */") == DONE
    assert world.gateway.asked == []


def test_after_set_dialect_the_rest_is_split_in_the_new_dialect() -> None:
    def answer(text: str, session: Session) -> FakeResult:
        if text == "set dialect = duckdb":
            session.dialect = "duckdb"
        if text.startswith("bad"):
            raise SqlError("no", line=1, column=1)
        return FakeResult()

    world = World(answer)
    world.run("select 'a\\';';\nset dialect = duckdb; select 'a\\';\nselect 2;\n  bad")

    assert world.gateway.asked == ["select 'a\\';';", "set dialect = duckdb;", "select 'a\\';", "select 2;", "bad"]
    assert "  at line 3, column 10\n" in world.said.getvalue()


@pytest.mark.parametrize(("script", "left"), [("select 1", False), ("select 1; select 2", True)])
def test_a_closed_output_ends_the_script_and_tells_whether_statements_are_left(script: str, left: bool) -> None:
    world = World(lambda _text, _session: FakeResult(failure=BrokenPipeError()))  # type: ignore[arg-type]
    with pytest.raises(ClosedOutputError) as caught:
        world.run(script)

    assert caught.value.statements_left is left
    assert world.gateway.asked == [script.split(" select 2")[0]]


def test_stats_are_one_json_object_per_statement_failed_ones_too() -> None:
    world = World(failing({"bad": TableNotFoundError("no table t")}), Manner(keep_going=True, stats=True), quiet=True)
    world.gateway.history.found = QueryRecord("q1", "bad", "FAILED", datetime.now(UTC), engine="spark", reason="pinned")
    world.run("select 1; bad")
    first, second, error = world.said.getvalue().splitlines()

    assert json.loads(first) == SMALL.as_dict()
    assert json.loads(second)["state"] == "FAILED"
    assert json.loads(second)["reason"] == "pinned"
    assert json.loads(second)["error_code"] == "TABLE_NOT_FOUND"
    assert error == "error: no table t"


def test_ctrl_c_cancels_the_statement_and_runs_no_other() -> None:
    world = World()

    def answer(_text: str, _session: Session) -> FakeResult:
        os.kill(os.getpid(), signal.SIGINT)
        world.gateway.canceled.wait()
        raise QueryCanceledError("canceled")

    world.gateway.answer = answer
    with pytest.raises(KeyboardInterrupt):
        world.run("select 1; select 2")

    assert world.gateway.asked == ["select 1;"]


def test_a_backslash_command_runs_and_an_unknown_one_is_named() -> None:
    world = World()

    assert world.conversation.turn("\\q").quit
    assert not world.conversation.turn("\\?").quit
    assert "\\q" in world.said.getvalue()
    with pytest.raises(UsageError, match=r"no command \\z"):
        world.conversation.turn("\\z")
    assert world.gateway.asked == []


def test_a_turn_of_sql_runs_its_statements() -> None:
    world = World()
    reply = world.conversation.turn("select 1; select 2;")

    assert (reply.exit_code, reply.quit) == (DONE, False)
    assert world.output.sets == [[1], [1]]
