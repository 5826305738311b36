"""How a CSV file is laid out: encoding, delimiter, header. Nothing here looks at types."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.identifiers import fold
from gateway.loading.errors import EmptySourceError, SourceFormatError, WrongEncodingError
from gateway.loading.lines import find_bad_byte
from gateway.loading.requests import LoadRequest, SourceFormat
from gateway.loading.sources import SourceFile

HEAD_BYTES = 256 * 1024
"""What is looked at to find the delimiter; a header longer than this is refused."""
_DELIMITERS = (",", "\t", ";", "|")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class CsvLayout:
    """What must be known to cut a file into texts. Equal layouts can be read together."""

    names: tuple[str, ...]
    """Column names, no two equal folded."""
    delimiter: str
    encoding: str
    """Canonical: utf-8, latin-1, utf-16, or another name of Python's."""
    header: bool
    compression: str


@dataclass(frozen=True)
class LaidOut:
    """A file's layout and what had to be decided for it."""

    layout: CsvLayout
    header_lines: int
    """Physical lines of the header; 0 without one."""
    warnings: tuple[str, ...]


def lay_out(file: SourceFile, request: LoadRequest) -> LaidOut:
    """Return the layout of one file.

    Raises: EmptySourceError, WrongEncodingError, SourceFormatError, FileAccessError.
    """
    head = _head(file)
    encoding = _encoding(head, request.encoding)
    text = _decoded(head, encoding, file)
    if not text.strip():
        raise EmptySourceError(f"{file.path} holds nothing but blanks", hint="leave it out")
    delimiter = request.delimiter or ("\t" if file.format is SourceFormat.TSV else _delimiter(text))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        first = next(record for record in reader if record)
    except (csv.Error, StopIteration) as error:
        raise SourceFormatError(f"the first row of {file.path} cannot be read: {error}", hint=_QUOTE_HINT) from error
    if reader.line_num > 100 or (len(head) == HEAD_BYTES and reader.line_num >= text.count("\n")):
        raise SourceFormatError(f"the first row of {file.path} does not end", hint=_QUOTE_HINT)
    if request.header and any("\ufffd" in name for name in first) and (wrong := find_bad_byte(file, encoding)):
        raise wrong
    warnings: list[str] = []
    if request.header:
        names = name_columns(first, file, warnings)
        if _looks_like_data(first):
            warnings.append(
                f"the first row of {file.path.name} was taken for column names though it looks like data "
                f"({', '.join(first[:3])}); say so if the file has no header"
            )
    else:
        names = tuple(f"column_{number}" for number in range(1, len(first) + 1))
    layout = CsvLayout(names, delimiter, encoding, request.header, file.compression)
    return LaidOut(layout, reader.line_num if request.header else 0, tuple(warnings))


_QUOTE_HINT = "is a quote missing, or the delimiter another one?"


def _head(file: SourceFile) -> bytes:
    with file.open() as stream:
        try:
            return stream.read(HEAD_BYTES)
        except OSError as error:
            raise SourceFormatError(
                f"{file.path} cannot be decompressed: {error}", hint="is the file complete?"
            ) from error


def _encoding(head: bytes, declared: str) -> str:
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    try:
        canonical = codecs.lookup(declared).name
    except LookupError as error:
        raise WrongEncodingError(
            f"there is no encoding {declared!r}", hint="try utf-8, latin-1, windows-1252 or utf-16"
        ) from error
    return {"iso8859-1": "latin-1", "ascii": "utf-8", "utf-8-sig": "utf-8"}.get(canonical, canonical)


def _decoded(head: bytes, encoding: str, file: SourceFile) -> str:
    """Return the head as text; bytes that are none stay visible, since only the names must be right here."""
    if encoding == "utf-8" and head[:64].count(b"\0") > 16:
        raise WrongEncodingError(f"{file.shown} looks like UTF-16", hint="try --encoding utf-16")
    return codecs.getincrementaldecoder(encoding)("replace").decode(head).removeprefix("\ufeff")


def _delimiter(text: str) -> str:
    """Return the delimiter that gives the first rows most often the same number of columns, more than one."""
    return max(_DELIMITERS, key=lambda candidate: _agreement(text, candidate))


def _agreement(text: str, delimiter: str) -> tuple[float, int]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    widths: list[int] = []
    try:
        for record in reader:
            if record:
                widths.append(len(record))
            if len(widths) == 200:
                break
    except csv.Error:
        pass
    if not widths or widths[0] < 2:
        return (0.0, 0)
    width, count = Counter(widths).most_common(1)[0]
    return (count / len(widths), width) if width > 1 else (0.0, 0)


def name_columns(cells: Sequence[str], file: SourceFile, warnings: list[str]) -> tuple[str, ...]:
    """Return a name per header cell, unique folded; what had to be made up is told in ``warnings``."""
    taken = {fold(cell.strip()) for cell in cells}
    names: list[str] = []
    used: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        name = cell.strip()
        if not name:
            name = _free(f"column_{number}", taken | used)
            warnings.append(f"column {number} of {file.path.name} has no name and became {name}")
        elif fold(name) in used:
            name = _free(f"{name}_2", taken | used)
            warnings.append(f"column {number} of {file.path.name} repeats the name {cell.strip()} and became {name}")
        used.add(fold(name))
        names.append(name)
    return tuple(names)


def _free(wish: str, taken: Iterable[str]) -> str:
    stem, _, digits = wish.rpartition("_")
    number = int(digits)
    while fold(f"{stem}_{number}") in taken:
        number += 1
    return f"{stem}_{number}"


def _looks_like_data(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    numbers = sum(cell.lstrip("+-").replace(".", "", 1).isdigit() for cell in filled)
    return numbers * 2 > len(filled)
