"""What Parquet footers say: rows, and per column bounds, NULLs and bytes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from catalog.translation import file_errors


@dataclass(frozen=True, slots=True)
class ColumnFooter:
    """One top-level column of one file; None where unknown."""

    lower: Any
    """As stored: days, microseconds (or the file's unit), unscaled decimals as Decimal; bytes for text."""
    upper: Any
    null_count: int | None
    size_bytes: int
    """Compressed, all leaves together."""


@dataclass(frozen=True)
class Footer:
    """One Parquet file."""

    record_count: int
    size_bytes: int
    schema: pa.Schema
    """As Arrow reads it, with PARQUET:field_id in the fields' metadata where the file has ids."""
    columns: Mapping[str, ColumnFooter]
    split_offsets: tuple[int, ...]
    int96_columns: tuple[str, ...] = ()
    """Columns stored as the deprecated INT96 timestamps."""


def read_footer(path: str) -> Footer:
    """Return what the footer of a local Parquet file says.

    Raises: FileAccessError, CorruptFileError with the path.
    """
    import pyarrow.parquet as pq  # only where footers are read

    with file_errors(path), pq.ParquetFile(path, memory_map=False) as file:
        metadata = file.metadata
        return Footer(
            record_count=metadata.num_rows,
            size_bytes=os.stat(path).st_size,
            schema=file.schema_arrow,
            columns=_columns(metadata, file.schema_arrow),
            split_offsets=tuple(sorted(_offset(metadata.row_group(i)) for i in range(metadata.num_row_groups))),
            int96_columns=tuple(
                metadata.schema.column(i).path
                for i in range(metadata.num_columns)
                if metadata.schema.column(i).physical_type == "INT96"
            ),
        )


def _offset(row_group: Any) -> int:
    first = row_group.column(0)
    dictionary = first.dictionary_page_offset
    found: int = first.data_page_offset if dictionary is None else min(dictionary, first.data_page_offset)
    return found


def _columns(metadata: Any, schema: pa.Schema) -> dict[str, ColumnFooter]:
    leaves: dict[str, list[int]] = {}
    for position in range(metadata.num_columns):
        path = metadata.schema.column(position).path
        leaves.setdefault(_top(path, schema), []).append(position)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return {name: _column(groups, positions, schema.field(name).type) for name, positions in leaves.items()}


def _top(path: str, schema: pa.Schema) -> str:
    """Return the top-level column of a leaf's path; names may hold dots themselves."""
    if schema.get_field_index(path) >= 0:
        return path
    end = path.find(".")
    while end >= 0:
        if schema.get_field_index(path[:end]) >= 0:
            return path[:end]
        end = path.find(".", end + 1)
    return path


def _column(groups: list[Any], positions: list[int], type_: pa.DataType) -> ColumnFooter:
    size = sum(group.column(position).total_compressed_size for group in groups for position in positions)
    if pa.types.is_nested(type_) or len(positions) != 1:
        return ColumnFooter(None, None, None, size)
    lowers, uppers, nulls = [], [], []
    for group in groups:
        if group.num_rows == 0:
            continue
        chunk = group.column(positions[0])
        statistics = chunk.statistics if chunk.is_stats_set else None
        null_count = statistics.null_count if statistics is not None and statistics.has_null_count else None
        nulls.append(null_count)
        if null_count == group.num_rows:
            continue  # nothing but NULL has no bounds
        lower, upper = _bounds(statistics, type_)
        lowers.append(lower)
        uppers.append(upper)
    return ColumnFooter(
        lower=_least(lowers),
        upper=_greatest(uppers),
        null_count=None if None in nulls else sum(count for count in nulls if count is not None),
        size_bytes=size,
    )


def _least(values: list[Any]) -> Any:
    return None if not values or any(value is None for value in values) else min(values)


def _greatest(values: list[Any]) -> Any:
    return None if not values or any(value is None for value in values) else max(values)


def _bounds(statistics: Any, type_: pa.DataType) -> tuple[Any, Any]:
    """Return a row group's bounds, None when there are none that can be trusted.

    Floats never: writers leave NaN out, or let it in.
    """
    if statistics is None or not statistics.has_min_max or pa.types.is_floating(type_):
        return None, None
    try:
        if pa.types.is_decimal(type_):
            return _decimal(statistics.min, type_), _decimal(statistics.max, type_)
        if pa.types.is_unsigned_integer(type_):
            return statistics.min, statistics.max
        return _raw(statistics.min_raw), _raw(statistics.max_raw)
    except (ValueError, OverflowError, NotImplementedError, pa.ArrowException):
        return None, None


def _raw(value: Any) -> Any:
    return value if isinstance(value, int | bytes | bool) else None


def _decimal(value: Any, type_: pa.DataType) -> Decimal | None:
    return value if isinstance(value, Decimal) and -value.as_tuple().exponent == type_.scale else None  # type: ignore[operator]
