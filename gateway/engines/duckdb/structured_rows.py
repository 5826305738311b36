"""The rows of JSON and Parquet files, which say their own types."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from catalog.errors import CorruptFileError
from catalog.identifiers import fold
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema, type_name
from catalog.store import WriteTarget
from gateway.engines.duckdb.instances import Instances, is_disk_full, watched
from gateway.engines.duckdb.sql_text import escaped, literal, quoted, sql_type
from gateway.engines.duckdb.writing import write
from gateway.loading.errors import BrokenRowsError, ColumnMismatchError, EmptySourceError, SourceFormatError
from gateway.loading.json_lines import broken_lines
from gateway.loading.requests import SourceFormat
from gateway.loading.rows import Expectation, Outcome, StructuredSource, Tick
from gateway.loading.sources import SourceFile, lines

MAX_OBJECT_BYTES = 64 * 1024 * 1024
_SHOWN_ROWS = 5


class StructuredRows:
    """See gateway.loading.rows.Rows."""

    def __init__(self, instances: Instances, source: StructuredSource, expectation: Expectation, tick: Tick) -> None:
        self._instances = instances
        self._source = source
        self._warnings: list[str] = []
        with instances.open() as connection:
            try:
                found = watched(connection, lambda: self._describe(connection), tick)
            except duckdb.Error as error:
                raise self._explained(error) from error
        self._found = found
        self._schema = self._natural() if expectation.schema is None else self._fitted(expectation.schema)

    @property
    def schema(self) -> Schema:
        return self._schema

    @property
    def warnings(self) -> Sequence[str]:
        return tuple(self._warnings)

    def write(self, target: WriteTarget, tick: Tick) -> Outcome:
        """See Rows.write."""
        values = ", ".join(self._value(column) for column in self._schema)
        sql = f"SELECT {values} FROM {self._reading()}"
        with self._instances.open(target.folder) as connection:
            try:
                written = watched(connection, lambda: write(connection, sql, target), tick)
            except duckdb.Error as error:
                raise self._explained(error) from error
        return Outcome(written.files, written.record_count, written.size_bytes)

    def _describe(self, connection: duckdb.DuckDBPyConnection) -> pa.Schema:
        # Names and types only; for JSON DuckDB reads all files for them.
        schema = connection.sql(f"SELECT * FROM {self._reading()} LIMIT 0").to_arrow_reader(1).schema
        if not len(schema) or schema.names == ["json"]:
            raise EmptySourceError("the files hold no rows with named values", hint="one JSON object per line")
        return schema

    def _reading(self) -> str:
        by_kind: dict[tuple[str, str], list[str]] = {}
        for file in self._source.files:
            by_kind.setdefault((self._layout(file), file.compression), []).append(str(file.path))
        parts = [self._read(layout, compression, paths) for (layout, compression), paths in by_kind.items()]
        return "(" + " UNION ALL BY NAME ".join(f"SELECT * FROM {part}" for part in parts) + ")"

    def _layout(self, file: SourceFile) -> str:
        if self._source.format is SourceFormat.PARQUET:
            return ""
        first = next((line.lstrip() for line in lines(file) if line.strip()), b"")
        return "array" if first.removeprefix(b"\xef\xbb\xbf").startswith(b"[") else "newline_delimited"

    def _read(self, layout: str, compression: str, paths: Sequence[str]) -> str:
        listed = ", ".join(literal(escaped(path)) for path in paths)
        if self._source.format is SourceFormat.PARQUET:
            return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
        return (
            f"read_json([{listed}], format = '{layout}', union_by_name = true, sample_size = -1, "
            f"compression = '{compression}', maximum_object_size = {MAX_OBJECT_BYTES}, hive_partitioning = false)"
        )

    def _natural(self) -> Schema:
        columns: dict[str, Column] = {}
        for field in self._found:
            type_ = catalog_type(field.type)
            if type_ != field.type and type_ not in (pa.int32(), pa.string()):
                self._warnings.append(f"column {field.name} is {field.type} in the files and became {type_name(type_)}")
            if fold(field.name) in columns:
                raise ColumnMismatchError(f"the files have two columns {field.name!r}", hint="names ignore case")
            columns[fold(field.name)] = Column(field.name, type_)
        return Schema(tuple(columns.values()))

    def _fitted(self, wanted: Schema) -> Schema:
        found = {fold(field.name): field for field in self._found}
        extra = [field.name for name, field in found.items() if wanted.find(name) is None]
        if extra:
            raise ColumnMismatchError(
                f"the table has no column {', '.join(extra)}",
                hint=f"it has {', '.join(column.name for column in wanted)}; ALTER TABLE … ADD COLUMN adds one",
            )
        for column in wanted:
            field = found.get(fold(column.name))
            if field is None:
                if not column.nullable:
                    raise ColumnMismatchError(f"column {column.name} is required, and the files have none of that name")
                self._warnings.append(f"the files have no column {column.name}: it is NULL in the new rows")
            elif not widens(catalog_type(field.type), column.type):
                raise ColumnMismatchError(
                    f"column {column.name} is {type_name(catalog_type(field.type))} in the files and "
                    f"{type_name(column.type)} in the table, which cannot hold every value",
                    hint="load into a new table and INSERT … SELECT with a cast",
                )
        return wanted

    def _value(self, column: Column) -> str:
        found = {fold(field.name): field.name for field in self._found}
        name = found.get(fold(column.name))
        return f"CAST({quoted(name) if name is not None else 'NULL'} AS {sql_type(column.type)})"

    def _explained(self, error: duckdb.Error) -> Exception:
        """Return what to say of a failed reading; the error itself when it is not the files' fault."""
        if self._source.format is SourceFormat.JSON:
            rows = list(broken_lines(self._source.files, _SHOWN_ROWS)) if "JSON" in str(error) else []
            if rows:
                listed = "".join(
                    f"\n  {row.file.shown}, line {row.line:,}: {row.reason}: {row.raw[:200]}" for row in rows
                )
                return BrokenRowsError(
                    f"rows are broken and nothing was loaded:{listed}",
                    hint="--on-error skip loads the others and writes these to a rejects file",
                )
            return SourceFormatError(f"the JSON cannot be read: {_first_line(error)}", hint="one object per line")
        if isinstance(error, duckdb.OutOfMemoryException | duckdb.InterruptException) or is_disk_full(error):
            return error
        culprits = [file.shown for file in self._source.files if not _is_parquet(file.path)] or [
            file.shown for file in self._source.files if str(file.path) in str(error) or len(self._source.files) == 1
        ]
        where = culprits[0] if culprits else "one of the files"
        return CorruptFileError(f"{where} cannot be read as Parquet: {_first_line(error)}", hint="is it complete?")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rpartition("Error: ")[2]


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-4, 2)
        return file.read() == b"PAR1"


