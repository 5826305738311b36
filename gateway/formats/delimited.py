"""CSV and TSV.

CSV as RFC 4180 has it, except that lines end in LF: a field is quoted when it holds a quote, comma or line
break, or is the empty string; NULL is nothing at all. TSV as PostgreSQL's COPY has it: never quoted, tab, line
breaks and backslash as ``\\t \\n \\r \\\\``, NULL as ``\\N``.
"""

import functools
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.rows import any_contains, contains_any, encode_rows, join_rows
from gateway.values import has_free_text, patched, text

_FORMULA_START = r"^\s*[=+\-@\t\r]"
"""What makes a spreadsheet run text as a formula. Source: OWASP, "CSV Injection"."""


class Csv:
    """Comma-separated values in UTF-8 without a byte order mark."""

    name = "csv"
    media_type = "text/csv; charset=utf-8"
    file_suffix = ".csv"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        header = _csv_rows(_names(schema), options) if options.header else b""
        return encode_rows(batches, functools.partial(_csv_rows, options=options), before=header, after=b"")


class Tsv:
    """Tab-separated values with backslash escapes."""

    name = "tsv"
    media_type = "text/tab-separated-values; charset=utf-8"
    file_suffix = ".tsv"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        header = _tsv_rows(_names(schema), options) if options.header else b""
        return encode_rows(batches, functools.partial(_tsv_rows, options=options), before=header, after=b"")


def _names(schema: pa.Schema) -> pa.RecordBatch:
    """Return the header as a row, repeated names as they are."""
    return pa.record_batch([pa.array([name]) for name in schema.names], names=schema.names)


def _csv_rows(batch: pa.RecordBatch, options: FormatOptions) -> bytes:
    return join_rows([_field(column, _quoted, options) for column in batch.columns], ",", "\n")


def _tsv_rows(batch: pa.RecordBatch, options: FormatOptions) -> bytes:
    return join_rows([_field(column, _escaped, options) for column in batch.columns], "\t", "\n", null="\\N")


def _field(column: pa.Array, made_safe: Callable[[pa.Array], pa.Array], options: FormatOptions) -> pa.Array:
    strings = text(column, options.time_zone)
    if not has_free_text(column.type):
        return strings
    return made_safe(_guarded(strings) if options.guard_formulas else strings)


def _guarded(strings: pa.Array) -> pa.Array:
    risky = pc.match_substring_regex(strings, _FORMULA_START)
    return patched(strings, risky, lambda few: pc.binary_join_element_wise("'", few, ""))


def _quoted(strings: pa.Array) -> pa.Array:
    """Return the values with those that need quotes in quotes."""
    present = any_contains(strings, ('"', ",", "\n", "\r"))
    needs = pc.equal(strings, "")
    if present:
        needs = pc.or_(needs, contains_any(strings, present))
    return patched(strings, needs, _in_quotes) if pc.any(needs).as_py() else strings


def _in_quotes(strings: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', pc.replace_substring(strings, '"', '""'), '"', "")


def _escaped(strings: pa.Array) -> pa.Array:
    escapes = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    for character in any_contains(strings, tuple(escapes)):  # in this order: the backslash first
        strings = pc.replace_substring(strings, character, escapes[character])
    return strings
