"""Parquet: every type as it is, row groups of bounded size, written while the next is collected.

pyarrow leaves NaN out of the bounds it writes for floats, and readers that trust them lose rows, so float
columns carry no statistics and no dictionary. A dictionary is tried only where values repeat: building one
for a column without repeats is half of the work and makes the file larger.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.pipeline import closing, ordered, pieces
from gateway.formats.sinks import ChunkSink
from gateway.json_values import unique_names
from gateway.values import text

ROW_GROUP_ROWS = 250_000
ROW_GROUP_BYTES = 64 * 1024**2
"""Of Arrow memory; whichever of the two is reached first ends the row group."""
_SAMPLE_ROWS = 20_000
_REPEATING = 0.6
"""A column with fewer distinct values than this part of the sample gets a dictionary."""


class Parquet:
    """One Parquet file, zstd-compressed."""

    name = "parquet"
    media_type = "application/vnd.apache.parquet"
    file_suffix = ".parquet"
    binary = True
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        target = _storable(schema, options)
        file = _File(ChunkSink(), target)
        with closing(batches):
            yield from ordered(_row_groups(pieces(batches), target, options.time_zone), file.add, workers=1)
        yield file.finish()


@dataclass
class _File:
    """The file under way; used by one thread at a time."""

    sink: ChunkSink
    schema: pa.Schema
    writer: pq.ParquetWriter | None = None

    def add(self, group: pa.Table) -> bytes:
        """Write a row group and return the bytes there are by now."""
        writer = self._writer(group)
        writer.write_table(group, row_group_size=max(group.num_rows, 1))
        return self.sink.take()

    def finish(self) -> bytes:
        self._writer(self.schema.empty_table()).close()
        return self.sink.take()

    def _writer(self, sample: pa.Table) -> pq.ParquetWriter:
        if self.writer is None:
            bounded = [path for path, type_ in _leaves(self.schema) if not pa.types.is_floating(type_)]
            self.writer = pq.ParquetWriter(
                self.sink,
                self.schema,
                compression="zstd",
                compression_level=1,
                store_decimal_as_integer=True,
                write_statistics=bounded,
                use_dictionary=[path for path in bounded if _repeats(path, sample)],
            )
        return self.writer


def _storable(schema: pa.Schema, options: FormatOptions) -> pa.Schema:
    """Return the schema of the file: names that are one of a kind, folded, and no type that Parquet lacks."""
    fields = []
    for field, name in zip(schema, unique_names(schema.names, folded=True), strict=True):
        if pa.types.is_interval(field.type):
            options.note(f"column {field.name}: Parquet has no year-month interval, it is written as text")
            field = field.with_type(pa.string())
        fields.append(field.with_name(name))
    return pa.schema(fields)


def _row_groups(batches: Iterator[pa.RecordBatch], target: pa.Schema, time_zone: str) -> Iterator[pa.Table]:
    collected: list[pa.RecordBatch] = []
    rows = size_bytes = 0
    for batch in batches:
        collected.append(_stored(batch, target, time_zone))
        rows += batch.num_rows
        size_bytes += batch.nbytes
        if rows >= ROW_GROUP_ROWS or size_bytes >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(collected, target)
            collected, rows, size_bytes = [], 0, 0
    if collected:
        yield pa.Table.from_batches(collected, target)


def _stored(batch: pa.RecordBatch, target: pa.Schema, time_zone: str) -> pa.RecordBatch:
    columns = [
        text(column, time_zone) if pa.types.is_interval(column.type) else column
        for column, field in zip(batch.columns, target, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=target)


def _leaves(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """Yield the path of every stored column in the file's own names, and its type."""
    for field in schema:
        yield from _leaves_of(field.name, field.type)


def _leaves_of(path: str, type_: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    if pa.types.is_struct(type_):
        for member in type_:
            yield from _leaves_of(f"{path}.{member.name}", member.type)
    elif pa.types.is_map(type_):
        yield from _leaves_of(f"{path}.key_value.key", type_.key_type)
        yield from _leaves_of(f"{path}.key_value.value", type_.item_type)
    elif pa.types.is_nested(type_):
        yield from _leaves_of(f"{path}.list.element", type_.value_type)
    elif pa.types.is_dictionary(type_):
        yield from _leaves_of(path, type_.value_type)
    else:
        yield path, type_


def _repeats(path: str, sample: pa.Table) -> bool:
    """Whether the column's first rows hold few distinct values; yes where nobody can count them, as in nested ones."""
    if path not in sample.column_names:
        return True
    values = sample.column(path).slice(0, _SAMPLE_ROWS)
    try:
        return bool(pc.count_distinct(values).as_py() <= _REPEATING * len(values))
    except pa.ArrowNotImplementedError:
        return True