_PLAIN: Mapping[pa.DataType, pa.DataType] = {
    pa.null(): pa.string(),
    pa.int8(): pa.int32(),
    pa.int16(): pa.int32(),
    pa.uint8(): pa.int32(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.time64("us"): pa.string(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
    pa.month_day_nano_interval(): pa.string(),
    pa.duration("us"): pa.string(),
}
"""What Iceberg and Spark lack → what holds every value of it."""


def catalog_type(type_: pa.DataType) -> pa.DataType:
    """Return the type of the catalog that holds what a file says."""
    if type_ in _PLAIN:
        return _PLAIN[type_]
    if pa.types.is_timestamp(type_):
        return TIMESTAMP_NTZ if type_.tz is None else TIMESTAMP
    if pa.types.is_dictionary(type_):
        return catalog_type(type_.value_type)
    if pa.types.is_fixed_size_binary(type_):
        return pa.binary()
    if pa.types.is_map(type_):
        return pa.map_(catalog_type(type_.key_type), catalog_type(type_.item_type))
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return pa.list_(catalog_type(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(child.name, catalog_type(child.type)) for child in type_])
    return type_


_RANKS = {pa.int8(): 3, pa.int16(): 5, pa.int32(): 10, pa.int64(): 19}
"""Decimal digits that an integer may need."""


def widens(source: pa.DataType, target: pa.DataType) -> bool:
    """Return whether every value of ``source`` is a value of ``target``."""
    if source == target:
        return True
    if source in _RANKS:
        if target in _RANKS:
            return _RANKS[source] <= _RANKS[target]
        if pa.types.is_decimal(target):
            return bool(_RANKS[source] <= target.precision - target.scale)
        return bool(target == pa.float64()) and source != pa.int64()
    if pa.types.is_decimal(source) and pa.types.is_decimal(target):
        whole = target.precision - target.scale >= source.precision - source.scale
        return bool(whole and target.scale >= source.scale)
    if source == pa.float32():
        return bool(target == pa.float64())
    return bool(source == pa.date32() and target == TIMESTAMP_NTZ)
