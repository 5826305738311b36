"""Where in a file something stands, in the numbers that an editor shows. Only read on the way to an error."""

import codecs
import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gateway.loading.errors import WrongEncodingError
from gateway.loading.sources import SourceFile, lines

RAW_LIMIT = 100_000
"""A raw row is cut after so many bytes: an unclosed quote makes a row of the rest of the file."""


@dataclass(frozen=True, slots=True)
class Place:
    """The physical line that begins at a byte."""

    line: int
    """From 1."""
    raw: str


def places(file: SourceFile, offsets: Collection[int]) -> dict[int, Place]:
    """Return the line that holds each byte offset, decompressed and counted from 0."""
    found: dict[int, Place] = {}
    waiting = sorted(offsets, reverse=True)
    end = 0
    for number, line in enumerate(lines(file), start=1):
        end += len(line)
        while waiting and waiting[-1] < end:
            found[waiting.pop()] = Place(number, text_of(line))
        if not waiting:
            break
    return found


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a CSV file, which may span lines."""

    offset: int
    """Of its first byte, decompressed."""
    line: int
    """Of its first byte, from 1."""
    raw: bytes


def records(file: SourceFile, delimiter: str) -> Iterator[Record]:
    """Yield the rows of a CSV file, header and blank lines included, quoted line ends respected."""
    taken: list[bytes] = []
    offset, first = 0, 1

    def feed() -> Iterator[str]:
        for line in lines(file):
            taken.append(line)
            yield line.decode("utf-8", "replace")

    csv.field_size_limit(1 << 30)
    for _ in csv.reader(feed(), delimiter=delimiter):
        raw = b"".join(taken)
        yield Record(offset, first, raw)
        offset, first = offset + len(raw), first + len(taken)
        taken.clear()


def text_of(raw: bytes) -> str:
    """Return a row for people, without its line end."""
    return raw[:RAW_LIMIT].decode("utf-8", "backslashreplace").rstrip("\r\n")


def find_bad_byte(file: SourceFile, encoding: str) -> WrongEncodingError | None:
    """Return the error for the first byte that the encoding does not know, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = 0
    number = 0
    for number, line in enumerate(lines(file), start=1):
        try:
            decoder.decode(line)
        except UnicodeDecodeError as error:
            return WrongEncodingError(
                f"{file.shown} is not {encoding.upper()}: byte 0x{error.object[error.start]:02X} "
                f"at offset {offset + error.start:,}, line {number:,}",
                hint="try --encoding windows-1252 or --encoding latin-1",
            )
        offset += len(line)
    return None
