"""What is wrong with which row of a CSV file: read again, on the way to an error or to a rejects file."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import duckdb

from catalog.identifiers import fold
from gateway.engines.duckdb.csv_columns import TextColumn, bad_sql
from gateway.engines.duckdb.csv_text import MAX_LINE_BYTES, read_csv
from gateway.loading.errors import BrokenRowsError, SourceFormatError
from gateway.loading.lines import Record, find_bad_byte, places, records, text_of
from gateway.loading.rows import BrokenRow, CsvGroup, CsvSource
from gateway.loading.sources import SourceFile

SHOWN_ROWS = 5
_COUNTS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_REASONS = {
    "UNQUOTED VALUE": "a quote is not closed, or text follows a closing quote",
    "LINE SIZE OVER MAXIMUM": f"it is longer than {MAX_LINE_BYTES:,} bytes; is a quote not closed?",
    "INVALID ENCODING": "it holds bytes that are not of the file's encoding",
}


def is_broken_csv(error: duckdb.Error) -> bool:
    """Return whether DuckDB's reader stumbled over the layout of a file."""
    return "CSV Error" in str(error) or "CSV Parser" in str(error) or "The CSV" in str(error)


def refuse(
    connection: duckdb.DuckDBPyConnection,
    source: CsvSource,
    error: duckdb.Error,
    columns: Sequence[TextColumn] | None = None,
) -> NoReturn:
    """Raise the error that names the first broken rows by line.

    With ``columns`` the fault is in a value, without in the layout.
    Raises: BrokenRowsError, WrongEncodingError, SourceFormatError.
    """
    if columns is not None:
        rows = bad_values(connection, source, columns, (), limit=SHOWN_ROWS)
        raise _broken(rows, None)
    for group in source.groups:
        every = ", ".join(f"count(c{index})" for index in range(len(group.layout.names)))  # unread columns go unchecked
        paths = [str(file.path) for file in group.files]
        try:
            # Without fetching, DuckDB 2.0.0 does not run it.
            connection.execute(
                f"SELECT {every} FROM {read_csv(group, paths, source.null_texts, options=_REJECTS)}"
            ).fetchall()
        except duckdb.Error as second:
            raise _unreadable(second) from error
    faults = _faults(connection, source)
    for file in {fault.file: None for fault in faults if fault.kind == "INVALID ENCODING"}:
        encoding = next(group.layout.encoding for group in source.groups if file in group.files)
        if wrong := find_bad_byte(file, encoding):
            raise wrong from error
    if not faults:
        raise _unreadable(error) from error
    raise _broken(
        _placed(faults[:SHOWN_ROWS], source), len(faults), _mixed({fault.file for fault in faults})
    ) from error


_REJECTS = "store_rejects = true"


def _unreadable(error: duckdb.Error) -> SourceFormatError:
    message = str(error)
    named = re.search(r"file = (.*)", message)
    where = named[1] if named else "the file"
    if "state machine" in message:
        return SourceFormatError(
            f"{where} cannot be read as CSV: its rows do not follow one layout",
            hint="does it mix line ends (CRLF and LF), or quotes inside texts?",
        )
    return SourceFormatError(
        f"{where} cannot be read as CSV: {message.splitlines()[0].partition('Error: ')[2]}",
        hint="is the file complete?",
    )


def _mixed(files: Iterable[SourceFile]) -> bool:
    """Return whether the beginning of a file has both CRLF and LF, quoted ones included."""
    for file in files:
        with file.open() as stream:
            head = stream.read(1 << 20)
        if 0 < head.count(b"\r\n") < head.count(b"\n"):
            return True
    return False


def _broken(rows: Sequence[BrokenRow], count: int | None, mixed: bool = False) -> BrokenRowsError:
    listed = "".join(f"\n  {row.file.shown}, line {row.line:,}: {row.reason}: {row.raw[:200]}" for row in rows)
    many = f"{count:,} rows are" if count and count > 1 else "a row is" if len(rows) == 1 else "rows are"
    more = f"\n  and {count - len(rows):,} more" if count and count > len(rows) else ""
    return BrokenRowsError(
        f"{many} broken and nothing was loaded:{listed}{more}",
        hint="the file mixes line ends, CRLF and LF: make them one kind"
        if mixed
        else "--on-error skip loads the others and writes these to a rejects file",
    )


@dataclass(frozen=True)
class _Fault:
    file: SourceFile
    line: int
    """As DuckDB counts: rows, not lines."""
    offset: int
    kind: str
    text: str
    raw: str


def broken_rows(connection: duckdb.DuckDBPyConnection, source: CsvSource) -> tuple[BrokenRow, ...]:
    """Return the rows that the connection's last reading with store_rejects left out."""
    return tuple(_placed(_faults(connection, source), source))


