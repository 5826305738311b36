"""The data files of one snapshot, held as columns so that a hundred thousand are pruned in milliseconds."""

from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class ColumnBounds:
    """What is known of one column in every file, parallel to ``FileSet.paths``.

    Bounds are of the column's own type; null where unknown. A bound may be wider than the
    values (truncated strings), never narrower.
    """

    lower: pa.Array
    upper: pa.Array
    null_count: pa.Array
    """int64; null where unknown."""
    nan_count: pa.Array
    """int64; null where unknown. For float columns bounds say nothing of NaN unless this is known to be 0."""
    size_bytes: pa.Array
    """int64, compressed; null where unknown."""


@dataclass(frozen=True)
class FileSet:
    """Data files in plan order, one array per fact."""

    paths: pa.Array
    """string: an absolute local path without scheme, or a URI with scheme."""
    sizes_bytes: pa.Array
    """int64; null where unknown."""
    record_counts: pa.Array
    """int64; null where unknown."""
    partitions: dict[str, pa.Array] = field(default_factory=dict)
    """Partition source column → its exact value in each file, for identity partitions only."""
    bounds: dict[str, ColumnBounds] = field(default_factory=dict)
    """Folded column name → bounds; columns without statistics are absent."""

    def __len__(self) -> int:
        return len(self.paths)

    def filter(self, mask: pa.BooleanArray) -> "FileSet":
        """Return the files where ``mask`` is true, order kept."""
        return FileSet(
            paths=self.paths.filter(mask),
            sizes_bytes=self.sizes_bytes.filter(mask),
            record_counts=self.record_counts.filter(mask),
            partitions={name: values.filter(mask) for name, values in self.partitions.items()},
            bounds={
                name: ColumnBounds(
                    lower=known.lower.filter(mask),
                    upper=known.upper.filter(mask),
                    null_count=known.null_count.filter(mask),
                    nan_count=known.nan_count.filter(mask),
                    size_bytes=known.size_bytes.filter(mask),
                )
                for name, known in self.bounds.items()
            },
        )

    @cached_property
    def size_bytes(self) -> int:
        """Bytes of all files whose size is known."""
        return int(pc.sum(self.sizes_bytes).as_py() or 0)

    @cached_property
    def record_count(self) -> int | None:
        """Rows of all files, before delete files; None when a count is unknown."""
        if self.record_counts.null_count:
            return None
        return int(pc.sum(self.record_counts).as_py() or 0)
