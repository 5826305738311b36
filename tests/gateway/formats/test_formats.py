"""What single formats promise beyond their bytes."""

import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway import formats
from gateway.errors import InvalidSettingError, NotSupportedError
from gateway.formats import FormatOptions, parquet, xlsx


def encoded(name: str, data: dict[str, Any] | pa.RecordBatch, options: FormatOptions | None = None) -> bytes:
    batch = data if isinstance(data, pa.RecordBatch) else pa.record_batch(data)
    return b"".join(formats.named(name).encode(batch.schema, iter([batch]), options or FormatOptions()))


@pytest.mark.parametrize("name", formats.FORMATS)
def test_registry_and_format_agree(name: str) -> None:
    chosen = formats.named(name.upper())
    assert chosen.name == name
    assert formats.SUFFIXES.get(chosen.file_suffix, name) == name
    assert chosen.media_type


def test_an_unknown_format_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InvalidSettingError) as caught:
        formats.named("yaml")
    assert "ndjson" in str(caught.value.hint)


def test_write_sends_every_byte(tmp_path: Path) -> None:
    batch = pa.record_batch({"a": [1]})
    with (tmp_path / "out.csv").open("wb") as sink:
        formats.write(formats.named("csv"), batch.schema, iter([batch]), sink)
    assert (tmp_path / "out.csv").read_bytes() == b"a\n1\n"


def test_csv_guards_formulas_only_when_told() -> None:
    data = {"t": ["=1+1", "-x", "@a", "+b", "\tc", " =d", "e=", None], "n": [-1] * 8}
    assert "'" not in encoded("csv", data).decode()
    guarded = encoded("csv", data, FormatOptions(guard_formulas=True)).decode().splitlines()[1:]
    assert [line.startswith("'") for line in guarded] == [True] * 6 + [False] * 2
    assert all(line.endswith(",-1") for line in guarded)


def test_parquet_floats_carry_no_bounds_that_hide_nan() -> None:
    data = {"x": [1.0, float("nan")], "n": [1, 2], "s": [{"y": 0.0}, {"y": float("nan")}]}
    group = pq.read_metadata(io.BytesIO(encoded("parquet", data))).row_group(0)
    columns = {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}
    assert not columns["x"].is_stats_set
    assert not columns["s.y"].is_stats_set
    assert columns["n"].statistics.max == 2
    assert not columns["x"].has_dictionary_page


def test_parquet_names_differ_when_folded() -> None:
    batch = pa.record_batch([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "A", "a"])
    assert pq.read_schema(io.BytesIO(encoded("parquet", batch))).names == ["a", "A_1", "a_2"]


def test_parquet_row_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 100)
    batch = pa.record_batch({"a": range(40)})
    data = b"".join(formats.named("parquet").encode(batch.schema, iter([batch] * 7)))
    metadata = pq.read_metadata(io.BytesIO(data))
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [120, 120, 40]
    assert pq.read_table(io.BytesIO(data))["a"].to_pylist() == list(range(40)) * 7


def test_parquet_says_which_column_became_text() -> None:
    notes: list[str] = []
    batch = pa.record_batch({"i": pa.array([pa.MonthDayNano([14, 0, 0])])})
    data = encoded("parquet", batch, FormatOptions(note=notes.append))
    assert pq.read_table(io.BytesIO(data)).to_pylist() == [{"i": "1-2"}]
    assert "column i" in notes[0]


def sheets_of(data: bytes) -> dict[str, list[list[Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()] for sheet in book}


def test_xlsx_goes_on_in_further_sheets_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "SHEET_ROWS", 11)
    notes: list[str] = []
    batch = pa.record_batch({"a": range(4)})
    data = b"".join(formats.named("xlsx").encode(batch.schema, iter([batch] * 5), FormatOptions(note=notes.append)))
    sheets = sheets_of(data)
    assert list(sheets) == ["result", "result 2", "result 3"]
    assert [value for rows in sheets.values() for [value] in rows[1:]] == list(range(4)) * 5
    assert all(rows[0] == ["a"] and len(rows) <= 11 for rows in sheets.values())
    assert notes == ["the rows go on in sheet 'result 2'", "the rows go on in sheet 'result 3'"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "{=1}", "<r>bold</r>", "http://x.org", "1", "TRUE", "#N/A"])
def test_xlsx_text_stays_text(text: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(encoded("xlsx", {"t": [text]})))
    cell = book.active["A2"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(encoded("xlsx", {"t": [text]}))).read("xl/worksheets/sheet1.xml")


def test_xlsx_doubles_keep_all_their_digits() -> None:
    values = [0.1 + 0.2, 1 / 3, 1e300, 123456789.123456789]
    assert [row[0] for row in sheets_of(encoded("xlsx", {"x": values}))["result"][1:]] == values


def test_xlsx_text_too_long_for_a_cell_is_refused() -> None:
    assert encoded("xlsx", {"t": ["x" * 32_767]})
    with pytest.raises(NotSupportedError, match=r"column t has a text of 32,768 characters"):
        encoded("xlsx", {"t": ["x" * 32_768]})
    with pytest.raises(NotSupportedError, match="32,768"):
        encoded("xlsx", {"t": ["👍" * 16_384]})


def test_xlsx_says_which_zone_its_times_are_of_and_leaves_ambiguous_ones_as_text() -> None:
    notes: list[str] = []
    moments = pa.array([1_730_611_800, 1_730_635_200], pa.timestamp("s", "UTC"))  # 01:30 twice that night; 07:00
    options = FormatOptions(time_zone="America/New_York", note=notes.append)
    rows = sheets_of(encoded("xlsx", {"t": moments}, options))["result"]
    assert rows[1] == ["2024-11-03T01:30:00-04:00"]
    assert rows[2][0].isoformat() == "2024-11-03T07:00:00"
    assert "America/New_York" in notes[0]


def test_html_escapes_names_values_and_caption() -> None:
    page = encoded("html", {"<b>": ["<script>&"]}, FormatOptions(caption="<i>")).decode()
    assert "<script>" not in page
    assert "&lt;script&gt;&amp;" in page
    assert "<caption>&lt;i&gt;</caption>" in page
    assert "<th scope=col>&lt;b&gt;</th>" in page


def test_markdown_cells_cannot_leave_their_column() -> None:
    lines = encoded("markdown", {"a|b": ["x|y\nz", None], "n": [1, 2]}).decode().splitlines()
    assert lines == [r"| a\|b | n |", "| :--- | ---: |", r"| x\|y<br>z | 1 |", "| *NULL* | 2 |"]


def test_table_shows_later_wider_values_whole() -> None:
    rows = 1_500
    data = {"a": ["x"] * (rows - 1) + ["y" * 50], "b": [1] * rows}
    lines = encoded("table", data).decode().splitlines()
    assert lines[2] == "x | 1"
    assert lines[-1] == "y" * 50 + " | 1"


def test_table_aligns_wide_and_combining_characters() -> None:
    lines = encoded("table", {"a": ["日本", "e\u0301", "👩‍🚀"], "b": ["x"] * 3}).decode().splitlines()
    assert lines[2:] == ["日本 | x", "e\u0301    | x", "👩‍🚀   | x"]


@pytest.mark.parametrize("name", ["table", "vertical"])
def test_nothing_that_a_terminal_obeys_gets_through(name: str) -> None:
    shown = encoded(name, {"a\x1b[2J": ["\x1b]0;title\x07\r\x9b31m\u202e\u2028"]}).decode()
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e", "\u2028"} & set(shown)
    assert "␛]0;title␇␍<U+009B>31m<U+202E><U+2028>" in shown
