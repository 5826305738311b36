import dataclasses

import pytest

from catalog.errors import ColumnNotFoundError, SqlError, UserError
from gateway.errors import SqlSyntaxError
from repl.narration import EXCERPT_WIDTH, Source, Truth, error_text, excerpt, truth_line

SCRIPT = """\
-- wells by state
select state, count(*) from wells group by state;
select nmae
  from wells
"""


def test_an_error_without_a_place_is_its_message_and_hint() -> None:
    assert error_text(SqlError("the queue is full", hint="try again later")) == (
        "error: the queue is full\nhint: try again later"
    )


def test_the_offending_line_is_shown_with_a_caret_in_the_script() -> None:
    error = ColumnNotFoundError("column 'nmae' does not exist", hint="did you mean name?", line=2, column=8)

    assert error_text(error, Source("wells.sql", SCRIPT, line=2, column=50)) == (
        "error: column 'nmae' does not exist\n"
        "  at wells.sql, line 3, column 8\n"
        "    select nmae\n"
        "           ^\n"
        "hint: did you mean name?"
    )


def test_a_column_in_the_first_line_counts_from_where_the_statement_begins() -> None:
    error = SqlSyntaxError("'fron' was not expected", line=1, column=11)

    assert error_text(error, Source("", "select 1; select 1 fron t", line=1, column=10)) == (
        "error: 'fron' was not expected\n"
        "  at line 1, column 20\n"
        "    select 1; select 1 fron t\n"
        "                       ^"
    )


def test_a_line_without_a_column_has_no_caret() -> None:
    error = UserError("division by zero", line=1)

    assert error_text(error, Source("", "select 1/0")) == "error: division by zero\n  at line 1\n    select 1/0"


def test_a_place_that_is_not_in_the_script_is_not_shown() -> None:
    assert error_text(UserError("odd", line=9, column=1), Source("", "select 1")) == "error: odd"


@pytest.mark.parametrize(
    ("line", "column", "pad"),
    [
        ("\tselect x", 9, "\t       "),
        ("select '漢字', x", 14, " " * 15),
        ("select 'e\u0301', x", 13, " " * 11),
        ("select", 7, " " * 6),
        ("select", 99, " " * 6),
        ("", 1, ""),
    ],
)
def test_the_caret_stands_below_its_character(line: str, column: int, pad: str) -> None:
    assert excerpt(line, column) == [line, pad + "^"]


@pytest.mark.parametrize("position", [0, 1, 60, 500, 998, 999])
def test_of_a_very_long_line_the_part_around_the_caret_is_shown(position: int) -> None:
    line = "." * position + "X" + "." * (999 - position)
    shown, caret = excerpt(line, position + 1)

    assert len(shown) <= EXCERPT_WIDTH + 4
    assert shown[caret.index("^")] == "X"


def test_windows_line_ends_and_odd_separators_do_not_move_the_place() -> None:
    error = UserError("odd", line=2, column=3)

    assert error_text(error, Source("", "a\x0c\u2028b\r\nab\u0085c\r\n")).splitlines()[1] == "  at line 2, column 3"


TRUTH = Truth(
    row_count=12,
    engine="duckdb",
    elapsed_ms=8.2,
    files_planned=3,
    files_total=120,
    bytes_planned=4_100_000,
    bytes_total=1_200_000_000,
    cached=False,
    reason="small scan: 4.1 MB under 100 MB",
)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {},
            "12 rows · duckdb · 8.2 ms · read 3 of 120 files, 4.1 MB of 1.2 GB · small scan: 4.1 MB under 100 MB",
        ),
        ({"row_count": 1, "files_total": 0}, "1 row · duckdb · 8.2 ms · small scan: 4.1 MB under 100 MB"),
        ({"row_count": None, "engine": "", "files_total": None, "reason": ""}, "8.2 ms"),
        (
            {"files_planned": 1, "files_total": 1, "bytes_planned": 5, "bytes_total": 5, "reason": ""},
            "12 rows · duckdb · 8.2 ms · read all 1 file, all 5 B",
        ),
        ({"bytes_planned": None, "reason": ""}, "12 rows · duckdb · 8.2 ms · read 3 of 120 files"),
        ({"bytes_total": None, "reason": ""}, "12 rows · duckdb · 8.2 ms · read 3 of 120 files, 4.1 MB"),
        (
            {"files_planned": 0, "bytes_planned": 0, "reason": ""},
            "12 rows · duckdb · 8.2 ms · read 0 of 120 files, 0 B of 1.2 GB",
        ),
        ({"cached": True, "reason": "same text"}, "12 rows · duckdb · 8.2 ms · from the cache · same text"),
        (
            {"row_count": 1234567, "elapsed_ms": 200_000, "files_total": 0, "reason": ""},
            "1,234,567 rows · duckdb · 3 min 20 s",
        ),
    ],
)
def test_the_truth_line(changes: dict[str, object], line: str) -> None:
    assert truth_line(dataclasses.replace(TRUTH, **changes)) == line
