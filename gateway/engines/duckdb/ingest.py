"""A DuckDB instance for one load: it sees the sources and the staging folder, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.engines.duckdb.csv_rows import CsvRows
from gateway.engines.duckdb.errors import duckdb_errors
from gateway.engines.duckdb.instances import Instances
from gateway.engines.duckdb.structured_rows import StructuredRows
from gateway.loading.rows import CsvSource, Expectation, Rows, StructuredSource, Tick
from gateway.settings import DuckDBSettings


class DuckDBIngest:
    """Reads CSV, JSON and Parquet files with DuckDB."""

    def __init__(self, settings: DuckDBSettings, temp: Path) -> None:
        self._settings = settings
        self._temp = temp

    @property
    def temp(self) -> Path:
        return self._temp

    @contextmanager
    def csv(self, source: CsvSource, expectation: Expectation, tick: Tick) -> Iterator[Rows]:
        """Yield the rows of CSV files, types learned from the samples."""
        paths = [file.path for group in source.groups for file in group.files]
        samples = [path for group in source.groups for path in group.samples]
        instances = Instances(self._settings, self._temp, [*paths, *samples])
        with duckdb_errors():
            yield CsvRows(instances, source, expectation, tick)

    @contextmanager
    def structured(self, source: StructuredSource, expectation: Expectation, tick: Tick) -> Iterator[Rows]:
        """Yield the rows of JSON or Parquet files."""
        instances = Instances(self._settings, self._temp, [file.path for file in source.files])
        with duckdb_errors():
            yield StructuredRows(instances, source, expectation, tick)
