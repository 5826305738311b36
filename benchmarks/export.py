"""Export of one large table through headgate's formats, beside DuckDB's own COPY of the same rows.

Each format is paired in one run: COPY, then the engine's record batches through the encoder into a file.
Both run in a process of their own, so that peak memory is theirs alone. Prints rates and their ratio.

    python -m benchmarks.export [--rows 10000000] [--repeat 3] [--formats csv parquet ndjson]
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.figures import Figure, save
from gateway import formats

SOURCE = """
    SELECT i AS id,
           (hash(i) % 100000)::INTEGER AS well,
           ((hash(i + 1) % 1000000000) / 100.0)::DECIMAL(14, 2) AS amount,
           (hash(i + 2) % 1000000) / 7.0::DOUBLE AS depth,
           DATE '2000-01-01' + (hash(i + 3) % 9000)::INTEGER AS spud_date,
           TIMESTAMP '2020-01-01' + to_microseconds((hash(i + 4) % 100000000000000)::BIGINT) AS measured_at,
           'operator ' || (hash(i + 5) % 5000)::VARCHAR AS operator,
           CASE WHEN i % 10 = 0 THEN NULL WHEN i % 50 = 1 THEN 'a "quoted", note' ELSE 'well ' || i END AS note,
           CASE WHEN i % 3 <> 0 THEN (i % 7)::SMALLINT END AS crew
    FROM range({rows}) AS r(i)
"""
COPY_OPTIONS = {
    "csv": "FORMAT csv",
    "tsv": "FORMAT csv, DELIMITER '\t'",
    "parquet": "FORMAT parquet",
    "ndjson": "FORMAT json",
}
_COLUMNS = ("id", "well", "amount", "depth", "spud_date", "measured_at", "operator", "note", "crew")
_JSON_COLUMNS = "{{" + ", ".join(f"{name}: 'VARCHAR'" for name in _COLUMNS) + "}}"


RATE_GOAL = 0.7
GOALS = {"csv": "≥ 70 %", "parquet": "≥ 70 %"}


@dataclass(frozen=True)
class Measured:
    """One export by one side."""

    seconds: float
    cpu_seconds: float
    size_bytes: int
    peak_bytes: int
    """Resident memory of the process at its highest, the interpreter included."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--formats", nargs="+", default=["csv", "parquet", "ndjson"], choices=list(COPY_OPTIONS))
    parser.add_argument("--one", nargs=3, metavar=("SIDE", "FORMAT", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        side, name, folder = arguments.one
        print(json.dumps(asdict(_measure(side, name, Path(folder)))))
        return
    print(
        f"{arguments.rows:,} rows; {len(os.sched_getaffinity(0))} cores, {platform.machine()}; "
        f"Python {platform.python_version()}, DuckDB {duckdb.__version__}, pyarrow {pa.__version__}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        duckdb.sql(f"COPY ({SOURCE.format(rows=arguments.rows)}) TO '{folder / 'source.parquet'}' (FORMAT parquet)")
        save("export", [_compare(each, folder, arguments.rows, arguments.repeat) for each in arguments.formats])


def _compare(name: str, folder: Path, rows: int, repeat: int) -> Figure:
    pairs = [(_apart("copy", name, folder), _apart("headgate", name, folder)) for _ in range(repeat)]
    _check(name, folder)
    for side, runs in zip(("COPY", "headgate"), zip(*pairs, strict=True), strict=True):
        seconds = statistics.median(run.seconds for run in runs)
        print(
            f"{name:8} {side:9} {seconds:7.2f} s  {rows / seconds / 1e6:5.2f} M rows/s"
            f"  cpu {statistics.median(run.cpu_seconds for run in runs):6.2f} s"
            f"  {runs[0].size_bytes / 1e6:7.1f} MB  peak {max(run.peak_bytes for run in runs) / 1e6:6.0f} MB"
            f"  first run {runs[0].seconds:.2f} s"
        )
    ratio = statistics.median(copy.seconds / ours.seconds for copy, ours in pairs)
    cpu = statistics.median(copy.cpu_seconds / ours.cpu_seconds for copy, ours in pairs)
    print(f"{name:8} headgate reaches {ratio:.0%} of COPY's rate; {cpu:.0%} by CPU time", flush=True)
    peaks = (max(each.peak_bytes for each in side) / 1e6 for side in zip(*pairs, strict=True))
    beside, ours_peak = peaks
    return Figure(
        what=f"export of {rows:,} rows to {name}, rate beside DuckDB's COPY",
        reached=f"{ratio:.0%}",
        goal=GOALS.get(name, ""),
        met=ratio >= RATE_GOAL if name in GOALS else None,
        note=f"{cpu:.0%} by CPU time; peak memory {ours_peak:.0f} MB, COPY's {beside:.0f} MB; {repeat} pairs",
    )


def _apart(side: str, name: str, folder: Path) -> Measured:
    command = [sys.executable, "-m", "benchmarks.export", "--one", side, name, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout))


def _measure(side: str, name: str, folder: Path) -> Measured:
    connection = duckdb.connect(config={"threads": len(os.sched_getaffinity(0)), "memory_limit": "2GB"})
    source = f"SELECT * FROM read_parquet('{folder / 'source.parquet'}')"
    target = folder / f"{side}.{name}"
    started, cpu = time.perf_counter(), time.process_time()
    if side == "copy":
        connection.execute(f"COPY ({source}) TO '{target}' ({COPY_OPTIONS[name]})")
    else:
        reader = connection.sql(source).to_arrow_reader(65536)
        with target.open("wb") as sink:
            formats.write(formats.named(name), reader.schema, iter(reader), sink)
    return Measured(
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
        size_bytes=target.stat().st_size,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )


def _check(name: str, folder: Path) -> None:
    """Compare what the two files hold, read back by DuckDB. Raises: SystemExit when they differ."""
    reader = {"csv": "read_csv('{}', header=true)", "tsv": "read_csv('{}', delim='\t', nullstr='\\N', header=true)"}
    reader |= {"parquet": "read_parquet('{}')", "ndjson": "read_json('{}', columns=" + _JSON_COLUMNS + ")"}
    sums = []
    for side in ("copy", "headgate"):
        file = reader[name].format(folder / f"{side}.{name}")
        sums.append(
            duckdb.sql(
                "SELECT count(*), count(note), count(crew), sum(id::BIGINT), sum(well::INT),"
                " sum(amount::DECIMAL(14,2)), sum(hash(depth::DOUBLE)::HUGEINT), sum(hash(spud_date::DATE)::HUGEINT),"
                " sum(epoch_us(measured_at::TIMESTAMP)::HUGEINT),"
                f" sum(hash(note)::HUGEINT), sum(hash(operator)::HUGEINT) FROM {file}"
            ).fetchall()
        )
    if sums[0] != sums[1]:
        raise SystemExit(f"{name}: the files differ: {sums}")


if __name__ == "__main__":
    main()
