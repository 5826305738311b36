"""Where result sets go: standard output, or a file that appears whole or not at all.

Several result sets in one output: text is set apart by an empty line, but JSON is one array after another,
NDJSON one run of lines, Arrow one IPC stream after another. Parquet and XLSX hold one result; a second one
is refused before it is written.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from catalog.errors import SqlError
from gateway.errors import InvalidSettingError
from repl.atomic import atomic_file, file_errors
from repl.exits import UsageError
from repl.startup import import_arrow_alone
from repl.terminal import Terminal

if TYPE_CHECKING:
    import pyarrow as pa

    from gateway.formats.base import Format, FormatOptions

JOINED = frozenset({"json", "ndjson", "arrow"})
"""Formats of which several stand one after another as they are."""
SINGLE = frozenset({"parquet", "xlsx"})
"""Formats of which a file holds one."""


class Output:
    """One output in one format."""

    def __init__(self, stream: BinaryIO, chosen: "Format", name: Path | None = None) -> None:
        self._stream = stream
        self._format = chosen
        self._name = name or Path("standard output")
        self.written = 0
        """Result sets so far."""
        self.abandoned = False

    def write(self, schema: "pa.Schema", batches: "Iterator[pa.RecordBatch]", options: "FormatOptions") -> None:
        """Write one result set, as its rows come. Of one that fails nothing stays in a file.

        Raises: UsageError for a second one where the format holds one; what the rows raise; FileAccessError,
        DiskFullError; BrokenPipeError when nobody reads any more.
        """
        if self.written and self._format.name in SINGLE:
            raise UsageError(
                f"{self._format.name} holds one result and there are more",
                hint="give each query a -o of its own, or choose another --format",
            )
        with file_errors(self._name), self._whole_or_nothing():
            if self.written and self._format.name not in JOINED:
                self._stream.write(b"\n")
            for piece in self._format.encode(schema, batches, options):
                self._stream.write(piece)
            self._stream.flush()
        self.written += 1

    def expand(self) -> bool:
        """Show rows as records from now on, or again as they fit; return which, False where nobody looks."""
        from repl.display import TerminalTable

        if isinstance(self._format, TerminalTable):
            self._format = replace(self._format, expanded=None if self._format.expanded else True)
            return bool(self._format.expanded)
        return False

    def abandon(self) -> None:
        """Leave the file as it was before."""
        self.abandoned = True

    @contextmanager
    def _whole_or_nothing(self) -> Iterator[None]:
        start = self._stream.tell() if self._stream.seekable() else None
        try:
            yield
        except SqlError:
            if start is not None:
                self._stream.seek(start)
                self._stream.truncate()
            raise


class _AbandonedError(Exception):
    """The file is to stay as it was."""


@contextmanager
def opened_output(path: Path | None, format_name: str | None, terminal: Terminal) -> Iterator[Output]:
    """Yield the output that the command line asks for; a file appears at the end, if a result was written.

    Raises: UsageError for an unknown or missing format, or binary data on a terminal; FileAccessError, DiskFullError.
    """
    chosen = choose_format(path, format_name, terminal)
    if path is None:
        yield Output(terminal.stdout, chosen)
        return
    try:
        with atomic_file(path) as stream:
            output = Output(stream, chosen, path)
            yield output
            if output.abandoned or not output.written:
                raise _AbandonedError
    except _AbandonedError:
        pass


def choose_format(path: Path | None, name: str | None, terminal: Terminal) -> "Format":
    """Return the format asked for: by name, else by the file's suffix, else by who reads.

    Raises: UsageError.
    """
    import_arrow_alone()
    from gateway.formats import SUFFIXES, named

    try:
        chosen = named(name or _usual_format(path, SUFFIXES, terminal))
    except InvalidSettingError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if path is None and chosen.binary and terminal.stdout_is_terminal:
        raise UsageError(f"{chosen.name} would spoil the terminal", hint=f"use -o FILE{chosen.file_suffix}")
    return _for_people(terminal) if path is None and chosen.name == "table" and terminal.stdout_is_terminal else chosen


def _for_people(terminal: Terminal) -> "Format":
    from repl.display import TerminalTable

    return TerminalTable(terminal.width, colour="NO_COLOR" not in os.environ)


def _usual_format(path: Path | None, suffixes: Mapping[str, str], terminal: Terminal) -> str:
    if path is None:
        return "table" if terminal.stdout_is_terminal else "csv"
    if path.suffix and path.suffix.lower() not in suffixes:
        raise UsageError(f"{path.suffix} names no format", hint=f"give --format, or one of {' '.join(suffixes)}")
    return suffixes.get(path.suffix.lower(), "csv")
