"""What headgate says beside the data: errors under the line they point at, and the truth line. Text in, text out."""

import unicodedata
from dataclasses import dataclass

from catalog.errors import SqlError
from gateway.units import human_bytes, human_duration, plural

EXCERPT_WIDTH = 100
"""Characters of an offending line that are shown: a generated statement can be one line of megabytes."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the text of a statement came from."""

    name: str
    """A file's name; empty when there is no need to say."""
    text: str
    """The whole script."""
    line: int = 1
    """Of the statement's first character in the script, from 1."""
    column: int = 1
    """Of the statement's first character in its line, from 1."""

    def locate(self, error: SqlError) -> tuple[int, int | None] | None:
        """Return line and column in the script; None when the error knows no line or one that is not there."""
        if error.line is None:
            return None
        line = self.line + error.line - 1
        column = error.column if error.column is None or error.line > 1 else self.column + error.column - 1
        return (line, column) if line <= len(_lines(self.text)) else None


def error_text(error: SqlError, source: Source | None = None) -> str:
    """Return an error as a person reads it: message, place with a caret, hint.

    Shape: lines without a newline at the end.
    """
    lines = [f"error: {error.message}"]
    place = source.locate(error) if source else None
    if source and place:
        line, column = place
        lines.append(
            f"  at {source.name + ', ' if source.name else ''}line {line}" + (f", column {column}" if column else "")
        )
        lines += [f"    {text}" for text in excerpt(_lines(source.text)[line - 1], column)]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    # Not splitlines(): that also cuts at form feeds and U+2028, which no parser counts as lines.
    return [line.removesuffix("\r") for line in text.split("\n")]


def excerpt(line: str, column: int | None) -> list[str]:
    """Return the line, or what of it is near the column, and below it the caret if there is a column."""
    at = min(max((column or 1) - 1, 0), len(line))
    start = max(0, min(at - EXCERPT_WIDTH // 2, len(line) - EXCERPT_WIDTH))
    shown = line[start : start + EXCERPT_WIDTH]
    before = "… " if start else ""
    after = " …" if start + EXCERPT_WIDTH < len(line) else ""
    if column is None:
        return [f"{before}{shown}{after}"]
    pad = "".join("\t" if char == "\t" else " " * _width(char) for char in before + line[start:at])
    return [f"{before}{shown}{after}", f"{pad}^"]


def _width(char: str) -> int:
    """Return how many cells a terminal gives a character."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


@dataclass(frozen=True, slots=True)
class Truth:
    """What the truth line tells of a finished statement; None and empty are left out."""

    row_count: int | None
    engine: str
    elapsed_ms: float
    files_planned: int | None
    files_total: int | None
    bytes_planned: int | None
    bytes_total: int | None
    cached: bool
    reason: str


def truth_line(truth: Truth) -> str:
    """Return ``12 rows · duckdb · 8 ms · read 3 of 120 files, 4.1 MB of 1.2 GB · why``."""
    parts = [
        "" if truth.row_count is None else plural(truth.row_count, "row"),
        truth.engine,
        human_duration(truth.elapsed_ms),
        "from the cache" if truth.cached else _read(truth),
        truth.reason,
    ]
    return " · ".join(part for part in parts if part)


def _read(truth: Truth) -> str:
    if not truth.files_total:
        return ""
    files = (
        "read "
        + _of(f"{truth.files_planned or 0:,}", f"{truth.files_total:,}")
        + (" file" if truth.files_total == 1 else " files")
    )
    if truth.bytes_planned is None:
        return files
    size = human_bytes(truth.bytes_planned)
    return f"{files}, {size if truth.bytes_total is None else _of(size, human_bytes(truth.bytes_total))}"


def _of(part: str, whole: str) -> str:
    return f"all {whole}" if part == whole else f"{part} of {whole}"
