"""Rows of text put together from columns of text, a whole batch in one call."""

import functools
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gateway.formats.pipeline import closing, ordered, pieces
from gateway.values import data


def join_rows(parts: Sequence[pa.Array | str], null: str = "") -> bytes:
    """Return the rows that the parts make side by side, one after the other.

    A string array gives each row its item, a str all rows the same; at least one part is an array.
    NULL items become ``null``.
    """
    return data(pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement=null))


def interleaved(columns: Sequence[pa.Array], separator: str, end: str) -> list[pa.Array | str]:
    """Return the columns as parts of ``join_rows`` with a separator between them and an end."""
    parts: list[pa.Array | str] = []
    for column in columns:
        parts += [column, separator]
    return [*parts[:-1], end]


def encode_rows(
    batches: Iterator[pa.RecordBatch], rows: Callable[[pa.RecordBatch], bytes], *, before: bytes, after: bytes
) -> Iterator[bytes]:
    """Yield ``before``, the rows of every batch, encoded on all cores and in order, and ``after``."""
    with closing(batches):
        if before:
            yield before
        yield from ordered(pieces(batches), rows)
        if after:
            yield after


def any_contains(strings: pa.Array, characters: Sequence[str]) -> list[str]:
    """Return those of the ASCII characters that occur in any of the strings."""
    whole = data(strings)
    if len(whole.translate(None, "".join(characters).encode())) == len(whole):
        return []
    return [character for character in characters if character.encode() in whole]


def contains_any(strings: pa.Array, characters: Sequence[str]) -> pa.Array:
    """Return which strings hold at least one of the characters; there is at least one."""
    masks = [pc.match_substring(strings, character) for character in characters]
    return functools.reduce(pc.or_, masks)
