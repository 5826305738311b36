"""How a DuckDB instance is configured: what it may touch, and what nobody can change afterwards.

The statement classifier refuses what is not a query over catalog tables; this is the second wall. It
holds for any text: files outside the allowed folders, network, extensions and settings stay closed.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from gateway.engines.duckdb.text import literal
from gateway.settings import DuckDBSettings

SESSION_SETTINGS = ("TimeZone", "enable_progress_bar", "enable_progress_bar_print")
"""Set once per connection by headgate, so they stay open; a text that sets them is refused as no query."""


def open_database(settings: DuckDBSettings, folders: Iterable[str], temp: Path) -> duckdb.DuckDBPyConnection:
    """Return the first connection to a new in-memory instance that sees only ``folders`` and ``temp``.

    Its settings and macros are those that the texts of ``gateway.dialects.portability`` rely on.
    """
    from gateway.dialects.portability import DUCKDB_MACROS, DUCKDB_SETTINGS  # not before the first query

    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{settings.effective_memory_bytes}B",
            "threads": str(settings.effective_threads),
            "temp_directory": str(temp),
            "errors_as_json": "true",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "python_enable_replacements": "false",
        },
    )
    for name, value in DUCKDB_SETTINGS.items():
        connection.execute(f"SET GLOBAL {name} = {literal(value)}")
    for macro in DUCKDB_MACROS:
        connection.execute(macro)
    spill_bytes = settings.temp_limit_bytes or shutil.disk_usage(temp).free // 2
    connection.execute(f"SET GLOBAL max_temp_directory_size = '{spill_bytes}B'")
    names = sorted({folder.rstrip("/") for folder in folders})
    # COPY TO looks at the folder itself too, which the list of directories does not cover (duckdb 2.0.0).
    connection.execute(f"SET GLOBAL allowed_paths = [{', '.join(map(literal, names))}]")
    connection.execute(f"SET GLOBAL allowed_directories = [{', '.join(literal(name + '/') for name in names)}]")
    connection.execute("SET GLOBAL enable_external_access = false")
    connection.execute(f"SET GLOBAL allowed_configs = [{', '.join(literal(name) for name in SESSION_SETTINGS)}]")
    connection.execute("SET GLOBAL lock_configuration = true")
    return connection
