"""What the DuckDB engine and the result around it cost over bare DuckDB: small queries, point look-ups, streams.

    python -m benchmarks.duckdb_overhead [--rows 10000000]

Each round asks all ways in turn, so that a busy machine is busy for all; answers are compared first.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.files import FileSet
from catalog.identifiers import TableName
from catalog.schema import Column, Schema
from catalog.tables import FileFormat, Scan
from gateway.engines.base import EngineQuery
from gateway.engines.duckdb import DuckDBEngine
from gateway.execution import Attempt, Execution
from gateway.home import open_home
from gateway.results import Reason, Result, SnapshotStore
from gateway.settings import resolve

MEMORY = 8 * 1024**2


def scan_of(path: Path) -> Scan:
    schema = pq.read_schema(path)
    unknown = pa.nulls(1, pa.int64())
    return Scan(
        table=TableName("lake", "default", "t"),
        schema=Schema(tuple(Column(field.name, field.type) for field in schema)),
        format=FileFormat.PARQUET,
        files=FileSet(pa.array([str(path)]), unknown, unknown),
        files_total=1,
        snapshot_id=None,
        identity=str(path),
        location=str(path.parent),
    )


class Ways:
    """The same query by each way; all return a table."""

    def __init__(self, folder: Path, data: Path) -> None:
        home = open_home(folder / "home")
        self.engine = DuckDBEngine(resolve({}), home)
        self.store = SnapshotStore(home.spool, 1 << 50, 1e9)
        self.bare = duckdb.connect()
        self.bare.execute(f"CREATE VIEW t AS FROM read_parquet('{data}')")
        self.relations = {"t": scan_of(data)}

    def by_rows(self, sql: str) -> pa.Table:
        return self.bare.execute(sql).fetchall()

    def by_arrow(self, sql: str) -> pa.Table:
        return self.bare.sql(sql).to_arrow_reader(65536).read_all()

    def by_engine(self, sql: str, schema: pa.Schema) -> pa.Table:
        return pa.Table.from_batches(self.engine.start(EngineQuery(sql, self.relations, schema)).batches(), schema)

    def result(self, sql: str, schema: pa.Schema, *, spool: bool = True) -> Result:
        execution = Execution("bench", timeout_seconds=600)
        execution.run([Attempt(self.engine, EngineQuery(sql, self.relations, schema), "bench")])
        return Result.running(execution, Reason("bench"), self.store if spool else None, memory_bytes=MEMORY)


def median_ms(rounds: int, ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            start = time.perf_counter()
            work()
            taken[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in taken.items()}


def drain(batches: object) -> int:
    return sum(batch.num_rows for batch in batches)  # type: ignore[attr-defined]


def small(ways: Ways, sql: str, rounds: int) -> None:
    expected = ways.by_arrow(sql)
    schema = expected.schema
    assert ways.by_engine(sql, schema) == expected
    assert ways.result(sql, schema).arrow() == expected
    found = median_ms(
        rounds,
        {
            "bare fetchall": lambda: ways.by_rows(sql),
            "bare to_arrow_reader": lambda: ways.by_arrow(sql),
            "engine": lambda: ways.by_engine(sql, schema),
            "engine + result": lambda: ways.result(sql, schema).arrow(),
            "engine + result, fetchall": lambda: ways.result(sql, schema).fetchall(),
        },
    )
    print(f"\n{sql}   (p50 of {rounds}, ms)")
    for name, value in found.items():
        print(f"  {name:28} {value:8.3f}   {value - found['bare fetchall']:+.3f}")


def streams(ways: Ways, sql: str, rounds: int) -> None:
    schema = ways.bare.sql(sql).to_arrow_reader(1024).schema
    rows = drain(ways.bare.sql(sql).to_arrow_reader(65536))
    assert drain(ways.result(sql, schema, spool=False).batches()) == rows
    found = median_ms(
        rounds,
        {
            "bare to_arrow_reader": lambda: drain(ways.bare.sql(sql).to_arrow_reader(65536)),
            "result, not kept": lambda: drain(ways.result(sql, schema, spool=False).batches()),
            "result, spooled": lambda: drain(ways.result(sql, schema).batches()),
            "snapshot read again": lambda: drain(ways.store.open("bench").batches()),
        },
    )
    print(f"\n{sql}   ({rows:,} rows, median of {rounds}, ms)")
    for name, value in found.items():
        print(f"  {name:28} {value:8.0f}   x{value / found['bare to_arrow_reader']:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    options = parser.parse_args()
    print(
        f"{platform.machine()} {os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    )
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data" / "t.parquet"
        data.parent.mkdir()
        duckdb.execute(
            f"COPY (SELECT range AS id, (hash(range) % 1000)::INTEGER AS k, (range % 99999)::DECIMAL(12, 2) AS amount, "
            f"'customer ' || (range % 5000) AS name FROM range({options.rows})) TO '{data}'"
        )
        ways = Ways(Path(folder), data)
        small(ways, "select 1 as x", 500)
        small(ways, f"select * from t where id = {options.rows // 2}", 200)
        small(ways, "select k, count(*) as c from t where id < 10000 group by k order by k", 200)
        streams(ways, "select * from t", 3)
        ways.engine.close()


if __name__ == "__main__":
    main()
