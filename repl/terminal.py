"""The process's three streams: data leaves on standard output as bytes, everything else on standard error."""

import os
import shutil
import sys
import threading
from dataclasses import dataclass, field
from typing import BinaryIO, TextIO

from repl.exits import UsageError


@dataclass
class Terminal:
    """Where data goes and where people are told things. Thread safe."""

    stdin: BinaryIO
    stdout: BinaryIO
    stderr: TextIO
    stdin_is_terminal: bool = False
    stdout_is_terminal: bool = False
    stderr_is_terminal: bool = False
    quiet: bool = False
    """Only errors are said."""
    _status: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def width(self) -> int:
        """Cells of a line, 80 when nobody knows."""
        return shutil.get_terminal_size((80, 24)).columns

    def say(self, text: str) -> None:
        """Tell a person something, unless they asked for quiet."""
        if not self.quiet and text:
            self.complain(text)

    def complain(self, text: str) -> None:
        """Tell a person something they must know."""
        with self._lock:
            self.status("")
            self.stderr.write(text + "\n")
            self.stderr.flush()

    def status(self, text: str) -> None:
        """Show what goes on now, in one line that the next takes the place of; empty wipes it.

        Nothing is shown where no person watches, or who watches wants quiet.
        """
        if not self.stderr_is_terminal or self.quiet:
            return
        shown = text[: self.width - 1]
        with self._lock:
            if shown != self._status:
                self.stderr.write(f"\r\x1b[K{shown}")
                self.stderr.flush()
                self._status = shown


def process_terminal(*, quiet: bool = False) -> Terminal:
    """Return the streams of this process, which speak UTF-8 whatever the locale says."""
    stderr = open(  # noqa: SIM115 - it lives as long as the process
        sys.stderr.fileno(), "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1
    )
    return Terminal(
        stdin=sys.stdin.buffer,
        stdout=sys.stdout.buffer,
        stderr=stderr,
        stdin_is_terminal=sys.stdin.isatty(),
        stdout_is_terminal=sys.stdout.isatty(),
        stderr_is_terminal=sys.stderr.isatty(),
        quiet=quiet,
    )


def decode_sql(data: bytes, name: str) -> str:
    """Return a script's text from UTF-8, with or without a byte order mark.

    Raises: UsageError with the line when it is something else.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}", hint="save it as UTF-8"
        ) from error


def decode_argument(argument: str) -> str:
    """Return an argument as the UTF-8 that it is, though Python read it by a locale that is not.

    Raises: UsageError when it is no UTF-8 either.
    """
    return decode_sql(os.fsencode(argument), "the argument of -c")
