"""What the portable set gives and refuses, without an engine."""

import datetime

import pyarrow as pa
import pytest

from catalog.identifiers import Namespace
from catalog.schema import TIMESTAMP, Column, Schema
from gateway.bound import BindingContext
from gateway.dialects.portability import Ported, port
from gateway.dialects.reader import parse_tree

CONTEXT = BindingContext(
    namespace=Namespace("lake", "default"), now=datetime.datetime(2024, 2, 29, 12, 0, tzinfo=datetime.UTC)
)
TABLE = Schema(
    (
        Column("i", pa.int32()),
        Column("l", pa.int64()),
        Column("d", pa.decimal128(15, 2)),
        Column("f", pa.float64()),
        Column("s", pa.string()),
        Column("dt", pa.date32()),
        Column("ts", TIMESTAMP),
    )
)


def ported(sql: str, context: BindingContext = CONTEXT) -> Ported:
    return port(parse_tree(sql, "spark"), {"hg_1": TABLE}, context)


def types(sql: str) -> list[str]:
    result = ported(sql)
    assert result.schema is not None, result.obstacles
    return [str(type_) for type_ in result.schema.types]


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("t.i + 1", "int32"),
        ("t.i + t.l", "int64"),
        ("t.i / 2", "double"),
        ("t.d + 1", "decimal128(16, 2)"),
        ("t.d * t.d", "decimal128(31, 4)"),
        ("t.d / 3", "decimal128(19, 6)"),
        ("t.d * (1 - t.d)", "decimal128(32, 4)"),
        ("t.i + 1.5", "decimal128(12, 1)"),
        ("t.f + t.d", "double"),
        ("coalesce(t.i, t.l)", "int64"),
        ("case when t.i = 1 then t.i else t.d end", "decimal128(15, 2)"),
        ("t.dt + 1", "date32[day]"),
        ("cast(t.s as timestamp)", "timestamp[us, tz=UTC]"),
        ("cast(t.s as timestamp_ntz)", "timestamp[us]"),
    ],
)
def test_expressions_have_the_reference_type(expression: str, type_: str) -> None:
    assert types(f"SELECT {expression} AS x FROM hg_1 AS t") == [type_]


def test_aggregates_have_the_reference_type() -> None:
    sql = "SELECT count(*), sum(t.i), sum(t.d), avg(t.i), avg(t.d), sum(t.f) FROM hg_1 AS t"
    assert types(sql) == ["int64", "int64", "decimal128(25, 2)", "double", "decimal128(19, 6)", "double"]


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("count(*)", "count(1)"),
        ("sum(t.i + 1)", "sum((i + 1))"),
        ("max(t.i) <> 2", "(NOT (max(i) = 2))"),
        ("count(DISTINCT t.s)", "count(DISTINCT s)"),
        ("sum(CASE WHEN t.i > 1 THEN 1 ELSE 0 END)", "sum(CASE WHEN (i > 1) THEN 1 ELSE 0 END)"),
        ("CAST(max(t.s) AS INT)", "CAST(max(s) AS INT)"),
        ("1e10", "1.0E10"),
        ("DATE'2024-02-29'", "DATE '2024-02-29'"),
    ],
)
def test_unaliased_columns_have_sparks_name(expression: str, name: str) -> None:
    result = ported(f"SELECT {expression} FROM hg_1 AS t")
    assert result.schema is not None, result.obstacles
    assert result.schema.names == [name]


def test_a_cast_column_keeps_its_name() -> None:
    result = ported("SELECT CAST(t.I AS STRING) FROM hg_1 AS t")
    assert result.schema is not None
    assert result.schema.names == ["I"]


