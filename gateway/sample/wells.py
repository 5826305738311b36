"""Oil and gas wells as a public agency would publish them: operators, wells, monthly production.

Everything is a function of the seed. Names carry commas, quotes and accents; dates come in two layouts; values
are missing; production declines, has its seasons, stops for a while, and is corrected later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import UserError
from catalog.identifiers import TableName
from catalog.store import Catalog
from gateway.loading import LoadMode, LoadProgress, LoadReport, LoadRequest, load
from gateway.loading.requests import OnProgress
from gateway.loading.rows import Ingest
from gateway.loading.sources import unreadable
from gateway.sample import wells_sql

DEFAULT_ROWS = 3_000_000
DEFAULT_SEED = 20250101


@dataclass(frozen=True)
class WellsSample:
    """The files of one set and their rows."""

    operators: Path
    wells: Path
    production: Path
    operator_count: int
    well_count: int
    production_count: int


def generate(
    folder: Path,
    rows: int = DEFAULT_ROWS,
    seed: int = DEFAULT_SEED,
    on_progress: Callable[[str, float], None] | None = None,
) -> WellsSample:
    """Write operators.csv, wells.csv and production.csv, the last with exactly ``rows`` rows.

    ``on_progress`` is told the file and the fraction done. Equal arguments give equal bytes.
    Raises: UserError; FileAccessError; DiskFullError.
    """
    from gateway.engines.duckdb.generating import write_csv  # loads DuckDB

    if rows < 1:
        raise UserError(f"{rows} rows cannot be made", hint="ask for one row or more")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unreadable(folder, error) from error
    folder = folder.absolute()
    counts = write_csv(folder, wells_sql.views(rows, seed), wells_sql.files(rows, seed), on_progress or _silent)
    return WellsSample(
        operators=folder / "operators.csv",
        wells=folder / "wells.csv",
        production=folder / "production.csv",
        operator_count=counts["operators.csv"],
        well_count=counts["wells.csv"],
        production_count=counts["production.csv"],
    )


def _silent(_name: str, _fraction: float) -> None:
    pass


def load_wells(
    catalog: Catalog,
    engine: Ingest,
    folder: Path,
    *,
    rows: int = DEFAULT_ROWS,
    seed: int = DEFAULT_SEED,
    schema: str = "default",
    on_progress: OnProgress | None = None,
) -> tuple[LoadReport, ...]:
    """Make the files in ``folder`` and load them as ``operators``, ``wells`` (by state) and ``production`` (by year).

    Tables of these names give way.
    Raises: as ``generate`` and ``gateway.loading.load``.
    """

    def making(_name: str, fraction: float) -> None:
        if on_progress is not None:
            on_progress(LoadProgress(int(100 * fraction), 100, None, 3, "making"))

    sample = generate(folder, rows, seed, making)
    plan = (
        ("operators", sample.operators, ""),
        ("wells", sample.wells, "STATE"),
        # One file per year: a query over a few years reads a few files, over one state's wells it reads them all.
        ("production", sample.production, "year(PROD_MONTH)"),
    )
    return tuple(
        load(
            LoadRequest((str(path),), TableName(catalog.name, schema, name), LoadMode.REPLACE, partition_by),
            catalog,
            engine,
            on_progress,
        )
        for name, path, partition_by in plan
    )
