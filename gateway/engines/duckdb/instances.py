"""DuckDB instances that see some files and one folder, and work that can be watched and stopped."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb

from catalog.errors import SqlError
from gateway.engines.duckdb.errors import duckdb_errors
from gateway.engines.duckdb.sql_text import escaped, literals
from gateway.loading.errors import disk_full
from gateway.settings import DuckDBSettings

T = TypeVar("T")
TICK_SECONDS = 0.2


@contextmanager
def ingest_errors() -> Iterator[None]:
    """As duckdb_errors; besides, a file that may not grow means a full disk."""
    try:
        with duckdb_errors():
            yield
    except SqlError as error:
        if error.__cause__ is not None and is_disk_full(error.__cause__):
            raise disk_full(error.__cause__) from error
        raise


def is_disk_full(error: BaseException) -> bool:
    """Return whether the system refused to write more: no space, a quota, a limit."""
    return any(text in str(error) for text in _FULL)


_FULL = ("No space left on device", "File too large", "Disk quota exceeded")


class Instances:
    """Opens instances that may read ``files``; each is closed to everything else before it is used."""

    def __init__(self, settings: DuckDBSettings, temp: Path, files: Sequence[Path]) -> None:
        self._settings = settings
        self._temp = temp
        self._files = [str(file) for file in files]

    @contextmanager
    def open(self, folder: str | None = None, *, ordered: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection that may also write into ``folder``; ``ordered`` keeps rows as they stand in a file."""
        self._temp.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(":memory:", config=self._configuration())
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = true")
            connection.execute("SET enable_progress_bar_print = false")
            connection.execute(f"SET preserve_insertion_order = {str(ordered).lower()}")
            # COPY looks at the folder itself, which a prefix does not cover (duckdb 2.0.0).
            folders = [folder.rstrip("/")] if folder else []
            # A name that looks like a glob is checked both as it is written and as it is found.
            paths = dict.fromkeys(path for file in self._files for path in (file, escaped(file)))
            connection.execute(f"SET allowed_paths = {literals([*paths, *folders])}")
            connection.execute(f"SET allowed_directories = {literals([one + '/' for one in folders])}")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection
        finally:
            connection.close()

    def _configuration(self) -> dict[str, str | bool | int | float | list[str]]:
        configuration: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{self._settings.effective_memory_bytes}B",
            "threads": str(self._settings.effective_threads),
            "temp_directory": self._settings.temp_directory or str(self._temp / "load-spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
        }
        if self._settings.temp_limit_bytes:
            configuration["max_temp_directory_size"] = f"{self._settings.temp_limit_bytes}B"
        return configuration


def watched(connection: duckdb.DuckDBPyConnection, work: Callable[[], T], tick: Callable[[float], None]) -> T:
    """Return what ``work`` on the connection returns, calling ``tick`` with the fraction done meanwhile.

    The work runs on a thread of its own, so that Ctrl-C and whatever ``tick`` raises stop it.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    worker = threading.Thread(target=run, name="headgate-load")
    worker.start()
    try:
        while worker.is_alive():
            worker.join(TICK_SECONDS)
            tick(max(0.0, min(100.0, connection.query_progress())) / 100)
    except BaseException:
        while worker.is_alive():  # An interrupt before the query began is lost, so repeat it.
            connection.interrupt()
            worker.join(TICK_SECONDS)
        raise
    if failures:
        raise failures[0]
    return results[0]
