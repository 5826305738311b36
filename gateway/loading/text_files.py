"""Copies of sources in a form that DuckDB reads: other encodings, workbooks."""

import codecs
import csv
import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import UserError
from gateway.errors import NotSupportedError
from gateway.loading.csv_layout import name_columns
from gateway.loading.errors import EmptySourceError, SourceFormatError, WrongEncodingError
from gateway.loading.requests import SourceFormat
from gateway.loading.sources import SourceFile

NATIVE_ENCODINGS = ("utf-8", "latin-1")
"""What DuckDB 2.0.0 reads without an extension; its UTF-16 is only some of it."""


def transcode(file: SourceFile, encoding: str, folder: Path, number: int) -> SourceFile:
    """Write a UTF-8 copy of a text file.

    Raises: WrongEncodingError with the offset.
    """
    path = folder / f"utf8-{number}.csv"
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = line = 0
    with file.open() as source, path.open("w", encoding="utf-8", newline="") as sink:
        while True:
            block = source.read(1 << 20)
            try:
                sink.write(decoder.decode(block, final=not block))
            except UnicodeDecodeError as error:
                raise WrongEncodingError(
                    f"{file.path} is not {encoding.upper()}: byte 0x{error.object[error.start]:02X} near offset "
                    f"{offset + error.start:,}, line {line + 1 + block.count(10, 0, error.start):,}",
                    hint="try --encoding latin-1",
                ) from error
            if not block:
                return SourceFile(path, file.format, "none", path.stat().st_size, file.path)
            offset += len(block)
            line += block.count(b"\n")


@dataclass(frozen=True)
class Workbook:
    """A sheet as CSV, with what its cells said of their types."""

    file: SourceFile
    names: tuple[str, ...]
    text_columns: frozenset[str]
    """Columns with a cell that was text in the sheet: 01234 typed as text stays text."""
    warnings: tuple[str, ...]


def convert_workbook(file: SourceFile, folder: Path, number: int, header: bool) -> Workbook:
    """Write the first sheet of a workbook as CSV, row by row.

    Raises: EmptySourceError, SourceFormatError; NotSupportedError without openpyxl.
    """
    path = folder / f"sheet-{number}.csv"
    warnings: list[str] = []
    rows = _sheet(file, warnings)
    first = next((row for row in rows if any(cell is not None for cell in row)), None)
    if first is None:
        raise EmptySourceError(f"{file.path} has no rows in its first sheet", hint="leave it out")
    width = max(index for index, cell in enumerate(first) if cell is not None) + 1
    cells = [_text(cell) or "" for cell in first[:width]]
    names = name_columns(cells, file, warnings) if header else tuple(f"column_{i}" for i in range(1, width + 1))
    texts: set[int] = set()
    with path.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
        writer.writerow(names)
        if not header:
            _write_row(writer, sink, first[:width], texts)
        for row_number, row in enumerate(rows, start=2):
            if any(cell is not None for cell in row[width:]):
                raise SourceFormatError(
                    f"row {row_number:,} or later of {file.path} has more cells than the first row has columns",
                    hint="name every column in the first row",
                )
            if any(cell is not None for cell in row):
                _write_row(writer, sink, (*row[:width], *([None] * (width - len(row)))), texts)
    copied = SourceFile(path, SourceFormat.CSV, "none", path.stat().st_size, file.path)
    return Workbook(copied, names, frozenset(names[index] for index in texts), tuple(warnings))


def _write_row(writer: Any, sink: Any, row: Sequence[Any], texts: set[int]) -> None:
    if any(cell == "" for cell in row) or len(row) == 1:
        # A quoted empty text is a text, an unquoted one NULL; csv.writer quotes neither or both.
        sink.write(",".join(_quoted(_text(cell)) for cell in row) + "\n")
    else:
        writer.writerow([_text(cell) for cell in row])
    texts.update(index for index, cell in enumerate(row) if isinstance(cell, str) and cell)


def _quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


def _sheet(file: SourceFile, warnings: list[str]) -> Iterator[tuple[Any, ...]]:
    try:
        import openpyxl  # an optional dependency, and slow to import
    except ImportError as error:
        raise NotSupportedError("reading XLSX needs openpyxl", hint="pip install 'headgate[xlsx]'") from error
    try:
        book = openpyxl.load_workbook(file.path, read_only=True, data_only=True)
        if len(book.sheetnames) > 1:
            warnings.append(
                f"{file.path.name} has {len(book.sheetnames)} sheets; only the first, {book.sheetnames[0]}, was loaded"
            )
        yield from book.worksheets[0].iter_rows(values_only=True)
        book.close()
    except UserError:
        raise
    except Exception as error:  # openpyxl raises whatever the XML or ZIP layer raised
        raise SourceFormatError(f"{file.path} cannot be read as a workbook: {error}", hint="is it damaged?") from error


def _text(cell: Any) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime.datetime):
        midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    return str(cell)
