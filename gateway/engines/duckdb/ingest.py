"""A DuckDB instance for one load: it sees the sources and the staging folder, and nothing else."""

from collections.abc import Sequence
from pathlib import Path

from catalog.schema import Schema
from catalog.store import WriteTarget
from gateway.engines.duckdb.csv_rows import CsvRows
from gateway.engines.duckdb.instances import Instances, ingest_errors
from gateway.engines.duckdb.structured_rows import StructuredRows
from gateway.loading.rows import CsvSource, Expectation, Outcome, Rows, StructuredSource, Tick
from gateway.settings import DuckDBSettings


class DuckDBIngest:
    """Reads CSV, JSON and Parquet files with DuckDB."""

    def __init__(self, settings: DuckDBSettings, temp: Path) -> None:
        self._settings = settings
        self._temp = temp

    @property
    def temp(self) -> Path:
        return self._temp

    def csv(self, source: CsvSource, expectation: Expectation, tick: Tick) -> Rows:
        """Return the rows of CSV files, types learned from the samples."""
        paths = [file.path for group in source.groups for file in group.files]
        samples = [path for group in source.groups for path in group.samples]
        instances = Instances(self._settings, self._temp, [*paths, *samples])
        with ingest_errors():
            return _Guarded(CsvRows(instances, source, expectation, tick))

    def structured(self, source: StructuredSource, expectation: Expectation, tick: Tick) -> Rows:
        """Return the rows of JSON or Parquet files."""
        instances = Instances(self._settings, self._temp, [file.path for file in source.files])
        with ingest_errors():
            return _Guarded(StructuredRows(instances, source, expectation, tick))


class _Guarded:
    """Rows whose errors are headgate's."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def schema(self) -> Schema:
        return self._rows.schema

    @property
    def warnings(self) -> Sequence[str]:
        return self._rows.warnings

    def write(self, target: WriteTarget, tick: Tick) -> Outcome:
        with ingest_errors():
            return self._rows.write(target, tick)
