"""The façade end to end on DuckDB and a real catalog: what a statement does, returns and leaves behind."""

import datetime
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.errors import (
    AlreadyExistsError,
    ColumnNotFoundError,
    SchemaNotFoundError,
    TableNotFoundError,
    UnsupportedTableError,
)
from gateway.errors import (
    DivisionByZeroError,
    InvalidCastError,
    NumericOverflowError,
    ParameterError,
    SqlSyntaxError,
    TypeMismatchError,
    UnknownPreparedStatementError,
    UnknownProcedureError,
)
from gateway.service import Gateway
from gateway.session import Session


class Desk:
    """A gateway and one session on it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.session: Session = gateway.session(user="ann")

    def run(self, text: str, parameters: Any = ()) -> Any:
        result = self.gateway.execute(self.session, text, parameters)
        result.arrow()
        return result

    def rows(self, text: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        return self.run(text, parameters).fetchall()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    gateway = Gateway.open(tmp_path / "home", {"spark.warm": False, "routing.engine": "duckdb"}, environment={})
    yield Desk(gateway)
    gateway.close()


@pytest.fixture
def wells(desk: Desk) -> Desk:
    desk.run(
        "CREATE TABLE wells (id BIGINT, state STRING, depth INT, cost DECIMAL(10,2), spud DATE) PARTITIONED BY (state)"
    )
    desk.run(
        "INSERT INTO wells VALUES (1, 'TX', 100, 10.50, DATE '2020-01-01'), (2, 'TX', NULL, 20.25, NULL),"
        " (3, 'OK', 300, 30, DATE '2021-06-30'), (4, 'ND', 400, NULL, DATE '2022-02-28')"
    )
    return desk


def test_select_one(desk: Desk) -> None:
    result = desk.run("select 1")

    assert result.fetchall() == [(1,)]
    assert result.schema == pa.schema([pa.field("1", pa.int32())])
    assert result.engine == "duckdb"
    assert result.route.reason


def test_inserted_rows_come_back_with_the_columns_types(wells: Desk) -> None:
    result = wells.run("SELECT * FROM wells ORDER BY id")

    assert result.fetchall()[0] == (1, "TX", 100, decimal.Decimal("10.50"), datetime.date(2020, 1, 1))
    assert [str(field.type) for field in result.schema] == [
        "int64",
        "string",
        "int32",
        "decimal128(10, 2)",
        "date32[day]",
    ]


def test_an_insert_tells_how_many_rows_and_makes_a_snapshot_each_time(wells: Desk) -> None:
    assert wells.run("INSERT INTO wells (id) VALUES (5), (6)").update_count == 2
    assert wells.rows("SELECT count(*), count(state) FROM wells") == [(6, 4)]
    assert len(wells.rows("SHOW SNAPSHOTS FOR wells")) == 2


def test_a_filter_on_the_partition_reads_only_its_file(wells: Desk) -> None:
    stats = wells.run("SELECT id FROM wells WHERE state = 'OK'").stats

    assert (stats.files_total, stats.files_planned) == (3, 1)


def test_a_kept_plan_never_hides_a_commit(wells: Desk) -> None:
    query = "SELECT count(*) FROM wells"
    before = wells.rows(query), wells.rows(query)
    wells.run("INSERT INTO wells (id) VALUES (7)")

    assert before == ([(4,)], [(4,)])
    assert wells.rows(query) == [(5,)]


def test_insert_overwrite_replaces_every_row_and_keeps_the_history(wells: Desk) -> None:
    wells.run("INSERT OVERWRITE wells SELECT id + 10, state, depth, cost, spud FROM wells WHERE state = 'TX'")

    assert wells.rows("SELECT id FROM wells ORDER BY id") == [(11,), (12,)]
    first = wells.rows("SHOW SNAPSHOTS FOR wells")[0][0]
    assert wells.rows(f"SELECT count(*) FROM wells VERSION AS OF {first}") == [(4,)]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ("(3000000000, 'TX', 3000000000, 1, NULL)", NumericOverflowError),
        ("('x', 'TX', 1, 1, NULL)", TypeMismatchError),
        ("(1, 'TX')", TypeMismatchError),
    ],
)
def test_values_that_do_not_fit_change_nothing(wells: Desk, values: str, error: type[Exception]) -> None:
    with pytest.raises((error, InvalidCastError)):
        wells.run(f"INSERT INTO wells VALUES {values}")
    assert wells.rows("SELECT count(*) FROM wells") == [(4,)]
    assert len(wells.rows("SHOW SNAPSHOTS FOR wells")) == 1


def test_insert_into_an_unknown_column_names_those_there_are(wells: Desk) -> None:
    with pytest.raises(ColumnNotFoundError) as caught:
        wells.run("INSERT INTO wells (id, dpth) VALUES (1, 2)")
    assert "depth" in (caught.value.hint or "")


def test_create_table_as_takes_names_types_and_partitioning(wells: Desk) -> None:
    result = wells.run(
        "CREATE TABLE deep PARTITIONED BY (state) AS SELECT state, sum(cost) AS cost FROM wells GROUP BY state"
    )

    assert result.update_count == 3
    described = wells.rows("DESCRIBE deep")
    assert [row[:3] for row in described] == [
        ("state", "string", "partition key: state"),
        ("cost", "decimal(20,2)", ""),
    ]
    assert wells.rows("SELECT cost FROM deep WHERE state = 'TX'") == [(decimal.Decimal("30.75"),)]


def test_create_table_as_over_an_existing_table(wells: Desk) -> None:
    with pytest.raises(AlreadyExistsError):
        wells.run("CREATE TABLE wells AS SELECT 1 AS id")
    wells.run("CREATE TABLE IF NOT EXISTS wells AS SELECT 1 AS id")
    assert wells.rows("SELECT count(*) FROM wells") == [(4,)]
    wells.run("CREATE OR REPLACE TABLE wells AS SELECT 1 AS id")
    assert wells.rows("SELECT * FROM wells") == [(1,)]


def test_a_failing_create_table_as_leaves_no_table(desk: Desk) -> None:
    with pytest.raises(DivisionByZeroError):
        desk.run("CREATE TABLE t AS SELECT 1 / (id - 1) AS a FROM VALUES (1) v(id)")
    with pytest.raises(TableNotFoundError):
        desk.rows("SELECT * FROM t")


@pytest.mark.parametrize(
    ("where", "deleted", "left"),
    [
        ("WHERE state = 'TX'", 2, [3, 4]),
        ("WHERE depth > 100", 2, [1, 2]),
        ("WHERE depth IS NULL", 1, [1, 3, 4]),
        ("WHERE state = 'CA'", 0, [1, 2, 3, 4]),
        ("WHERE id IN (SELECT id + 1 FROM wells WHERE state = 'TX')", 2, [1, 4]),
        ("", 4, []),
    ],
)
def test_delete_removes_exactly_the_rows_of_the_condition(
    wells: Desk, where: str, deleted: int, left: list[int]
) -> None:
    assert wells.run(f"DELETE FROM wells {where}").update_count == deleted
    assert wells.rows("SELECT id FROM wells ORDER BY id") == [(number,) for number in left]


def test_views_read_the_namespace_they_were_made_in(wells: Desk) -> None:
    wells.run("CREATE VIEW texan (well, depth) AS SELECT id, depth FROM wells WHERE state = 'TX'")
    wells.run("CREATE SCHEMA other")
    wells.run("USE other")

    assert wells.rows("SELECT well FROM default.texan ORDER BY well") == [(1,), (2,)]
    assert [row[:2] for row in wells.rows("DESCRIBE default.texan")] == [("well", "bigint"), ("depth", "int")]
    assert wells.rows("SHOW VIEWS IN default") == [("default", "texan")]
    wells.run("DROP VIEW default.texan")
    with pytest.raises(TableNotFoundError):
        wells.rows("SELECT * FROM default.texan")


def test_columns_are_added_renamed_and_dropped_without_touching_data(wells: Desk) -> None:
    wells.run("ALTER TABLE wells ADD COLUMN county STRING")
    wells.run("ALTER TABLE wells RENAME COLUMN depth TO depth_ft")
    wells.run("ALTER TABLE wells DROP COLUMN cost")
    wells.run("INSERT INTO wells (id, county, depth_ft) VALUES (5, 'Midland', 500)")

    assert wells.rows("SELECT id, county, depth_ft FROM wells WHERE id IN (1, 5) ORDER BY id") == [
        (1, None, 100),
        (5, "Midland", 500),
    ]


def test_external_csv_is_read_in_place_and_never_written(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text('id,name\n1,"a, b"\n2,\n')
    desk.run(f"CREATE EXTERNAL TABLE t (id INT, name STRING) USING csv LOCATION '{folder}'")

    assert desk.rows("SELECT * FROM t ORDER BY id") == [(1, "a, b"), (2, None)]
    with pytest.raises(UnsupportedTableError):
        desk.run("INSERT INTO t VALUES (3, 'c')")
    desk.run("DROP TABLE t")
    assert (folder / "a.csv").exists()


def test_explain_route_has_a_row_per_engine(wells: Desk) -> None:
    result = wells.run("EXPLAIN ROUTE SELECT * FROM wells")

    assert result.schema.names == ["engine", "eligible", "predicted_ms", "why", "chosen"]
    assert {row[0]: row[4] for row in result.fetchall()} == {"duckdb": True, "spark": False}


def test_explain_names_files_and_columns(wells: Desk) -> None:
    text = "\n".join(row[0] for row in wells.rows("EXPLAIN SELECT depth FROM wells WHERE state = 'TX'"))

    assert "1 of 3 files" in text
    assert "depth" in text


def test_explain_analyze_runs_the_query(wells: Desk) -> None:
    text = "\n".join(row[0] for row in wells.rows("EXPLAIN ANALYZE SELECT * FROM wells"))

    assert "ran: duckdb, 4 rows" in text


def test_prepared_statements_bind_values(wells: Desk) -> None:
    wells.run("PREPARE by_state FROM SELECT id FROM wells WHERE state = ? AND depth >= ?")

    assert wells.rows("EXECUTE by_state USING 'TX', 100") == [(1,)]
    assert wells.rows("EXECUTE IMMEDIATE 'SELECT ? + 1' USING 41") == [(42,)]
    wells.run("DEALLOCATE PREPARE by_state")
    with pytest.raises(UnknownPreparedStatementError):
        wells.run("EXECUTE by_state USING 'TX', 100")


def test_parameters_are_values_never_text(wells: Desk) -> None:
    assert wells.rows("SELECT id FROM wells WHERE state = ?", ["TX' OR '1'='1"]) == []
    assert wells.rows("SELECT ?, ?, ?", [None, "it's", decimal.Decimal("1.50")]) == [
        (None, "it's", decimal.Decimal("1.50"))
    ]
    with pytest.raises(ParameterError):
        wells.run("SELECT ?, ?", [1])


def test_the_information_schema_is_queried_like_any_table(wells: Desk) -> None:
    query = (
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_name = 'wells' AND ordinal_position <= 2"
    )

    assert sorted(wells.rows(query)) == [("id", "bigint"), ("state", "string")]


@pytest.mark.parametrize(
    "text",
    ["SHOW CATALOGS", "SHOW SCHEMAS", "SHOW TABLES", "SHOW COLUMNS FROM wells", "SHOW PARTITIONS wells",
     "SHOW SNAPSHOTS FOR wells", "SHOW STATS FOR wells", "SHOW CREATE TABLE wells", "SHOW FUNCTIONS LIKE 'cou%'",
     "SHOW QUERIES", "SHOW SESSION", "DESCRIBE wells", "DESCRIBE EXTENDED wells", "DESCRIBE SELECT * FROM wells",
     "SET"],
)  # fmt: skip
def test_everything_that_is_shown_has_rows(wells: Desk, text: str) -> None:
    result = wells.run(text)

    assert result.arrow().num_rows > 0
    assert result.engine == "catalog"


def test_show_create_table_makes_the_same_table_again(wells: Desk) -> None:
    ((text,),) = wells.rows("SHOW CREATE TABLE wells")
    before = wells.rows("DESCRIBE wells")
    wells.run("DROP TABLE wells")
    wells.run(text)

    assert wells.rows("DESCRIBE wells") == before


def test_unknown_names_come_with_the_place_and_the_nearest(wells: Desk) -> None:
    with pytest.raises(TableNotFoundError) as table:
        wells.run("SELECT *\nFROM wels")
    with pytest.raises(ColumnNotFoundError) as column:
        wells.run("SELECT dept FROM wells")

    assert (table.value.line, table.value.column) == (2, 6)
    assert "wells" in (table.value.hint or "")
    assert (column.value.line, column.value.column) == (1, 8)
    assert "depth" in (column.value.hint or "")


def test_a_syntax_error_has_its_place(desk: Desk) -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        desk.run("SELECT 1\nFROM WHERE")
    assert caught.value.line == 2


def test_session_statements(desk: Desk) -> None:
    desk.run("SET time_zone = 'Europe/Berlin'")
    assert desk.session.time_zone == "Europe/Berlin"
    desk.run("SET engine = duckdb")
    assert desk.session.engine == "duckdb"
    desk.run("RESET time_zone")
    assert desk.session.time_zone == "UTC"
    with pytest.raises(SchemaNotFoundError):
        desk.run("USE nowhere")


def test_procedures(wells: Desk) -> None:
    wells.run("INSERT INTO wells (id) VALUES (5)")
    tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)

    expired = wells.run(f"CALL system.expire_snapshots('wells', TIMESTAMP '{tomorrow:%Y-%m-%d %H:%M:%S}', 1)")

    assert expired.update_count == 1
    assert wells.rows("SELECT count(*) FROM wells") == [(5,)]
    with pytest.raises(ParameterError):
        wells.run("CALL system.kill_query('nothing')")
    with pytest.raises(UnknownProcedureError):
        wells.run("CALL system.nothing()")


def test_every_statement_is_in_the_history(wells: Desk) -> None:
    with pytest.raises(DivisionByZeroError):
        wells.run("SELECT 1 / 0")
    wells.gateway.history.flush()
    rows = wells.run("SHOW QUERIES").arrow().to_pylist()

    failed = next(row for row in rows if row["text"] == "SELECT 1 / 0")
    inserted = next(row for row in rows if row["text"].startswith("INSERT"))
    assert (failed["state"], failed["error_code"]) == ("FAILED", "DIVISION_BY_ZERO")
    assert inserted["state"] == "FINISHED"
    assert inserted["user"] == "ann"


def test_closing_and_opening_again_finds_everything(wells: Desk) -> None:
    root = wells.gateway.home.root
    wells.gateway.close()
    again = Desk(Gateway.open(root, {"spark.warm": False}, environment={}))
    try:
        assert again.rows("SELECT count(*) FROM wells") == [(4,)]
    finally:
        again.gateway.close()
