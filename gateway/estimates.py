"""What a query will cost in rows, bytes and memory, from metadata alone.

Only what planning already knows goes in: files, rows and bytes of the named columns after pruning,
and the shape of the query. Times are the business of ``gateway.costs``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.files import FileSet
from catalog.identifiers import fold
from catalog.tables import FileFormat, Scan
from gateway.bound import QueryShape
from gateway.engines.base import Relation

TEXT_BYTES = 16
"""One text, binary or nested value in a row, whatever its length; the rest lies elsewhere."""
TEXT_PER_COMPRESSED = 4.0
"""Bytes of text in memory per byte on disk, dictionaries and compression undone."""
ROW_BYTES_UNKNOWN = 100
"""Width that turns bytes into rows where a file does not tell its rows."""
GROUPS_PER_ROW = 0.1
"""Share of the rows that become groups when nothing is known of the keys."""
WINDOW_COPIES = 1.5
"""A window holds its rows sorted by partition, and the result beside part of them."""
GROUP_BYTES = 64
"""Memory of one group in a hash table beyond its keys."""


@dataclass(frozen=True, slots=True)
class ScanEstimate:
    """One relation of a query."""

    relation: str
    table: str
    files_total: int
    files_planned: int
    bytes_total: int
    """Of all files of the table, all columns."""
    bytes_planned: int
    """Compressed, of the named columns in the planned files."""
    rows: int
    """In the planned files."""
    memory_bytes: int
    """Of the named columns, decompressed."""


@dataclass(frozen=True, slots=True)
class Estimates:
    """A whole query."""

    scans: tuple[ScanEstimate, ...]
    state_bytes: int
    """Memory that joins, aggregates, sorts and windows hold at once."""

    @property
    def files_total(self) -> int:
        return sum(scan.files_total for scan in self.scans)

    @property
    def files_planned(self) -> int:
        return sum(scan.files_planned for scan in self.scans)

    @property
    def bytes_planned(self) -> int:
        return sum(scan.bytes_planned for scan in self.scans)

    @property
    def bytes_total(self) -> int:
        return sum(scan.bytes_total for scan in self.scans)

    @property
    def rows(self) -> int:
        return sum(scan.rows for scan in self.scans)


def estimate(relations: Mapping[str, Relation], shape: QueryShape) -> Estimates:
    """Return what reading and computing will take. Reads nothing."""
    scans = tuple(_scan(name, relation) for name, relation in relations.items())
    return Estimates(scans=scans, state_bytes=_state_bytes(scans, shape))


def _scan(name: str, relation: Relation) -> ScanEstimate:
    if isinstance(relation, pa.Table):
        size = relation.nbytes
        return ScanEstimate(name, name, 0, 0, 0, 0, relation.num_rows, size)
    named = _named_bytes(relation)
    counted = relation.files.record_count
    rows = counted if counted is not None else named // ROW_BYTES_UNKNOWN
    return ScanEstimate(
        relation=name,
        table=str(relation.table),
        files_total=relation.files_total,
        files_planned=len(relation.files),
        bytes_total=relation.size_bytes_total or relation.files.size_bytes,
        bytes_planned=named,
        rows=rows,
        memory_bytes=_memory_bytes(relation, rows, named),
    )


def _memory_bytes(scan: Scan, rows: int, named_bytes: int) -> int:
    """Return the bytes of the scan's columns as rows in memory: fixed widths exactly, texts by their size on disk."""
    widths = [column.type.bit_width / 8 if _is_fixed(column.type) else TEXT_BYTES for column in scan.schema]
    if all(_is_fixed(column.type) for column in scan.schema):
        return int(rows * sum(widths))
    return int(rows * sum(widths) + named_bytes * TEXT_PER_COMPRESSED)


def _is_fixed(type_: pa.DataType) -> bool:
    try:
        return bool(type_.bit_width)
    except ValueError:  # how Arrow says that values have no one width
        return False


def _named_bytes(scan: Scan) -> int:
    """Return compressed bytes of the scan's columns; whole files where column sizes are unknown."""
    files: FileSet = scan.files
    if scan.format is not FileFormat.PARQUET:
        return files.size_bytes
    total = 0
    for column in scan.schema:
        bounds = files.bounds.get(fold(column.name))
        if bounds is None or bounds.size_bytes.null_count:
            if column.name in scan.hive_partitions:
                continue
            return files.size_bytes
        total += int(pc.sum(bounds.size_bytes).as_py() or 0)
    return min(total, files.size_bytes) if len(scan.schema) else 0


def _state_bytes(scans: tuple[ScanEstimate, ...], shape: QueryShape) -> int:
    """Return the memory of what must be held: the smaller sides of joins, groups, sorted and windowed rows.

    Upper estimates: filters inside the query are taken to keep every row of the planned files.
    """
    if not scans:
        return 0
    sizes = sorted(scan.memory_bytes for scan in scans)
    largest = sizes[-1]
    rows = max(scan.rows for scan in scans)
    state = sum(sizes[:-1]) if shape.joins or shape.subqueries else 0
    if shape.aggregates:
        width = largest / rows if rows else 0
        state += int(rows * GROUPS_PER_ROW * (GROUP_BYTES + width))
    if shape.distincts:
        state += largest
    if shape.sorts and shape.limit is None and not shape.aggregates:
        state += largest
    if shape.windows:
        state += int(largest * WINDOW_COPIES)
    return state
