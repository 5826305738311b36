from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import Format, FormatOptions
from gateway.formats.cells import cell_width
from repl.display import TerminalTable, fit, shorten


def shown(data: dict[str, Any], width: int, **choices: Any) -> tuple[list[str], list[str]]:
    """The lines on a terminal, and what was said beside them."""
    notes: list[str] = []
    batch = pa.record_batch(data)
    table: Format = TerminalTable(width, **{"colour": False, **choices})
    data_bytes = b"".join(table.encode(batch.schema, iter([batch]), FormatOptions(note=notes.append)))
    return data_bytes.decode().splitlines(), notes


def test_a_table_that_fits_is_whole_and_nothing_is_said() -> None:
    lines, notes = shown({"n": [1, 100], "name": ["a", None]}, 80)
    assert lines == ["  n │ name", "────┼─────", "  1 │ a", "100 │ NULL"]
    assert notes == []


def test_long_text_gives_way_and_it_is_said() -> None:
    lines, notes = shown({"n": [123456789], "a": ["x" * 100], "b": ["short"]}, 40)
    assert lines[2] == "123456789 │ " + "x" * 19 + "… │ short"
    assert notes == [r"1 value shortened; \x shows them whole"]


def test_numbers_dates_and_times_are_never_shortened() -> None:
    data = {"n": [2**62], "d": pa.array([0], pa.date32()), "t": pa.array([1], pa.timestamp("us"))}
    lines, notes = shown(data, 30)
    assert lines[0].startswith("─[ record 1 ]")
    assert str(2**62) in lines[1]
    assert notes == []


def test_a_name_longer_than_its_values_gives_way_first() -> None:
    lines, notes = shown({"a_very_long_name_of_a_column": [1], "t": ["text text text"]}, 30)
    assert lines[0] == "a_very_long_… │ t"
    assert lines[2].endswith("1 │ text text text")
    assert notes == []


def test_too_many_columns_become_records() -> None:
    lines, _ = shown({f"column_{number}": ["value"] for number in range(10)}, 40)
    assert lines[0] == "─[ record 1 ]" + "─" * 27
    assert lines[1:] == [f"column_{number} │ value" for number in range(10)]


def test_records_show_values_whole_with_their_lines() -> None:
    lines, notes = shown({"t": ["x" * 200 + "\nsecond\tline", None, ""]}, 40, expanded=True)
    assert lines[1] == "t │ " + "x" * 200
    assert lines[2] == "  │ second␉line"
    assert lines[4] == "t │ NULL"
    assert lines[6] == "t │ "
    assert notes == []


def test_expanded_off_keeps_the_table_however_wide() -> None:
    lines, notes = shown({f"column_{number}": ["value"] for number in range(10)}, 40, expanded=False)
    assert len(lines) == 3
    assert lines[2].count("value") == 10
    assert notes == []


def test_null_is_told_from_the_text_null_by_its_style() -> None:
    lines, _ = shown({"t": [None, "NULL"], "u": [1, 2]}, 80, colour=True)
    assert lines[2] == "\x1b[2mNULL\x1b[0m │ 1"
    assert lines[3] == "NULL │ 2"
    assert lines[0].startswith("\x1b[1mt   \x1b[0m")


def test_control_characters_are_pictures() -> None:
    lines, _ = shown({"t\n": ["a\x1b[31m\nb\u202e"]}, 80)
    assert lines[0] == "t␊"
    assert lines[2] == "a␛[31m␊b<U+202E>"


def test_wide_text_aligns_and_fits() -> None:
    lines, notes = shown({"t": ["日本語のとても長いテキスト", "e\u0301x"], "n": [1, 2]}, 20)
    assert [cell_width(line.split(" │ ")[0]) for line in lines[2:]] == [16, 16]
    assert lines[2] == "日本語のとても…  │ 1"
    assert all(cell_width(line) <= 20 for line in lines)
    assert notes == [r"1 value shortened; \x shows them whole"]


def test_no_rows_show_the_names() -> None:
    assert shown({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}, 80)[0] == ["a │ b", "──┼──"]


def test_rows_after_the_sample_are_shown_too() -> None:
    lines, notes = shown({"t": ["x"] * 1500 + ["y" * 20, "z" * 99], "n": range(1502)}, 40)
    assert len(lines) == 1504
    assert lines[2] == "x │   0"
    assert lines[-2] == "y" * 20 + " │ 1500"
    assert lines[-1] == "z" * 33 + "… │ 1501"
    assert notes == [r"1 value shortened; \x shows them whole"]


@given(st.text(), st.integers(1, 12))
def test_shortened_text_fits_and_is_a_beginning(value: str, width: int) -> None:
    from gateway.formats.cells import visible

    whole = visible(value)
    short = shorten(whole, width)
    assert cell_width(short) <= width
    assert short == whole or (short.endswith("…") and whole.startswith(short[:-1]))


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 20)), min_size=1, max_size=8), st.integers(1, 200))
def test_fitted_widths_fill_the_room_and_respect_the_least(columns: list[tuple[int, int]], room: int) -> None:
    natural = [wide for wide, _ in columns]
    least = [min(wide, low) for wide, low in columns]
    widths = fit(natural, least, room)
    if widths is None:
        assert sum(least) > room
        return
    assert sum(widths) <= room
    assert all(low <= width <= wide for low, width, wide in zip(least, widths, natural, strict=True))
    if sum(natural) > room:
        assert sum(widths) > room - len(widths)  # no room is wasted


@pytest.mark.parametrize("width", [1, 5])
def test_hopelessly_narrow_terminals_still_show_everything(width: int) -> None:
    lines, notes = shown({"a": ["some text"], "b": [12345]}, width)
    assert lines[1:] == ["a │ some text", "b │ 12345"]
    assert notes == []
