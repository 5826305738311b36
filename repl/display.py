"""Results on a terminal: a table that fits its width, or records when it cannot.

Only here are values ever shortened, only text, and it is said how many. Numbers, dates and times stay whole:
half a number is another number. Where the output is no terminal, ``gateway.formats.table`` stands in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import pyarrow as pa

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.cells import NULL, cell_width, padded, visible
from gateway.formats.pipeline import closing, pieces
from gateway.formats.table import SAMPLE_ROWS, chunks
from gateway.units import plural
from gateway.values import has_free_text, is_number, text

ELLIPSIS = "…"
MIN_TEXT_WIDTH = 8
"""A column of text is not made narrower; with less room the rows are shown as records."""
_PIECE_BYTES = 1024**2
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class TerminalTable:
    """The ``table`` format for a terminal; a ``gateway.formats.Format`` like the others."""

    width: int
    """Cells of a line."""
    colour: bool = True
    expanded: bool | None = None
    """True shows every row as a record, False never; None when the columns do not fit side by side."""

    name = "table"
    media_type = "text/plain; charset=utf-8"
    file_suffix = ".txt"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        """Yield lines of UTF-8. At the end ``options.note`` is told when values were shortened."""
        with closing(batches):
            rows = _rows(pieces(batches, _PIECE_BYTES), options.time_zone)
            sample = list(islice(rows, SAMPLE_ROWS))
            columns = _columns(schema, sample, self.width)
            if self.expanded or (columns is None and self.expanded is None):
                yield from chunks(self._records(schema, chain(sample, rows)))
                return
            laid_out = columns or _columns(schema, sample, None) or ()
            taken = sum(one.width + 3 for one in laid_out) - 3
            grid = _Grid(laid_out, self.colour, spare=max(self.width - taken, 0))
            yield from chunks(chain(grid.head(), map(grid.line, chain(sample, rows))))
            if grid.shortened:
                options.note(f"{plural(grid.shortened, 'value')} shortened; \\x shows them whole")

    def _records(self, schema: pa.Schema, rows: Iterator[Row]) -> Iterator[str]:
        names = [visible(name) for name in schema.names]
        label_width = max(map(cell_width, names), default=0)
        labels = [padded(name, label_width, right=False) for name in names]
        for number, row in enumerate(rows, start=1):
            title = f"─[ record {number} ]"
            yield f"{self._styled(_DIM, title + '─' * max(self.width - len(title), 1))}\n"
            for label, value in zip(labels, row, strict=True):
                yield from self._member(label, " " * label_width, value)

    def _member(self, label: str, blank: str, value: str | None) -> Iterator[str]:
        """Yield a value with its line breaks kept."""
        if value is None:
            yield f"{self._styled(_BOLD, label)} │ {self._styled(_DIM, NULL)}\n"
            return
        first, *others = value.split("\n")
        yield f"{self._styled(_BOLD, label)} │ {visible(first)}\n"
        for other in others:
            yield f"{blank} │ {visible(other)}\n"

    def _styled(self, style: str, shown: str) -> str:
        return f"{style}{shown}{_PLAIN}" if self.colour else shown


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of a table on a terminal."""

    name: str
    width: int
    right: bool
    may_shorten: bool


@dataclass
class _Grid:
    """The lines of a table; counts the values that it shortens."""

    columns: Sequence[_Column]
    colour: bool
    spare: int
    """Cells of a line that the columns leave."""
    shortened: int = 0

    def head(self) -> Iterator[str]:
        names = [padded(shorten(one.name, one.width), one.width, right=one.right) for one in self.columns]
        yield " │ ".join(f"{_BOLD}{name}{_PLAIN}" if self.colour else name for name in names).rstrip(" ") + "\n"
        yield "─┼─".join("─" * one.width for one in self.columns) + "\n"

    def line(self, row: Row) -> str:
        """Return a row; text wider than the rows that set the widths takes what room the line has left."""
        spare = self.spare
        cells = []
        for value, column in zip(row, self.columns, strict=True):
            shown = visible(NULL if value is None else value)
            if column.may_shorten and (len(shown) > column.width or not shown.isascii()):
                whole, shown = shown, shorten(shown, column.width + spare)
                self.shortened += shown != whole
                spare -= max(cell_width(shown) - column.width, 0)
            cell = padded(shown, column.width, right=column.right)
            cells.append(cell.replace(NULL, f"{_DIM}{NULL}{_PLAIN}") if value is None and self.colour else cell)
        return " │ ".join(cells).rstrip(" ") + "\n"


def shorten(value: str, width: int) -> str:
    """Return text of at most ``width`` cells; what is cut off ends in an ellipsis, no character is halved."""
    if cell_width(value) <= width:
        return value
    if value.isascii():
        return value[: width - 1] + ELLIPSIS
    from wcwidth import iter_graphemes

    kept, room = [], width - 1
    for grapheme in iter_graphemes(value):
        room -= cell_width(grapheme)
        if room < 0:
            break
        kept.append(grapheme)
    return "".join(kept) + ELLIPSIS


def fit(natural: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Return column widths that fill at most ``room``: the widest give way first, none below its least.

    None when even the least do not fit.
    """
    if sum(natural) <= room:
        return list(natural)
    if sum(least) > room:
        return None
    cap = max(natural)
    while sum(widths := [max(low, min(wide, cap)) for wide, low in zip(natural, least, strict=True)]) > room:
        cap -= max(1, (sum(widths) - room) // len(widths))
    return widths


def _fit_names_first(natural: Sequence[int], whole: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Shorten the names of columns before the values: ``whole`` widths hold every value."""
    return fit(natural, whole, room) or fit(whole, least, room)


def _columns(schema: pa.Schema, sample: Sequence[Row], width: int | None) -> tuple[_Column, ...] | None:
    """Return the columns laid out in lines of ``width`` cells, or None if they do not fit; None is all they need."""
    names = [visible(name) for name in schema.names]
    longest = [
        max((cell_width(NULL if value is None else visible(value)) for value in column), default=0)
        for column in (zip(*sample, strict=True) if sample else [()] * len(names))
    ]
    natural = [max(cell_width(name), wide, 1) for name, wide in zip(names, longest, strict=True)]
    free = [has_free_text(field.type) for field in schema]
    whole = [max(values, min(wide, MIN_TEXT_WIDTH)) for wide, values in zip(natural, longest, strict=True)]
    least = [min(wide, MIN_TEXT_WIDTH) if is_free else wide for wide, is_free in zip(whole, free, strict=True)]
    widths = natural if width is None else _fit_names_first(natural, whole, least, width - 3 * (len(names) - 1))
    if widths is None:
        return None
    return tuple(
        _Column(name, wide, is_number(field.type), is_free and width is not None)
        for name, wide, field, is_free in zip(names, widths, schema, free, strict=True)
    )


def _rows(batches: Iterator[pa.RecordBatch], time_zone: str) -> Iterator[Row]:
    for batch in batches:
        yield from zip(*(text(column, time_zone).to_pylist() for column in batch.columns), strict=True)
