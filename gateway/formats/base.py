"""What an output format is. Bytes out; nothing here knows a terminal or the name of a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import pyarrow as pa


def _say_nothing(_note: str) -> None:
    """The note of a caller who does not listen."""


@dataclass(frozen=True)
class FormatOptions:
    """Choices that some formats heed and the others ignore."""

    time_zone: str = "UTC"
    """IANA name: instants are written as wall clock and offset of this zone."""
    header: bool = True
    """csv, tsv: write the column names first."""
    exact_text: bool = False
    """json, ndjson: 64-bit integers and decimals as strings."""
    guard_formulas: bool = False
    """csv, tsv: put an apostrophe before text that a spreadsheet would run as a formula. It changes the data."""
    caption: str = ""
    """html: the table's caption and the page's title."""
    note: Callable[[str], None] = _say_nothing
    """Is told, in one sentence, what a reader of the file should know: a second sheet, a type written as text."""


DEFAULTS = FormatOptions()


class Format(Protocol):
    """Turns record batches into bytes. Stateless: one object may encode many results at a time."""

    @property
    def name(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def file_suffix(self) -> str:
        """With its dot."""
        ...

    @property
    def binary(self) -> bool:
        """True when the bytes would spoil a terminal; the others are UTF-8 text."""
        ...

    @property
    def streams(self) -> bool:
        """True when the first rows leave before the last arrive. Memory is bounded either way."""
        ...

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        """Yield the whole output in order, a complete file when the last piece has left.

        Closing the iterator early closes ``batches``. Raises: what ``batches`` raises, in its place in the
        stream; NotSupportedError for a value that the format cannot hold.
        """
        ...


def write(
    chosen: Format,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    sink: BinaryIO,
    options: FormatOptions = DEFAULTS,
) -> None:
    """Write a result to an open binary file.

    Raises: what ``Format.encode`` raises; OSError as the sink does.
    """
    for piece in chosen.encode(schema, batches, options):
        sink.write(piece)
