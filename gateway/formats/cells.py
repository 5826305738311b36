"""Values as a person sees them in a grid of cells: how wide, and with everything invisible made visible."""

import re
from collections.abc import Sequence

import pyarrow as pa

from gateway.values import text

NULL = "NULL"
_DANGEROUS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Controls of C0 and C1, which a terminal obeys, line separators, and marks that turn the direction of a whole line."""


def visible(value: str) -> str:
    """Return the text on one line with nothing in it that a terminal would act on: ␊ for a line feed, <U+202E>."""
    return value if value.isprintable() else _DANGEROUS.sub(_picture, value)


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


def cell_width(value: str) -> int:
    """Return how many cells of a terminal the visible text takes."""
    if value.isascii():
        return len(value)
    from wcwidth import wcswidth  # 60 ms that ASCII need not pay

    # -1 says that something is not printable; every character counts one then.
    wide = int(wcswidth(value))
    return wide if wide >= 0 else len(value)


def padded(value: str, width: int, *, right: bool) -> str:
    """Return the text with spaces up to the width, aligned to the right or left; a wider one as it is."""
    missing = " " * (width - cell_width(value))
    return missing + value if right else value + missing


def cells(batch: pa.RecordBatch, time_zone: str) -> list[list[str | None]]:
    """Return the columns of a batch as visible text; None is NULL."""
    columns: Sequence[list[str | None]] = [text(column, time_zone).to_pylist() for column in batch.columns]
    return [[value if value is None else visible(value) for value in column] for column in columns]
