"""What SparkEngine adds to bare Spark Connect on warm small queries: the ratio of medians, taken in turns in one run.

Run: ``python -m benchmarks.spark_overhead [sc://host:port]``; without an address a local server is started.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.connect.session import SparkSession

from benchmarks.figures import Figure, save, show
from catalog.files import FileSet
from catalog.identifiers import TableName
from catalog.schema import Column, Schema
from catalog.tables import FileFormat, Scan
from gateway.engines.base import EngineQuery
from gateway.engines.spark import SparkEngine, server
from gateway.home import Home, open_home
from gateway.settings import resolve

QUERIES = ("SELECT 1 AS a", "SELECT k, count(*) AS n, sum(x) AS s FROM hg_1 GROUP BY k ORDER BY k")
REACH = 1.2


def one_file(path: Path) -> Scan:
    """Return a scan over a small Parquet file made at ``path``."""
    pq.write_table(pa.table({"x": list(range(10_000)), "k": [i % 7 for i in range(10_000)]}), path)
    files = FileSet(pa.array([str(path)]), pa.array([path.stat().st_size]), pa.array([10_000]))
    schema = Schema((Column("x", pa.int64()), Column("k", pa.int64())))
    name = TableName("lake", "default", "t")
    return Scan(name, schema, FileFormat.PARQUET, files, 1, None, str(path), str(path.parent))


def milliseconds(work: Callable[[], pa.Table]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def measure(remote: str, folder: Path, rounds: int) -> list[Figure]:
    """Compare answers, then return the ratio of medians per query."""
    figures = []
    scan = one_file(folder / "t.parquet")
    engine = SparkEngine(resolve({"spark.remote": remote}), open_home(folder / "home"))
    spark = SparkSession.builder.remote(remote).create()
    spark.read.parquet(str(folder / "t.parquet")).createOrReplaceTempView("hg_1")
    for sql in QUERIES:
        query = EngineQuery(sql, {"hg_1": scan})

        def ours(query: EngineQuery = query) -> pa.Table:
            run = engine.start(query)
            return pa.Table.from_batches(list(run.batches()), run.schema)

        def bare(sql: str = sql) -> pa.Table:
            return spark.sql(sql).toArrow()

        began = milliseconds(ours)
        assert ours().to_pylist() == bare().to_pylist(), "the answers differ"
        for _ in range(rounds // 2):
            ours(), bare()
        times = [(milliseconds(ours), milliseconds(bare)) for _ in range(rounds)]
        mine, theirs = (statistics.median(column) for column in zip(*times, strict=True))
        figures.append(
            Figure(
                what=f"warm `{sql}` on Spark through the gateway's engine, beside bare Spark Connect",
                reached=f"{mine / theirs:.2f}",
                goal=f"≤ {REACH}",
                met=mine <= REACH * theirs,
                note=f"engine {mine:.0f} ms, bare {theirs:.0f} ms, medians of {rounds} in turn; first {began:.0f} ms",
            )
        )
    engine.close()
    spark.stop()
    return figures


def started(home: Home) -> str:
    """Return the address of a new local server."""
    settings = resolve({"spark.driver_memory": "1GB"})
    address = server.start(settings, home)
    server.mark_used(server.folder_of(settings, home), ahead_seconds=3600)
    return server.remote(address)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("remote", nargs="?")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder) / "server")
        try:
            figures = measure(options.remote or started(home), Path(folder), options.rounds)
            show(figures)
            save("spark_overhead", figures)
        finally:
            server.stop(home)


if __name__ == "__main__":
    main()
