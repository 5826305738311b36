"""Load of one CSV into a partitioned Iceberg table, beside DuckDB's own COPY … PARTITION_BY of the same file.

Paired in one run, each side in a process of its own, so that peak memory is theirs alone. Both sides' rows are
compared before a figure is printed.

    python -m benchmarks.load [--megabytes 200] [--repeat 3] [--memory-limit 1GB]
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from benchmarks.figures import Figure, save, show
from catalog.identifiers import TableName
from catalog.lake import open_catalog
from catalog.predicates import ALWAYS
from catalog.tables import View
from gateway.engines.duckdb.ingest import DuckDBIngest
from gateway.loading import LoadRequest, load
from gateway.sample.wells import generate
from gateway.settings import DuckDBSettings, parse_size

BYTES_PER_ROW = 54.5
"""Of production.csv."""
NAME = TableName("lake", "default", "production")
GOAL_RATE = 0.5
GOAL_MEMORY_BYTES = 500_000_000


@dataclass(frozen=True)
class Measured:
    """One load by one side."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    """Resident memory of the process at its highest, the interpreter included."""
    rows: int
    check: str
    """Sums that tell one set of rows from another."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory-limit", default="1GB")
    parser.add_argument("--one", nargs=2, metavar=("SIDE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    limit = parse_size(arguments.memory_limit)
    if arguments.one:
        side, folder = arguments.one
        print(json.dumps(asdict(_measure(side, Path(folder), limit))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder, int(arguments.megabytes * 1e6 / BYTES_PER_ROW))
        figures = _compare(folder, arguments.repeat, arguments.memory_limit, limit)
    show(figures)
    save("load", figures)


def _compare(folder: Path, repeat: int, limit_text: str, limit: int) -> list[Figure]:
    pairs = [(_apart("copy", folder, limit_text), _apart("headgate", folder, limit_text)) for _ in range(repeat)]
    checks = {(run.rows, run.check) for pair in pairs for run in pair}
    assert len(checks) == 1, f"the two sides loaded different rows: {checks}"
    size = (folder / "production.csv").stat().st_size
    ratio = statistics.median(copy.seconds / ours.seconds for copy, ours in pairs)
    cpu = statistics.median(copy.cpu_seconds / ours.cpu_seconds for copy, ours in pairs)
    ours = [pair[1] for pair in pairs]
    seconds = statistics.median(run.seconds for run in ours)
    peak = max(run.peak_bytes for run in ours)
    what = f"load of a {size / 1e6:,.0f} MB CSV ({ours[0].rows:,} rows) into Iceberg, partitioned by year"
    return [
        Figure(
            what=f"{what}, beside DuckDB's COPY … PARTITION_BY",
            reached=f"{ratio:.0%} of its rate",
            goal=f"≥ {GOAL_RATE:.0%}",
            met=ratio >= GOAL_RATE,
            note=f"{size / seconds / 1e6:.0f} MB/s, types learned and committed; {cpu:.0%} by CPU time; "
            f"first run {ours[0].seconds:.1f} s, median {seconds:.1f} s of {repeat}",
        ),
        Figure(
            what="peak memory of that load",
            reached=f"{peak / 1e6:,.0f} MB",
            goal=f"≤ duckdb.memory_limit ({limit / 1e6:,.0f} MB) + 500 MB",
            met=peak <= limit + GOAL_MEMORY_BYTES,
            note=f"whole process; COPY alone {max(pair[0].peak_bytes for pair in pairs) / 1e6:,.0f} MB",
        ),
    ]


def _apart(side: str, folder: Path, limit: str) -> Measured:
    command = [sys.executable, "-m", "benchmarks.load", "--memory-limit", limit, "--one", side, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout))


def _measure(side: str, folder: Path, limit: int) -> Measured:
    work = folder / side
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    source = folder / "production.csv"
    started, cpu = time.perf_counter(), time.process_time()
    files = _copy(source, work, limit) if side == "copy" else _load(source, work, limit)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rows, check = _check(files)
    return Measured(seconds, cpu_seconds, peak, rows, check)


def _copy(source: Path, work: Path, limit: int) -> list[str]:
    settings = DuckDBSettings(memory_limit_bytes=limit)
    with duckdb.connect(
        config={
            "memory_limit": f"{limit}B",
            "threads": settings.effective_threads,
            "temp_directory": str(work / "tmp"),
            "preserve_insertion_order": False,
        }
    ) as connection:
        connection.execute(
            f"COPY (SELECT *, year(\"PROD_MONTH\") AS part FROM read_csv('{source}')) TO '{work / 'out'}' "
            "(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (part))"
        ).fetchall()
    return [str(path) for path in (work / "out").rglob("*.parquet")]


def _load(source: Path, work: Path, limit: int) -> list[str]:
    catalog = open_catalog(
        "lake", database=work / "c.sqlite", warehouse=work / "w", cache=work / "cache", properties={}
    )
    engine = DuckDBIngest(DuckDBSettings(memory_limit_bytes=limit), work / "tmp")
    load(LoadRequest((str(source),), NAME, partition_by="year(PROD_MONTH)"), catalog, engine)
    table = catalog.load(NAME)
    assert not isinstance(table, View)
    return [path.removeprefix("file://") for path in table.scan(ALWAYS).files.paths.to_pylist()]


def _check(files: list[str]) -> tuple[int, str]:
    with duckdb.connect() as connection:
        count, *sums = connection.execute(
            'SELECT count(*), sum("OIL_BBL"), sum("WATER_BBL"::DECIMAL(18, 1)), count("GAS_MCF"), min("PROD_MONTH"), '
            'count(DISTINCT "API_WELL_NO"), count("FILED_ON") FROM read_parquet($1, hive_partitioning = false)',
            [files],
        ).fetchall()[0]
    return count, str(sums)


if __name__ == "__main__":
    main()
