"""Writes rows in memory as the data files of a commit: small INSERT … VALUES, and tests."""

import os
import uuid
from collections.abc import Iterator

import pyarrow as pa

from catalog.icebergtypes import arrow_with_ids, has_floats
from catalog.partitions import apply_array, check_transform
from catalog.predicates import Literal
from catalog.store import WriteTarget, WrittenFile
from catalog.translation import file_errors


def write_table(target: WriteTarget, rows: pa.Table) -> tuple[WrittenFile, ...]:
    """Write rows into the target's folder, one file per partition; columns are matched by position.

    Raises: FileAccessError, DiskFullError.
    """
    shaped = rows.rename_columns([column.name for column in target.schema]).cast(target.schema.arrow)
    return tuple(_write(target, part, values) for values, part in _by_partition(target, shaped) if len(part))


def _by_partition(target: WriteTarget, rows: pa.Table) -> Iterator[tuple[tuple[Literal | None, ...], pa.Table]]:
    if not target.partitioning:
        yield (), rows
        return
    keys = [f"p{number}" for number in range(len(target.partitioning))]
    arrays = []
    for field in target.partitioning:
        column = target.schema.column(field.source)
        transform = check_transform(field.transform, column.type, column.name)
        arrays.append(apply_array(transform, rows.column(column.name).combine_chunks()))
    table = pa.table(dict(zip(keys, arrays, strict=True)))
    groups = table.append_column("row", pa.array(range(len(rows)))).group_by(keys).aggregate([("row", "list")])
    for group in range(len(groups)):
        values = tuple(groups.column(key)[group].as_py() for key in keys)
        yield values, rows.take(groups.column("row_list")[group].values)


def _write(target: WriteTarget, rows: pa.Table, values: tuple[Literal | None, ...]) -> WrittenFile:
    import pyarrow.parquet as pq

    # NaN and -0.0 are lost by readers' filters where float columns have statistics or a dictionary (DESIGN.md).
    exact = [column.name for column in target.schema if not has_floats(column.type)]
    path = os.path.join(target.folder, f"{uuid.uuid4().hex}.parquet")
    with file_errors(path):
        pq.write_table(
            rows.cast(arrow_with_ids(target.schema)),
            path,
            compression=target.compression,
            use_dictionary=exact,
            write_statistics=exact,
        )
    return WrittenFile(path, values)
