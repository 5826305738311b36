"""`import gateway` on a real home: what INTERFACE.md promises under "Python"."""

import datetime
import decimal
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import gateway


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[gateway.Connection]:
    with gateway.connect(home=tmp_path / "home", duckdb={"threads": 1}) as connection:
        yield connection


def test_a_result_is_rows_and_arrow_and_says_why(connection: gateway.Connection) -> None:
    result = connection.execute("select 1 as n, 'a' as s")

    assert result.fetchall() == [(1, "a")]
    assert result.arrow().to_pydict() == {"n": [1], "s": ["a"]}
    assert sum(batch.num_rows for batch in result.batches()) == 1
    assert result.df()["n"].tolist() == [1]
    assert result.schema.names == ["n", "s"]
    assert result.engine == "duckdb"
    assert "predicted" in result.route.reason
    assert result.stats["query_id"] == result.query_id
    assert result.stats["state"] == "FINISHED"


def test_parameters_are_values_and_never_text(connection: gateway.Connection) -> None:
    evil = "'; drop table t; --"
    values = (1, evil, decimal.Decimal("1.50"), datetime.date(2026, 3, 1), None, True, b"\x00")

    assert connection.execute("select ?, ?, ?, ?, ?, ?, ?", values).fetchall() == [values]


def test_a_write_counts_its_rows_and_is_there_at_once(connection: gateway.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("create table t (n int, s string)")
    assert cursor.description is None
    cursor.execute("insert into t values (1, 'a'), (2, null)")
    assert cursor.rowcount == 2
    connection.commit()
    cursor.execute("select n, s from t order by n")

    assert [column.name for column in cursor.description or ()] == ["n", "s"]
    assert [column.type_code == gateway.NUMBER for column in cursor.description or ()] == [True, False]
    assert cursor.fetchall() == [(1, "a"), (2, None)]


def test_errors_are_of_the_exception_tree_and_tell_the_place(connection: gateway.Connection) -> None:
    with pytest.raises(gateway.ProgrammingError) as caught:
        connection.execute("select *\nfrom nowhere")

    assert caught.value.code == "TABLE_NOT_FOUND"
    assert (caught.value.line, caught.value.column) == (2, 6)
    with pytest.raises(gateway.DataError):
        connection.execute("select 1 / 0").fetchall()


def test_settings_are_checked_when_connecting(tmp_path: Path) -> None:
    with pytest.raises(gateway.ProgrammingError, match=r"duckdb\.thread"):
        gateway.connect(home=tmp_path, duckdb={"thread": 1})


def test_cursors_of_one_connection_read_side_by_side(connection: gateway.Connection) -> None:
    one, other = connection.cursor(), connection.cursor()
    one.execute("select 1 union all select 2 order by 1")
    assert one.fetchone() == (1,)
    other.execute("select 'x'")

    assert other.fetchall() == [("x",)]
    assert one.fetchall() == [(2,)]


def test_an_empty_result_keeps_its_columns(connection: gateway.Connection) -> None:
    result = connection.execute("select 1 as n where false")

    assert result.fetchall() == []
    assert result.arrow().schema == pa.schema([("n", pa.int32())])