def _faults(connection: duckdb.DuckDBPyConnection, source: CsvSource) -> list[_Fault]:
    files = {str(file.path): file for group in source.groups for file in group.files}
    try:
        rows = connection.execute(
            "SELECT file_path, line_byte_position, min(line), arg_min(error_type, column_idx), "
            "arg_min(error_message, column_idx), any_value(csv_line) FROM reject_errors JOIN reject_scans "
            "USING (scan_id, file_id) GROUP BY ALL ORDER BY file_path, line_byte_position"
        ).fetchall()
    except duckdb.CatalogException:  # The tables are made with the first broken row.
        return []
    return [
        _Fault(files[path], line, offset - 1, kind, text, raw or "") for path, offset, line, kind, text, raw in rows
    ]


def _placed(faults: Sequence[_Fault], source: CsvSource) -> list[BrokenRow]:
    exact = {file for group in source.groups if group.layout.encoding == "utf-8" for file in group.files}
    found: list[BrokenRow] = []
    for file in dict.fromkeys(fault.file for fault in faults):
        own = [fault for fault in faults if fault.file == file]
        # In other encodings DuckDB counts the bytes of its own UTF-8.
        where = places(file, [fault.offset for fault in own]) if file in exact else {}
        for fault in own:
            place = where.get(fault.offset)
            raw = place.raw if place and fault.kind == "INVALID ENCODING" else text_of(fault.raw.encode())
            found.append(BrokenRow(file, place.line if place else fault.line, _reason(fault), raw))
    return found


def _reason(fault: _Fault) -> str:
    if match := _COUNTS.search(fault.text):
        return f"{match[2]} columns instead of {match[1]}"
    return _REASONS.get(fault.kind, fault.text)


def bad_values(
    connection: duckdb.DuckDBPyConnection,
    source: CsvSource,
    columns: Sequence[TextColumn],
    skipped: Sequence[BrokenRow],
    limit: int | None = None,
) -> tuple[BrokenRow, ...]:
    """Return the rows with a text that the table cannot hold, those of ``skipped`` apart.

    The connection keeps the order of rows.
    """
    found: list[BrokenRow] = []
    for group in source.groups:
        for file in group.files:
            left = None if limit is None else limit - len(found)
            lines = {row.line for row in skipped if row.file == file}
            found += _bad_values_of(connection, source, group, file, columns, lines, left)
            if limit is not None and len(found) >= limit:
                return tuple(found)
    return tuple(found)


def _bad_values_of(
    connection: duckdb.DuckDBPyConnection,
    source: CsvSource,
    group: CsvGroup,
    file: SourceFile,
    columns: Sequence[TextColumn],
    skipped_lines: set[int],
    limit: int | None,
) -> list[BrokenRow]:
    positions = {fold(name): position for position, name in enumerate(group.layout.names)}
    held = [(index, one, positions[one.source]) for index, one in enumerate(columns) if one.source in positions]
    which = " ".join(f"WHEN {bad_sql(index, one)} THEN {index}" for index, one, _ in held)
    texts = ", ".join(f"c{position} AS t{index}" for index, _, position in held)
    text = " ".join(f"WHEN {index} THEN t{index}" for index, _, _ in held)
    reading = read_csv(group, [str(file.path)], source.null_texts, options=_REJECTS)
    rows = connection.execute(
        f"SELECT record, which, CASE which {text} END FROM (SELECT row_number() OVER () AS record, *, CASE {which} END "
        f"AS which FROM (SELECT {texts} FROM {reading})) WHERE which IS NOT NULL ORDER BY record"
        + (f" LIMIT {limit}" if limit is not None else "")
    ).fetchall()
    wanted = {record: (columns[index], value) for record, index, value in rows}
    found: list[BrokenRow] = []
    for number, place in enumerate(_data_records(group, file, skipped_lines), start=1):
        if number in wanted:
            column, value = wanted.pop(number)
            found.append(BrokenRow(file, place.line, _value_reason(column, value), text_of(place.raw)))
        if not wanted:
            break
    return found


def _data_records(group: CsvGroup, file: SourceFile, skipped_lines: set[int]) -> Iterator[Record]:
    """Yield the records that DuckDB hands out: no header, no blank lines, none that is broken itself."""
    header = group.layout.header
    for record in records(file, group.layout.delimiter):
        if not record.raw.strip(b"\r\n") and len(group.layout.names) > 1:
            continue
        if header:
            header = False
            continue
        if record.line not in skipped_lines:
            yield record


def _value_reason(one: TextColumn, value: str | None) -> str:
    if value is None or not value.strip():
        return f"column {one.column.name} is required and empty"
    return f"column {one.column.name} takes {one.kind.label}, not {value!r}"
