"""Whole queries on both engines: clauses, joins, windows, subqueries, set operations, names and types."""

# ruff: noqa: E501  rows of a table read best on one line

from collections.abc import Iterator
from typing import Any

import pytest
from awkward import AWKWARD
from harness import Engines

pytestmark = pytest.mark.spark

QUERIES = (
    "SELECT i, l + 1, s FROM awkward",
    "SELECT i + l, i * 2, i / 2, d * d, d + 1, d / 3, i / d FROM awkward WHERE d <> 0 AND k < 5 AND k NOT IN (3)",
    "SELECT i AS g, count(*) c FROM awkward WHERE k > 2 GROUP BY i HAVING count(*) > 0 ORDER BY g DESC",
    "SELECT f, count(*) FROM awkward GROUP BY f ORDER BY f",
    "SELECT r, count(*) FROM awkward GROUP BY r ORDER BY r DESC",
    "SELECT DISTINCT f FROM awkward",
    "SELECT DISTINCT b, i > 0 FROM awkward",
    "SELECT t.i, u.l FROM awkward t JOIN awkward u ON t.i = u.i AND u.d > 1.5 ORDER BY t.i, 2",
    "SELECT t.k, u.k AS uk FROM awkward t LEFT JOIN awkward u ON t.i = u.l WHERE t.k < 7",
    "SELECT t.k, u.k AS uk FROM awkward t FULL JOIN awkward u ON t.k = u.y",
    "SELECT t.k FROM awkward t LEFT SEMI JOIN awkward u ON t.k = u.y",
    "SELECT t.k FROM awkward t LEFT ANTI JOIN awkward u ON t.k = u.y",
    "SELECT count(*) FROM awkward t, awkward u WHERE t.f = u.f",
    "SELECT k FROM awkward WHERE f > 1",
    "SELECT k FROM awkward WHERE f >= 0e0 OR isnan(f)",
    "SELECT k FROM awkward WHERE i IN (SELECT y FROM awkward WHERE y IS NOT NULL)",
    "SELECT k FROM awkward WHERE i NOT IN (SELECT y FROM awkward WHERE y IS NOT NULL)",
    "SELECT k FROM awkward WHERE i NOT IN (SELECT y FROM awkward)",
    "SELECT k FROM awkward t WHERE EXISTS (SELECT 1 FROM awkward u WHERE u.y = t.k)",
    "SELECT k, (SELECT max(u.l) FROM awkward u WHERE u.k < t.k) m FROM awkward t",
    "SELECT (SELECT k FROM awkward)",
    "SELECT k FROM awkward WHERE d > (SELECT avg(d) FROM awkward)",
    "WITH c AS (SELECT i, sum(l) sl FROM awkward WHERE k IN (0, 1, 2) GROUP BY i) SELECT c.i, sl / 2 FROM c ORDER BY 1",
    "SELECT i FROM awkward UNION SELECT l FROM awkward",
    "SELECT f FROM awkward UNION SELECT r FROM awkward WHERE k < 6",
    "SELECT i FROM awkward UNION ALL SELECT d FROM awkward",
    "SELECT i FROM awkward INTERSECT SELECT y FROM awkward",
    "SELECT i FROM awkward EXCEPT SELECT y FROM awkward ORDER BY i",
    "SELECT b, y, grouping(b), count(*) FROM awkward GROUP BY ROLLUP (b, y)",
    "SELECT b, count(*), sum(y) FROM awkward GROUP BY CUBE (b)",
    "SELECT b, y, grouping_id(b, y), count(*) FROM awkward GROUP BY GROUPING SETS ((b), (y), (b, y), ())",
    "SELECT b, k, count(*) FROM awkward GROUP BY GROUPING SETS ((b), (k), ())",
    "SELECT k, row_number() OVER (PARTITION BY b ORDER BY k), rank() OVER (ORDER BY b), sum(y) OVER (ORDER BY k) FROM awkward",
    "SELECT k, lag(i) OVER (ORDER BY k), lead(i, 2, 0) OVER (ORDER BY k), ntile(3) OVER (ORDER BY k) FROM awkward",
    "SELECT k, sum(y) OVER (ORDER BY k ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), avg(d) OVER (PARTITION BY b) FROM awkward"
    " WHERE k <> 3",
    "SELECT k, first(i) OVER (ORDER BY k), last_value(i) OVER (PARTITION BY b ORDER BY k), dense_rank() OVER (ORDER BY f)"
    " FROM awkward",
    "SELECT k, i FROM awkward QUALIFY row_number() OVER (PARTITION BY b ORDER BY k) = 1",
    "SELECT k, x FROM awkward LATERAL VIEW explode(ai) e AS x",
    "SELECT k, p, x FROM awkward LATERAL VIEW OUTER posexplode(ai) e AS p, x",
    "SELECT k, explode(ai) FROM awkward",
    "SELECT * FROM VALUES (1, 'a', 1.5), (NULL, 'b', 2) t(a, b, c) ORDER BY a",
    "SELECT CASE WHEN i = 1 THEN 'one' WHEN i > 5 THEN s END, CASE i WHEN 1 THEN 1 ELSE 2.5 END, if(b, i, l) FROM awkward",
    "SELECT s LIKE 'a%', s NOT LIKE '%b_', s LIKE 'a/_%' ESCAPE '/', s ILIKE 'A%', s RLIKE '^[a-z]+$' FROM awkward",
    "SELECT NOT i IS NULL, i IS NOT NULL, b IS TRUE, b IS NOT FALSE, i IS DISTINCT FROM y, i <=> y FROM awkward",
    "SELECT i BETWEEN 0 AND 5, i IN (1, 2, NULL), NOT i IN (1), s || 'x', -y, ~y, y & 3, y | 8, y ^ 1 FROM awkward",
    "SELECT 1.5, 1e10, 1L, -1, -5L, DATE'2020-01-01', true, 'x', 2.50BD, TIMESTAMP'2020-01-01 01:02:03.45', X'1f'",
    "SELECT dt + 1, dt - 1, dt + INTERVAL 1 MONTH, dt - INTERVAL '2' DAY, n + INTERVAL 3 HOURS, ts - INTERVAL 1 YEAR"
    " FROM awkward WHERE k <> 3",
    "SELECT extract(YEAR FROM dt), extract(DOW FROM dt), extract(SECOND FROM n), extract(WEEK FROM ts) FROM awkward",
    "SELECT trim(BOTH 'a' FROM s), position('b' IN s), substring(s FROM 2), overlay(s PLACING '_' FROM 2) FROM awkward",
    "SELECT ai[0] FROM awkward WHERE size(ai) > 0",
    "SELECT ai[5] FROM awkward",
    "SELECT named_struct('x', i).x, struct(i, s) FROM awkward",
    "SELECT i / 0 FROM awkward",
    "SELECT d / 0 FROM awkward",
    "SELECT f % 0 FROM awkward",
    "SELECT l + 1 FROM awkward",
    "SELECT i * i FROM awkward",
    "SELECT sum(l) FROM awkward WHERE l > 0",
    "SELECT cast(s AS INT) FROM awkward",
    "SELECT cast('12' AS INT), cast(' 7 ' AS BIGINT), cast('1e3' AS DOUBLE), cast('2024-2-3' AS DATE), cast('t' AS BOOLEAN)",
    "SELECT k FROM awkward WHERE i <> 0 AND l / i > 1",
    "SELECT k FROM awkward WHERE size(ai) > 0 AND ai[0] = 1",
    "SELECT any_value(i), first(s), count(*) FROM awkward WHERE k = 1",
    "SELECT collect_list(i), collect_set(s), array_agg(k) FROM awkward WHERE k = 1",
    "SELECT listagg(s, ','), string_agg(s) FROM awkward WHERE k = 2",
    "SELECT timestampadd(DAY, 1, ts), dateadd(MONTH, y, dt), timestampdiff(HOUR, ts, n), datediff(DAY, dt, ts) FROM awkward"
    " WHERE k NOT IN (3, 4)",
    "SELECT sum(d) / count(*), avg(d * d), sum(d) * 0.5, max(d) % 3 FROM awkward",
    "SELECT upper(s), count(*) FROM awkward GROUP BY upper(s) ORDER BY 1",
)


@pytest.fixture(scope="module")
def engines(spark_remote: str) -> Iterator[Engines]:
    from pyspark.sql import SparkSession

    spark: Any = SparkSession.builder.remote(spark_remote).create()
    yield Engines(spark, {"awkward": AWKWARD})
    spark.stop()


@pytest.mark.parametrize("sql", QUERIES)
def test_both_engines_give_one_answer(engines: Engines, sql: str) -> None:
    ported = engines.port(sql)
    assert ported.duckdb_sql is not None, ported.obstacles
    assert engines.compare(sql) is None
