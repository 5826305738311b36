"""One value a line, for rows that are too wide for a table."""

from collections.abc import Iterator

import pyarrow as pa

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.cells import cell_width, padded, visible
from gateway.formats.pipeline import closing, pieces
from gateway.formats.table import Row, chunks, table_rows

_PIECE_BYTES = 1024**2


class Vertical:
    """Records with a numbered rule between them, names to the left of their values."""

    name = "vertical"
    media_type = "text/plain; charset=utf-8"
    file_suffix = ".txt"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        names = list(map(visible, schema.names))
        width = max(map(cell_width, names), default=0)
        labels = [padded(name, width, right=False) for name in names]
        with closing(batches):
            rows = table_rows(pieces(batches, _PIECE_BYTES), options.time_zone)
            yield from chunks(_record(number, labels, row) for number, row in enumerate(rows, start=1))


def _record(number: int, labels: list[str], row: Row) -> str:
    body = "".join(f"{label} | {value}\n" for label, value in zip(labels, row, strict=True))
    return f"-[ record {number} ]-\n{body}"
