import dataclasses
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog.errors import FileAccessError
from gateway.execution import AttemptRecord
from gateway.history import History, HistoryFilter, QueryRecord

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
FOREVER = 1000 * 365 * 86400.0


def record(query_id: str = "q1", **changes: object) -> QueryRecord:
    return dataclasses.replace(
        QueryRecord(query_id=query_id, text="select 1", state="RUNNING", submitted_at=NOON), **changes
    )


FULL = QueryRecord(
    query_id="q-full",
    text="select 'ä\n', ?",
    state="FINISHED",
    submitted_at=NOON,
    user="ada",
    session="s1",
    dialect="duckdb",
    engine="spark",
    reason="2 GB over the budget of 1 GB",
    started_at=NOON + timedelta(milliseconds=2),
    ended_at=NOON + timedelta(milliseconds=250),
    error_code=None,
    error_message=None,
    row_count=2**40,
    files_total=120,
    files_planned=3,
    bytes_planned=2**50,
    predicted_ms={"duckdb": 8.5, "spark": 400.0},
    attempts=(
        AttemptRecord("duckdb", "FAILED", 20.25, "out of memory"),
        AttemptRecord("spark", "FINISHED", 230.0, "handover"),
    ),
    cached=True,
)


@pytest.fixture
def history(tmp_path: Path):
    history = History(tmp_path / "state.sqlite", keep_seconds=FOREVER)
    yield history
    history.close()


def test_a_record_comes_back_as_it_was(history: History) -> None:
    history.record(FULL)

    assert history.find("q-full") == FULL


def test_records_survive_a_restart(tmp_path: Path) -> None:
    first = History(tmp_path / "state.sqlite", keep_seconds=FOREVER)
    first.record(FULL)
    first.close()
    second = History(tmp_path / "state.sqlite", keep_seconds=FOREVER)

    assert second.records() == [FULL]


def test_a_later_record_replaces_the_earlier(history: History) -> None:
    history.record(record(state="QUEUED"))
    history.flush()
    history.record(record(state="RUNNING"))
    history.record(record(state="FINISHED", ended_at=NOON))

    assert [each.state for each in history.records()] == ["FINISHED"]


def test_the_newest_come_first_and_the_limit_holds(history: History) -> None:
    for minute in range(5):
        history.record(record(f"q{minute}", submitted_at=NOON + timedelta(minutes=minute)))

    assert [each.query_id for each in history.records(limit=3)] == ["q4", "q3", "q2"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (HistoryFilter(user="ada"), ["q2", "q1"]),
        (HistoryFilter(user="ada", state="FAILED"), ["q2"]),
        (HistoryFilter(engine="spark"), ["q3"]),
        (HistoryFilter(session="s"), ["q1"]),
        (HistoryFilter(since=NOON + timedelta(minutes=2)), ["q3", "q2"]),
        (HistoryFilter(query_id="none"), []),
    ],
)
def test_filters_choose_records(history: History, where: HistoryFilter, expected: list[str]) -> None:
    at = [NOON + timedelta(minutes=minute) for minute in range(4)]
    history.record(record("q1", user="ada", session="s", state="FINISHED", submitted_at=at[1]))
    history.record(record("q2", user="ada", state="FAILED", submitted_at=at[2]))
    history.record(record("q3", user="bob", engine="spark", state="FINISHED", submitted_at=at[3]))

    assert [each.query_id for each in history.records(where=where)] == expected


def test_recent_is_an_arrow_table_of_the_same_columns_with_and_without_rows(history: History) -> None:
    empty = history.recent()
    history.record(FULL)
    (row,) = history.recent().to_pylist()

    assert empty.num_rows == 0
    assert empty.column_names == list(row)
    assert row["elapsed_ms"] == 250.0
    assert row["rows"] == 2**40
    assert row["submitted_at"] == NOON
    assert row["predicted_ms"] == [("duckdb", 8.5), ("spark", 400.0)]
    assert row["attempts"][0] == {
        "engine": "duckdb",
        "state": "FAILED",
        "elapsed_ms": 20.25,
        "reason": "out of memory",
    }


def test_elapsed_is_unknown_until_the_end(history: History) -> None:
    history.record(record())

    assert history.recent().column("elapsed_ms").to_pylist() == [None]


def test_old_records_are_forgotten(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    history = History(tmp_path / "state.sqlite", keep_seconds=3600)
    history.record(record("old", submitted_at=now - timedelta(hours=2)))
    history.record(record("new", submitted_at=now))
    history.close()

    assert [each.query_id for each in History(history.database).records()] == ["new"]


def test_no_more_records_are_kept_than_asked(tmp_path: Path) -> None:
    history = History(tmp_path / "state.sqlite", keep_count=3, keep_seconds=FOREVER)
    for minute in range(10):
        history.record(record(f"q{minute}", submitted_at=NOON + timedelta(minutes=minute)))
    history.close()

    assert [each.query_id for each in History(history.database).records()] == ["q9", "q8", "q7"]


CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from gateway.history import History, QueryRecord
history = History(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    history.record(QueryRecord(f"{sys.argv[2]}-{number}", "select 1", "RUNNING", datetime.now(UTC)))
history.flush()
print("ready", flush=True)
input()
history.close()
"""


def child(database: Path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CHILD, str(database), name, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_query_whose_process_was_killed_reads_as_failed(history: History) -> None:
    process = child(history.database, "lost", 1)
    before = history.find("lost-0")
    process.kill()
    process.communicate()
    after = history.find("lost-0")

    assert before is not None
    assert before.state == "RUNNING"
    assert after is not None
    assert (after.state, after.error_code) == ("FAILED", "PROCESS_DIED")
    assert str(process.pid) in str(after.error_message)


def test_several_processes_write_at_once(history: History) -> None:
    children = [child(history.database, name, 50) for name in ("a", "b", "c")]
    for number in range(50):
        history.record(record(f"mine-{number}", submitted_at=datetime.now(UTC)))
    found = history.records(limit=1000)
    for process in children:
        process.communicate("\n")

    assert len(found) == 200
    assert {each.state for each in found} == {"RUNNING"}


def test_many_threads_record_and_read(history: History) -> None:
    def work(number: int) -> int:
        history.record(record(f"q{number}"))
        return len(history.records(limit=1000))

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(work, range(100)))

    assert max(seen) == 100
    assert len(history.records(limit=1000)) == 100


def test_what_a_process_forgot_to_close_is_written_at_its_end(tmp_path: Path) -> None:
    database = tmp_path / "state.sqlite"
    script = CHILD.replace("history.flush()", "").replace("history.close()", "")
    subprocess.run([sys.executable, "-c", script, str(database), "q", "3"], input="\n", text=True, check=True)

    assert len(History(database).records()) == 3


def test_a_database_that_cannot_be_written_loses_history_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").mkdir()
    history = History(tmp_path / "state.sqlite")
    history.record(record())
    history.close()

    assert history.failure is not None
    assert str(history.database) in history.failure
    with pytest.raises(FileAccessError, match="query history"):
        history.records()


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"not a database at all, just text" * 100)

    with pytest.raises(FileAccessError, match="not a database"):
        History(tmp_path / "state.sqlite").records()


def test_close_twice_and_record_after_close_are_harmless(history: History) -> None:
    history.close()
    history.close()
    history.record(record())

    assert history.records() == []


def test_readers_outside_can_open_the_database(history: History) -> None:
    history.record(FULL)
    history.flush()
    with sqlite3.connect(history.database) as connection:
        assert connection.execute("SELECT state FROM query_history").fetchall() == [("FINISHED",)]
    connection.close()
