import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import SqlError
from gateway.formats import FormatOptions
from repl.exits import UsageError
from repl.output import Output, choose_format, opened_output
from repl.terminal import Terminal

SCHEMA = pa.schema([("n", pa.int64())])
OPTIONS = FormatOptions()


def batches(*values: int, failure: SqlError | None = None) -> Iterator[pa.RecordBatch]:
    yield pa.record_batch([pa.array(values, pa.int64())], schema=SCHEMA)
    if failure:
        raise failure


def terminal(*, watched: bool = False) -> Terminal:
    return Terminal(io.BytesIO(), io.BytesIO(), io.StringIO(), stdout_is_terminal=watched)


def test_a_person_gets_a_table_and_a_program_csv() -> None:
    assert choose_format(None, None, terminal(watched=True)).name == "table"
    assert choose_format(None, None, terminal()).name == "csv"


@pytest.mark.parametrize(
    ("file", "expected"),
    [("a.parquet", "parquet"), ("A.CSV", "csv"), ("a.jsonl", "ndjson"), ("a", "csv"), ("a.xlsx", "xlsx")],
)
def test_the_suffix_of_the_file_names_the_format(file: str, expected: str) -> None:
    assert choose_format(Path(file), None, terminal(watched=True)).name == expected


def test_format_wins_over_the_suffix() -> None:
    assert choose_format(Path("a.csv"), "tsv", terminal()).name == "tsv"


def test_a_suffix_that_names_no_format_is_refused() -> None:
    with pytest.raises(UsageError, match=r"\.txt names no format"):
        choose_format(Path("a.txt"), None, terminal())


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="unknown format 'cvs'") as caught:
        choose_format(None, "cvs", terminal())

    assert "csv" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["arrow", "parquet", "xlsx"])
def test_binary_data_does_not_go_to_a_terminal(name: str) -> None:
    with pytest.raises(UsageError, match="would spoil the terminal"):
        choose_format(None, name, terminal(watched=True))

    assert choose_format(None, name, terminal()).name == name


def written(name: str, *sets: int) -> bytes:
    stream = io.BytesIO()
    output = Output(stream, choose_format(None, name, terminal()))
    for value in sets:
        output.write(SCHEMA, batches(value), OPTIONS)
    return stream.getvalue()


def test_text_results_are_set_apart_by_an_empty_line() -> None:
    for name in ("csv", "tsv", "markdown", "vertical", "table", "html"):
        assert written(name, 1, 2) == written(name, 1) + b"\n" + written(name, 2)


def test_json_and_arrow_results_stand_one_after_another() -> None:
    for name in ("json", "ndjson", "arrow"):
        assert written(name, 1, 2) == written(name, 1) + written(name, 2)


def test_several_arrow_results_can_be_read_one_after_another() -> None:
    stream = io.BytesIO(written("arrow", 1, 2))

    assert [pa.ipc.open_stream(stream).read_all().to_pydict() for _ in range(2)] == [{"n": [1]}, {"n": [2]}]


@pytest.mark.parametrize("name", ["parquet", "xlsx"])
def test_a_second_result_is_refused_where_a_file_holds_one(name: str) -> None:
    with pytest.raises(UsageError, match="holds one result"):
        written(name, 1, 2)


def test_a_file_appears_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with opened_output(path, None, terminal()) as output:
        output.write(SCHEMA, batches(1), OPTIONS)
        assert not path.exists()

    assert path.read_bytes() == b"n\n1\n"


def test_an_abandoned_output_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with opened_output(path, None, terminal()) as output:
        output.write(SCHEMA, batches(1), OPTIONS)
        output.abandon()

    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]


def test_without_a_result_no_file_appears(tmp_path: Path) -> None:
    with opened_output(tmp_path / "out.csv", None, terminal()):
        pass

    assert list(tmp_path.iterdir()) == []


def test_of_a_result_that_fails_nothing_stays_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with opened_output(path, None, terminal()) as output:
        output.write(SCHEMA, batches(1), OPTIONS)
        with pytest.raises(SqlError, match="lost"):
            output.write(SCHEMA, batches(2, failure=SqlError("lost")), OPTIONS)
        output.write(SCHEMA, batches(3), OPTIONS)

    assert path.read_bytes() == b"n\n1\n\nn\n3\n"


def test_on_a_terminal_rows_can_be_shown_as_records() -> None:
    stream = io.BytesIO()
    output = Output(stream, choose_format(None, None, terminal(watched=True)))
    assert output.expand()
    output.write(SCHEMA, batches(1), OPTIONS)

    assert "record 1" in stream.getvalue().decode()
    assert not output.expand()
    assert not Output(stream, choose_format(None, None, terminal())).expand()


def test_a_closed_pipe_is_told_apart_from_a_failure() -> None:
    class Closed(io.RawIOBase):
        def write(self, _data: object) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        Output(Closed(), choose_format(None, "csv", terminal())).write(SCHEMA, batches(1), OPTIONS)  # type: ignore[arg-type]
