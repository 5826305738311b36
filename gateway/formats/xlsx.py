"""XLSX, written as a stream: zipped XML of plain cells, no temporary file, no sheet in memory.

A sheet ends before 1,048,576 rows and the next one goes on. What a cell cannot hold is in
``gateway.formats.xlsx_cells``.
Source: ECMA-376 part 1, 18.3 (worksheets); support.microsoft.com, "Excel specifications and limits".
"""

import functools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Self

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import NotSupportedError
from gateway.formats import xlsx_parts as parts
from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.pipeline import closing, ordered, pieces
from gateway.formats.rows import join_rows
from gateway.formats.sinks import ChunkSink
from gateway.formats.xlsx_cells import column_cells, header_cells

SHEET_ROWS = 1_048_576
"""The header included."""
SHEET_BYTES = 1_900_000_000
"""Of XML: a larger part would need ZIP64, which not every reader of workbooks knows."""
SHEET_COLUMNS = 16_384
_PIECE_BYTES = 4 * 1024**2


class Xlsx:
    """A workbook with one sheet, or as many as the rows need."""

    name = "xlsx"
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    file_suffix = ".xlsx"
    binary = True
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        with closing(batches):
            _check(schema, options)
            with _Workbook(schema, options) as workbook:
                work = functools.partial(_encoded, time_zone=options.time_zone)
                for rows in ordered(pieces(batches, _PIECE_BYTES), work):
                    workbook.add(rows)
                    yield workbook.sink.take()
                workbook.finish()
        yield workbook.sink.take()


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a sheet as XML."""

    count: int
    xml: bytes


def _check(schema: pa.Schema, options: FormatOptions) -> None:
    if len(schema) > SHEET_COLUMNS:
        raise NotSupportedError(
            f"the result has {len(schema):,} columns, a sheet holds {SHEET_COLUMNS:,}", hint="write csv or parquet"
        )
    for column in schema:
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            options.note(
                f"column {column.name}: a sheet knows no time zone, its times are those of {options.time_zone}"
            )


def _encoded(batch: pa.RecordBatch, time_zone: str) -> _Rows:
    first, *others = (
        column_cells(column, name, time_zone) for name, column in zip(batch.schema.names, batch.columns, strict=True)
    )
    opened = pc.binary_join_element_wise("<row>", first, "")
    return _Rows(batch.num_rows, join_rows([opened, *others], "", "</row>\n"))


@dataclass
class _Workbook:
    """The zip archive under way."""

    schema: pa.Schema
    options: FormatOptions
    sink: ChunkSink = field(default_factory=ChunkSink)
    _sheet_count: int = 0
    _sheet_rows: int = 0
    _sheet_bytes: int = 0

    def __post_init__(self) -> None:
        self._archive = zipfile.ZipFile(self.sink, "w")
        self._put("[Content_Types].xml", parts.CONTENT_TYPES)
        self._put("_rels/.rels", parts.PACKAGE_RELATIONS)
        self._put("xl/styles.xml", parts.styles())
        self._sheet = self._next_sheet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._sheet.close()
        self._archive.close()

    def add(self, rows: _Rows) -> None:
        if self._sheet_rows + rows.count > SHEET_ROWS or self._sheet_bytes + len(rows.xml) > SHEET_BYTES:
            self._end_sheet()
            self._sheet = self._next_sheet()
            self.options.note(f"the rows go on in sheet {parts.sheet_name(self._sheet_count)!r}")
        self._sheet.write(rows.xml)
        self._sheet_rows += rows.count
        self._sheet_bytes += len(rows.xml)

    def finish(self) -> None:
        self._end_sheet()
        self._put("xl/workbook.xml", parts.workbook(self._sheet_count))
        self._put("xl/_rels/workbook.xml.rels", parts.workbook_relations(self._sheet_count))

    def _next_sheet(self) -> IO[bytes]:
        self._sheet_count += 1
        self._sheet_rows = 1
        sheet = self._archive.open(_entry(f"xl/worksheets/sheet{self._sheet_count}.xml"), "w")
        header = f"<row>{header_cells(self.schema.names)}</row>\n"
        self._sheet_bytes = sheet.write(f"{parts.sheet_start(self.schema)}{header}".encode())
        return sheet

    def _end_sheet(self) -> None:
        self._sheet.write(parts.SHEET_END.encode())
        self._sheet.close()

    def _put(self, name: str, content: str) -> None:
        self._archive.writestr(_entry(name), content)


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry without the time of day in it: the same result gives the same bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
