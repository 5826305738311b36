"""Planning one query against the number of data files: bind, load the snapshot, prune, estimate.

The files are described in the manifests and never read, so they need not exist.
"""

import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from benchmarks.figures import Figure, save, show
from catalog.commits import Committer
from catalog.datafiles import FileFacts
from catalog.identifiers import TableName
from catalog.schema import Column, Schema
from catalog.tables import PartitionField
from gateway.preparation import Preparer
from gateway.service import Gateway
from gateway.session import Session
from gateway.statements import Query, parse

GOALS_MS = {1_000: None, 10_000: 20.0, 100_000: 200.0}
ROUNDS = 9
BATCH = 20_000
"""Files of one commit."""
ROWS_PER_FILE = 1_000
QUERY = "SELECT count(*), max(depth) FROM {table} WHERE state = 'S7' AND id BETWEEN {low} AND {high}"


def build(gateway: Gateway, name: TableName, count: int) -> None:
    """Make a table whose manifests describe ``count`` files: 50 states, ids in ranges, bounds known."""
    schema = Schema((Column("id", pa.int64()), Column("state", pa.string()), Column("depth", pa.int32())))
    partitioning = (PartitionField("state", "identity", "state"),)
    table = gateway.catalog.create_table(name, schema, partitioning)
    committer = Committer(_pyiceberg(gateway))
    for start in range(0, count, BATCH):
        files = [facts(table.location, number) for number in range(start, min(start + BATCH, count))]
        committer.append((name.schema, name.name), partitioning, files)


def _pyiceberg(gateway: Gateway) -> object:
    from pyiceberg.catalog.sql import SqlCatalog

    home = gateway.home
    return SqlCatalog("lake", uri=f"sqlite:///{home.catalog_database}", warehouse=f"file://{home.warehouse}")


def facts(location: str, number: int) -> FileFacts:
    """Return what a manifest says of one file."""
    state = f"S{number % 50}"
    low, high = number * ROWS_PER_FILE, (number + 1) * ROWS_PER_FILE - 1
    counts = {1: ROWS_PER_FILE, 2: ROWS_PER_FILE, 3: ROWS_PER_FILE}
    return FileFacts(
        location=f"{location}/data/state={state}/{number:08d}.parquet",
        record_count=ROWS_PER_FILE,
        size_bytes=20_000,
        partition=(state,),
        column_sizes={1: 8_000, 2: 100, 3: 4_000},
        value_counts=counts,
        null_counts=dict.fromkeys(counts, 0),
        lower_bounds={1: struct.pack("<q", low), 2: state.encode(), 3: struct.pack("<i", 0)},
        upper_bounds={1: struct.pack("<q", high), 2: state.encode(), 3: struct.pack("<i", 9_999)},
        split_offsets=(4,),
    )


def plan_ms(preparer: Preparer, session: Session, table: str, count: int, turn: int) -> float:
    """Return the milliseconds of planning one text not planned before, so that no kept plan answers."""
    low = (count // 2) * ROWS_PER_FILE + turn
    text = QUERY.format(table=table, low=low, high=low + 50 * ROWS_PER_FILE)
    started = time.perf_counter()
    query = parse(text)
    assert isinstance(query, Query)
    plan = preparer.prepare(session, query)
    elapsed = (time.perf_counter() - started) * 1000
    assert 1 <= plan.estimates.files_planned <= 3, plan.estimates
    assert plan.estimates.files_total == count
    return elapsed


def measure(counts: tuple[int, ...] = tuple(GOALS_MS)) -> list[Figure]:
    """Return first and second planning time for each number of files."""
    figures = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            with Gateway.open(home, {"spark.warm": False}) as gateway:
                build(gateway, TableName("lake", "default", "t"), count)
            with Gateway.open(home, {"spark.warm": False}) as gateway:
                session = gateway.session()
                first = plan_ms(gateway.preparer, session, "t", count, 0)
                again = statistics.median(
                    plan_ms(gateway.preparer, session, "t", count, turn) for turn in range(1, ROUNDS + 1)
                )
            with Gateway.open(home, {"spark.warm": False}) as gateway:
                kept = plan_ms(gateway.preparer, gateway.session(), "t", count, 99)
        goal = GOALS_MS.get(count)
        figures.append(
            Figure(
                what=f"planning a query on {count:,} data files, second time",
                reached=f"{again:.1f} ms",
                goal="" if goal is None else f"≤ {goal:.0f} ms",
                met=None if goal is None else again <= goal,
                note=f"median of {ROUNDS} texts not seen before; first time {first:.0f} ms from the manifests,"
                f" {kept:.0f} ms in a new process' gateway from its cache",
            )
        )
    return figures


def main() -> int:
    """Measure, print, keep."""
    figures = measure()
    show(figures)
    save("planning", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
