"""A plain table for people reading a file or a pipe: nothing shortened, nothing coloured.

Column widths come from the first rows. A later value that is wider pushes the rest of its line to the
right; it is never cut, and the rows before it have left already.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import pyarrow as pa

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.cells import NULL, cell_width, cells, padded, visible
from gateway.formats.pipeline import closing, pieces
from gateway.values import is_number

SAMPLE_ROWS = 1_000
_PIECE_BYTES = 1024**2
_CHUNK_LINES = 500

Row = tuple[str, ...]


class Table:
    """Columns side by side under their names."""

    name = "table"
    media_type = "text/plain; charset=utf-8"
    file_suffix = ".txt"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        with closing(batches):
            rows = table_rows(pieces(batches, _PIECE_BYTES), options.time_zone)
            sample = list(islice(rows, SAMPLE_ROWS))
            names = tuple(map(visible, schema.names))
            widths = [max(map(cell_width, column)) for column in zip(names, *sample, strict=True)]
            right = [is_number(field.type) for field in schema]
            yield f"{line(names, widths, right)}\n{'-+-'.join('-' * width for width in widths)}\n".encode()
            lines = (f"{line(row, widths, right)}\n" for row in chain(sample, rows))
            yield from chunks(lines)


def table_rows(batches: Iterator[pa.RecordBatch], time_zone: str) -> Iterator[Row]:
    """Yield rows of visible text; NULL is ``NULL``."""
    for batch in batches:
        columns = cells(batch, time_zone)
        yield from zip(*([NULL if value is None else value for value in column] for column in columns), strict=True)


def line(row: Row, widths: Sequence[int], right: Sequence[bool]) -> str:
    """Return the cells of a row in columns of the given widths; nothing is put after the last."""
    placed = [padded(value, width, right=to_right) for value, width, to_right in zip(row, widths, right, strict=True)]
    return " | ".join([*placed[:-1], placed[-1] if right[-1] else row[-1]])


def chunks(lines: Iterator[str]) -> Iterator[bytes]:
    """Yield lines in UTF-8, many at a time."""
    while some := list(islice(lines, _CHUNK_LINES)):
        yield "".join(some).encode()
