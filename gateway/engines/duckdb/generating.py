"""Rows made by SQL alone, written as CSV: the sample data's way to millions of rows in seconds."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.engines.duckdb.instances import Instances, ingest_errors, watched
from gateway.engines.duckdb.sql_text import literal, quoted
from gateway.settings import DuckDBSettings


def write_csv(
    folder: Path, views: Mapping[str, str], files: Mapping[str, str], tick: Callable[[str, float], None]
) -> dict[str, int]:
    """Write each query of ``files`` to the file of that name; return the rows of each.

    ``views`` are queries that later ones may name. Rows keep the order that the query gives them. ``tick`` is told the
    file and the fraction done.
    Raises: DiskFullError, FileAccessError.
    """
    counts: dict[str, int] = {}
    settings = DuckDBSettings(memory_limit_bytes=1_000_000_000)
    with (
        ingest_errors(),
        tempfile.TemporaryDirectory(prefix=".spill-", dir=folder) as spill,
        Instances(settings, Path(spill), ()).open(str(folder), ordered=True) as connection,
    ):
        for name, query in views.items():
            connection.execute(f"CREATE TEMP TABLE {quoted(name)} AS {query}")
        for name, query in files.items():
            copy = f"COPY ({query}) TO {literal(str(folder / name))} (FORMAT csv, HEADER true)"
            counts[name] = watched(
                connection,
                lambda copy=copy: connection.execute(copy).fetchall()[0][0],  # type: ignore[misc]
                lambda fraction, name=name: tick(name, fraction),  # type: ignore[misc]
            )
    return counts
