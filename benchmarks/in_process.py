"""What the gateway adds to a small query that is asked again, beside bare DuckDB on the same file in the same run."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks.figures import Figure, save, show
from catalog.identifiers import TableName
from catalog.predicates import ALWAYS
from catalog.tables import View
from gateway.service import Gateway

ROWS = 1_000_000
ROUNDS = 400
QUERIES = {
    "point look-up": ("SELECT v FROM {table} WHERE id = 4711", "SELECT v FROM {table} WHERE id = 4711"),
    "count": ("SELECT count(*) FROM {table}", "SELECT count(*) FROM {table}"),
    "constant": ("SELECT 1", "SELECT 1"),
}


def medians_ms(left: Callable[[], object], right: Callable[[], object]) -> tuple[float, float]:
    """Return both medians of calls taken in turn, so that noise meets both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for taken, call in zip(times, (left, right), strict=True):
            started = time.perf_counter()
            call()
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[0][20:]), statistics.median(times[1][20:])


def measure() -> list[Figure]:
    """Return one figure per query: the gateway's median less bare DuckDB's."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.parquet"
        bare = duckdb.connect()
        bare.execute(f"COPY (SELECT range AS id, hash(range)::VARCHAR AS v FROM range({ROWS})) TO '{source}'")
        with Gateway.open(Path(folder) / "home", {"spark.warm": False}) as gateway:
            session = gateway.session()
            gateway.execute(session, f"CREATE EXTERNAL TABLE source USING parquet LOCATION '{source}'").complete()
            gateway.execute(session, "CREATE TABLE t AS SELECT * FROM source").complete()
            files = _paths(gateway)
            bare.execute(f"CREATE VIEW t AS SELECT * FROM read_parquet({files})")
            figures = []
            for name, (through, directly) in QUERIES.items():
                sql, bare_sql = through.format(table="t"), directly.format(table="t")
                gateway_ms, bare_ms = medians_ms(
                    lambda sql=sql: gateway.execute(session, sql).arrow(),  # type: ignore[misc]
                    lambda bare_sql=bare_sql: bare.sql(bare_sql).to_arrow_table(),  # type: ignore[misc]
                )
                figures.append(_figure(name, gateway_ms, bare_ms))
            return figures


def _paths(gateway: Gateway) -> list[str]:
    table = gateway.catalog.load(TableName("lake", "default", "t"))
    assert not isinstance(table, View)
    paths: list[str] = table.scan(ALWAYS).files.paths.to_pylist()
    return paths


def _figure(name: str, gateway_ms: float, bare_ms: float) -> Figure:
    added = gateway_ms - bare_ms
    return Figure(
        what=f"{name}, asked again, through the gateway in process",
        reached=f"{added:+.2f} ms",
        goal="p50 ≤ +1 ms",
        met=added <= 1.0,
        note=f"gateway {gateway_ms:.2f} ms, bare DuckDB {bare_ms:.2f} ms; medians of {ROUNDS} in turn",
    )


def main() -> int:
    """Measure, print, keep."""
    figures = measure()
    show(figures)
    save("in_process", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