@pytest.mark.parametrize(
    ("sql", "construct"),
    [
        ("SELECT percentile_approx(t.i, 0.5) FROM hg_1 AS t", "percentile_approx()"),
        ("SELECT rand() FROM hg_1 AS t", "rand()"),
        ("SELECT t.s LIKE t.s FROM hg_1 AS t", "LIKE with a computed pattern"),
        ("SELECT t.i, count(*) FROM hg_1 AS t", "aggregation"),
        ("SELECT t.s RLIKE '(?i)a' FROM hg_1 AS t", "regular expression '(?i)a'"),
        ("WITH RECURSIVE c AS (SELECT 1 AS n) SELECT c.n FROM c", "WITH RECURSIVE"),
        ("SELECT t.i FROM hg_1 AS t TABLESAMPLE (10 PERCENT)", "Select with sample"),
    ],
)
def test_what_is_outside_the_set_is_named(sql: str, construct: str) -> None:
    result = ported(sql)
    assert result.duckdb_sql is None
    assert result.schema is None
    assert [obstacle.construct for obstacle in result.obstacles] == [construct]


def test_an_obstacle_says_where_it_is() -> None:
    (obstacle,) = ported("SELECT t.i,\n  soundex(t.s) AS x FROM hg_1 AS t").obstacles
    assert (obstacle.line, obstacle.column) == (2, 3)


def test_the_instant_is_the_statements() -> None:
    result = ported("SELECT now() AS a, current_date() AS b")
    assert result.duckdb_sql is not None
    assert "TIMESTAMPTZ '2024-02-29 12:00:00.000000+00'" in result.duckdb_sql
    assert "DATE '2024-02-29'" in result.duckdb_sql


def test_local_times_are_portable_in_utc_only() -> None:
    sql = "SELECT CAST(t.dt AS TIMESTAMP) AS x FROM hg_1 AS t"
    berlin = BindingContext(namespace=Namespace("lake", "default"), time_zone="Europe/Berlin")
    assert ported(sql).duckdb_sql is not None
    assert ported(sql, berlin).duckdb_sql is None


@pytest.mark.parametrize(
    ("sql", "dependent"),
    [
        ("SELECT t.i FROM hg_1 AS t LIMIT 1", True),
        ("SELECT t.i FROM hg_1 AS t ORDER BY t.i LIMIT 1", False),
        ("SELECT t.i, t.s FROM hg_1 AS t ORDER BY t.i LIMIT 1", True),
        ("SELECT first(t.i) FROM hg_1 AS t", True),
        ("SELECT max(t.i) FROM hg_1 AS t", False),
        ("SELECT row_number() OVER (ORDER BY t.i) AS n FROM hg_1 AS t", True),
    ],
)
def test_answers_that_hang_on_an_order_are_marked(sql: str, dependent: bool) -> None:
    assert ported(sql).order_dependent is dependent


def test_a_float_column_in_a_predicate_is_safe_from_footers() -> None:
    result = ported("SELECT t.i FROM hg_1 AS t WHERE t.f > 1 AND t.i > 1")
    assert result.duckdb_sql is not None
    assert '("t"."f" + 0e0)' in result.duckdb_sql
    assert '("t"."i" > 1)' in result.duckdb_sql


def test_a_division_behind_a_condition_is_guarded() -> None:
    result = ported("SELECT t.l FROM hg_1 AS t WHERE t.i <> 0 AND t.l / t.i > 1")
    assert result.duckdb_sql is not None
    assert 'CASE WHEN ("t"."i" <> 0) THEN' in result.duckdb_sql


def test_volatile_rows_are_marked_although_only_spark_runs_them() -> None:
    assert ported("SELECT soundex(t.s), rand() FROM hg_1 AS t").volatile
    assert not ported("SELECT soundex(t.s) FROM hg_1 AS t").volatile


def test_quotes_in_names_and_texts_stay_inside() -> None:
    result = ported("SELECT 'a''b\"c' AS `x\"y` FROM hg_1 AS t")
    assert result.duckdb_sql is not None
    assert '\'a\'\'b"c\' AS "x""y"' in result.duckdb_sql
