"""TPC-H's eight tables, made by tpchgen-cli as Parquet and loaded."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from catalog.errors import ExternalError, UserError
from catalog.identifiers import TableName
from catalog.store import Catalog
from gateway.errors import NotSupportedError
from gateway.loading import LoadMode, LoadProgress, LoadReport, LoadRequest, load
from gateway.loading.errors import disk_full
from gateway.loading.requests import OnProgress
from gateway.loading.rows import Ingest
from gateway.loading.sources import unreadable

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")
"""Smallest first."""
_ROWS_PER_PART = 12_000_000
"""Rows of lineitem in one file of the generator, so that no file is out of proportion."""
_TICK_SECONDS = 0.2


def generate(folder: Path, scale: float = 1.0, tick: Callable[[], None] = lambda: None) -> dict[str, Path]:
    """Write the tables as Parquet below ``folder``; return the file or folder of each.

    ``tick`` is called while the generator works; what it raises stops it.
    Raises: UserError; NotSupportedError without tpchgen-cli; DiskFullError; ExternalError.
    """
    if scale <= 0:
        raise UserError(f"there is no scale factor {scale}", hint="1 is about 1 GB; 0.01 is ten thousand orders")
    program = _program()
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as error:
        raise unreadable(folder, error) from error
    parts = max(1, round(6_000_000 * scale / _ROWS_PER_PART))
    large = ("partsupp", "orders", "lineitem")
    common = [program, "parquet", f"--scale-factor={scale:g}", f"--output-dir={folder}"]
    if parts == 1:
        _run(common, tick)
    else:
        _run([*common, f"--tables={','.join(table for table in TABLES if table not in large)}"], tick)
        _run([*common, f"--tables={','.join(large)}", f"--parts={parts}"], tick)
    return {table: _made(folder, table) for table in TABLES}


def _made(folder: Path, table: str) -> Path:
    single = folder / f"{table}.parquet"
    return single if single.exists() else folder / table


def _program() -> str:
    beside = Path(sys.executable).parent / "tpchgen-cli"
    found = str(beside) if beside.exists() else shutil.which("tpchgen-cli")
    if found is None:
        raise NotSupportedError("TPC-H data needs tpchgen-cli", hint="pip install 'headgate[sample]'")
    return found


def _run(command: list[str], tick: Callable[[], None]) -> None:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            while process.poll() is None:
                tick()
                time.sleep(_TICK_SECONDS)
        except BaseException:
            process.kill()
            raise
        assert process.stderr is not None
        message = process.stderr.read().strip()
    if process.returncode != 0:
        if "No space left" in message:
            raise disk_full(OSError(message))
        raise ExternalError(f"tpchgen-cli failed: {message or process.returncode}", hint="is the scale factor sane?")


def load_tpch(
    catalog: Catalog,
    engine: Ingest,
    folder: Path,
    *,
    scale: float = 1.0,
    schema: str = "tpch",
    on_progress: OnProgress | None = None,
) -> tuple[LoadReport, ...]:
    """Make the tables in ``folder`` and load them into ``schema``, which is made when missing.

    Tables of these names give way.
    Raises: as ``generate`` and ``gateway.loading.load``.
    """

    def tick() -> None:
        if on_progress is not None:
            on_progress(LoadProgress(0, 0, None, len(TABLES), "making"))

    files = generate(folder, scale, tick)
    catalog.create_schema(schema, if_not_exists=True)
    return tuple(
        load(
            LoadRequest((str(path),), TableName(catalog.name, schema, table), LoadMode.REPLACE),
            catalog,
            engine,
            on_progress,
        )
        for table, path in files.items()
    )
