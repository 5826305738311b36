"""A table's statistics, summed over its files."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from catalog.files import ColumnBounds, FileSet
from catalog.identifiers import fold
from catalog.predicates import Literal
from catalog.schema import Column, Schema
from catalog.tables import ColumnStatistics, TableStatistics

_UNKNOWN = ColumnStatistics(None, None, None, None, None, None)


def summarize(
    schema: Schema, files: FileSet, *, exact: bool = True, partitioned_by: Collection[str] = ()
) -> TableStatistics:
    """Return what the files say together; a fact that one file lacks is unknown.

    ``exact`` is False when delete files take rows away, which makes counts unknown. ``partitioned_by`` names
    columns whose value in each file is known: their distinct values are counted.
    """
    columns = {column.name: _column(column, files, exact) for column in schema}
    for name in partitioned_by:
        columns[name] = _with_partition(columns[name], files, files.partitions[name], exact)
    return TableStatistics(
        record_count=files.record_count if exact else None,
        size_bytes=files.size_bytes,
        file_count=len(files),
        columns=columns,
    )


def _column(column: Column, files: FileSet, exact: bool) -> ColumnStatistics:
    known = files.bounds.get(fold(column.name))
    if known is None:
        return _UNKNOWN
    nan_count = _total(known.nan_count)
    lower, upper = _extremes(known, files.record_counts)
    if pa.types.is_floating(column.type) and nan_count != 0:
        lower = upper = None
    return ColumnStatistics(
        null_count=_total(known.null_count) if exact else None,
        nan_count=nan_count if exact else None,
        lower=lower,
        upper=upper,
        size_bytes=_total(known.size_bytes),
        distinct_count=None,
    )


def _total(values: pa.Array) -> int | None:
    return None if values.null_count else int(pc.sum(values).as_py() or 0)


def _extremes(known: ColumnBounds, record_counts: pa.Array) -> tuple[Literal | None, Literal | None]:
    """Return bounds over all files, unknown when a file that holds a value has none."""
    unbounded = pc.or_(pc.is_null(known.lower), pc.is_null(known.upper))
    has_values = pc.fill_null(pc.less(known.null_count, record_counts), True)
    if pc.any(pc.and_(unbounded, has_values)).as_py():
        return None, None
    found = pc.min_max(known.lower), pc.min_max(known.upper)
    try:
        return found[0]["min"].as_py(), found[1]["max"].as_py()
    except (ValueError, OverflowError):  # beyond the years that Python knows
        return None, None


def _with_partition(known: ColumnStatistics, files: FileSet, values: pa.Array, exact: bool) -> ColumnStatistics:
    ordered = pc.min_max(values)
    nulls = files.record_counts.filter(pc.is_null(values))
    return ColumnStatistics(
        null_count=_total(nulls) if exact else None,
        nan_count=known.nan_count,
        lower=ordered["min"].as_py(),
        upper=ordered["max"].as_py(),
        size_bytes=known.size_bytes,
        distinct_count=len(pc.unique(values.drop_null())),
    )
