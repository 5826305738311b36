"""`headgate` as a process: streams, exit codes, signals. What stands in INTERFACE.md, "Command line"."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

LONG = "select a.n, b.n as m, c.n as o from numbers a cross join numbers b cross join numbers c"
"""Of a thousand million rows."""
ENDLESS = f"select count(*), sum(n * m * o) from ({LONG}) where n + m > o"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Headgate:
    """Runs `headgate` on a home of its own."""

    home: Path

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "repl", *words]

    def environment(self, **changes: str) -> dict[str, str]:
        return {**os.environ, "HEADGATE_HOME": str(self.home), **changes}

    def __call__(self, *words: str, stdin: bytes = b"", **environment: str) -> Done:
        done = subprocess.run(
            self.command(*words), input=stdin, capture_output=True, env=self.environment(**environment), check=False
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment()
        )


@pytest.fixture
def headgate(tmp_path: Path) -> Headgate:
    return Headgate(tmp_path / "home")


@pytest.fixture
def numbers(headgate: Headgate, tmp_path: Path) -> Headgate:
    """Return a headgate with a table ``numbers`` of a thousand rows."""
    (tmp_path / "numbers.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(1000)), "utf-8")
    assert headgate("load", str(tmp_path / "numbers.csv"), "--table", "numbers").code == 0
    return headgate


def ended(process: "subprocess.Popen[bytes]") -> Done:
    out, err = process.communicate()
    return Done(process.returncode, out.decode(), err.decode())


# Scripts and streams


def test_data_goes_to_standard_output_and_the_truth_to_standard_error(headgate: Headgate) -> None:
    done = headgate("-c", "select 1 as n, 'a,b' as s")

    assert (done.code, done.out) == (0, 'n,s\n1,"a,b"\n')
    assert done.err.startswith("1 row · duckdb · ")


def test_commands_files_and_standard_input_run_in_the_order_given(headgate: Headgate, tmp_path: Path) -> None:
    script = tmp_path / "two.sql"
    script.write_text("select 2 as n; -- two\nselect 3 as n", "utf-8")
    done = headgate("-q", "-c", "select 1 as n", "-f", str(script), "-f", "-", stdin=b"select 4 as n;")

    assert (done.code, done.err) == (0, "")
    assert done.out == "n\n1\n\nn\n2\n\nn\n3\n\nn\n4\n"


def test_a_script_from_standard_input_may_have_a_byte_order_mark(headgate: Headgate) -> None:
    assert headgate("-q", stdin=b"\xef\xbb\xbfselect 1 as n\r\n").out == "n\n1\n"


def test_nothing_to_run_is_done_at_once(headgate: Headgate) -> None:
    assert headgate(stdin=b"-- nothing\n") == Done(0, "", "")


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_text_is_utf_8_whatever_the_locale(headgate: Headgate, locale: dict[str, str]) -> None:
    done = headgate("-c", "select 'ä漢' as `naïve`", "-f", "-", stdin="selekt 'ö'".encode(), **locale)

    assert done.out == "naïve\nä漢\n"
    assert "selekt 'ö'" in done.err
    assert "·" in done.err


def test_a_script_that_is_not_utf_8_is_refused_with_its_line(headgate: Headgate) -> None:
    done = headgate(stdin="select 1;\nselect 'ä'".encode("latin-1"))

    assert done.code == 2
    assert "standard input is not UTF-8: byte 0xe4 in line 2" in done.err


def test_the_session_lasts_from_statement_to_statement(headgate: Headgate) -> None:
    done = headgate("-q", "-c", "prepare p as select 7 as n", "-c", "execute p")

    assert (done.code, done.out) == (0, "n\n7\n")


# Errors and exit codes


def test_a_failed_statement_exits_with_1_and_shows_its_place(headgate: Headgate, tmp_path: Path) -> None:
    script = tmp_path / "bad.sql"
    script.write_text("select 1 as n;\nselect 2 fron\n  nowhere;\nselect 3", "utf-8")
    done = headgate("-q", "-f", str(script))

    assert (done.code, done.out) == (1, "n\n1\n")
    assert done.err.startswith("error: ")
    assert f"  at {script}, line " in done.err
    assert "^" in done.err


def test_an_unknown_table_is_named_with_a_place(headgate: Headgate) -> None:
    done = headgate("-c", "select * from nowhere")

    assert done.code == 1
    assert "nowhere" in done.err
    assert "    select * from nowhere\n                  ^\n" in done.err


def test_keep_going_runs_the_rest(headgate: Headgate) -> None:
    done = headgate("-q", "--keep-going", "-c", "select * from nowhere; select 1 as n", "-c", "select 2 as n")

    assert (done.code, done.out) == (1, "n\n1\n\nn\n2\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["laod"], "unknown command 'laod'"),
        (["--format", "cvs", "-c", "select 1"], "cvs"),
        (["-f", "missing.sql"], "cannot read missing.sql"),
        (["--set", "duckdb.thread=2", "-c", "select 1"], "unknown setting 'duckdb.thread'"),
        (["-o", "out.docx", "-c", "select 1"], ".docx names no format"),
    ],
)
def test_wrong_usage_exits_with_2_and_a_hint(headgate: Headgate, words: Sequence[str], message: str) -> None:
    done = headgate(*words)

    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "hint: " in done.err or "cannot read" in done.err


def test_a_setting_of_the_environment_is_checked_too(headgate: Headgate) -> None:
    done = headgate("-c", "select 1", HEADGATE_DUCKDB__THREADS="many")

    assert done.code == 2
    assert "duckdb.threads" in done.err


def test_a_deadline_ends_the_statement(numbers: Headgate) -> None:
    done = numbers("--engine", "duckdb", "--timeout", "200ms", "-c", ENDLESS)

    assert (done.code, done.out) == (1, "")
    assert "deadline" in done.err


def test_a_home_that_cannot_be_is_a_clear_error(headgate: Headgate) -> None:
    headgate.home.write_text("a file", "utf-8")
    done = headgate("-c", "select 1")

    assert done.code == 1
    assert "Traceback" not in done.err
    assert str(headgate.home) in done.err


# Statistics


def test_stats_are_one_object_per_statement_with_the_promised_keys(headgate: Headgate) -> None:
    done = headgate("-q", "--stats", "--keep-going", "-c", "select 1; select * from nowhere")
    objects = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    promised = {
        "query_id", "engine", "reason", "state", "rows", "elapsed_ms", "files_total", "files_planned", "bytes_planned",
        "predicted_ms", "attempts", "cached",
    }  # fmt: skip

    assert [each["state"] for each in objects] == ["FINISHED", "FAILED"]
    assert all(promised <= set(each) for each in objects)
    assert (objects[0]["engine"], objects[0]["rows"]) == ("duckdb", 1)
    assert set(objects[0]["predicted_ms"]) == {"duckdb", "spark"}
    assert set(objects[0]["attempts"][0]) == {"engine", "state", "elapsed_ms", "reason"}


# Output files


def test_the_suffix_of_the_output_names_its_format(headgate: Headgate, tmp_path: Path) -> None:
    done = headgate("-q", "-o", str(tmp_path / "out.parquet"), "-c", "select 1 as n")

    assert (done.code, done.out, done.err) == (0, "", "")
    assert pq.read_table(tmp_path / "out.parquet").to_pydict() == {"n": [1]}


def test_a_failure_leaves_the_old_output_and_nothing_else(headgate: Headgate, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "out.csv").write_text("old", "utf-8")
    done = headgate("-o", str(folder / "out.csv"), "-c", "select 1; select * from nowhere")

    assert done.code == 1
    assert (folder / "out.csv").read_text("utf-8") == "old"
    assert len(list(folder.iterdir())) == 1


# Pipes and signals


def test_a_reader_who_has_enough_ends_headgate_quietly(numbers: Headgate) -> None:
    process = numbers.start("-q", "--engine", "duckdb", "-c", LONG)
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()

    assert first == b"n,m,o\n"
    assert (process.wait(), said) == (0, b"")


def test_statements_that_a_closed_pipe_kept_from_running_are_told(numbers: Headgate) -> None:
    words = ["-q", "--engine", "duckdb", "-c", LONG, "-c", "create table t (n int)"]
    process = numbers.start(*words)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read().decode()
    process.stderr.close()

    assert process.wait() == 1
    assert "not all statements ran" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_query_and_exits_with_130(numbers: Headgate, number: signal.Signals) -> None:
    process = numbers.start("-q", "--engine", "duckdb", "-c", "select 1 as n", "-c", ENDLESS, "-c", "select 2")
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"n\n", b"1\n"]
    process.send_signal(number)
    done = ended(process)

    assert (done.code, done.out) == (130, "")
    assert "Traceback" not in done.err


def test_an_interrupted_output_file_does_not_appear(numbers: Headgate, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    words = ["--stats", "--engine", "duckdb", "-o", str(folder / "out.csv"), "-c", "select 1", "-c", ENDLESS]
    process = numbers.start(*words)
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    done = ended(process)

    assert done.code == 130
    assert list(folder.iterdir()) == []


# What must not be loaded


def test_a_small_query_loads_neither_spark_nor_pandas_nor_a_server(headgate: Headgate) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "repl", "-c", "select 1"]
    done = subprocess.run(command, capture_output=True, text=True, env=headgate.environment(), check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    packages = {name.split(".")[0] for name in loaded}

    assert "sqlglot" in packages
    assert packages & {"pyspark", "flask", "prompt_toolkit", "pyiceberg", "sqlalchemy"} == set()
    assert {name for name in loaded if name.startswith("pandas.")} == set(), "one try that fails is what it takes"


# Loading


def test_a_csv_is_loaded_and_queried(headgate: Headgate, tmp_path: Path) -> None:
    (tmp_path / "wells.csv").write_text("state,depth\nTX,1000\nOK,\nTX,3000\n", "utf-8")
    loaded = headgate("load", str(tmp_path / "wells.csv"), "--table", "wells", "--partition-by", "state")
    done = headgate("-q", "-c", "select state, sum(depth) as d from wells group by state order by state")

    assert (loaded.code, loaded.out) == (0, "")
    assert loaded.err.startswith("created lake.default.wells · 3 rows")
    assert (done.code, done.out) == (0, "state,d\nOK,\nTX,4000\n")


def test_loading_what_is_not_there_fails_clearly(headgate: Headgate) -> None:
    done = headgate("load", "nowhere/*.csv", "--table", "t")

    assert done.code == 1
    assert "nowhere/*.csv" in done.err
    assert "Traceback" not in done.err


# History


def test_statements_of_earlier_processes_are_in_the_history(headgate: Headgate) -> None:
    headgate("-q", "--user", "ada", "-c", "select 41 + 1")
    headgate("-q", "-c", "select * from nowhere")
    done = headgate("-q", "--format", "ndjson", "-c", "show queries")
    rows = [json.loads(line) for line in done.out.splitlines()]
    told = {row["text"]: (row["state"], row["user"], row["error_code"]) for row in rows}

    assert told["select 41 + 1"] == ("FINISHED", "ada", None)
    assert told["select * from nowhere"][0] == "FAILED"
    assert told["select * from nowhere"][2] == "TABLE_NOT_FOUND"
