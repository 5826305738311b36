"""CSV and TSV.

CSV as RFC 4180 has it, except that lines end in LF: a field is quoted when it holds a quote, comma or line
break, or is the empty string; NULL is nothing at all. TSV as PostgreSQL's COPY has it: never quoted, tab, line
breaks and backslash as ``\\t \\n \\r \\\\``, NULL as ``\\N``.
"""

import functools
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.rows import any_contains, contains_any, encode_rows, interleaved, join_rows
from gateway.values import is_number, text

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


def _fields(batch: pa.RecordBatch, options: FormatOptions) -> list[pa.Array]:
    columns = [text(column, options.time_zone) for column in batch.columns]
    if not options.guard_formulas:
        return columns
    return [
        strings if is_number(field.type) else _guarded(strings)
        for field, strings in zip(batch.schema, columns, strict=True)
    ]


def _guarded(strings: pa.Array) -> pa.Array:
    risky = pc.match_substring_regex(strings, _FORMULA_START)
    return pc.if_else(risky, pc.binary_join_element_wise("'", strings, ""), strings)


def _csv_rows(batch: pa.RecordBatch, options: FormatOptions) -> bytes:
    columns = [_quoted(strings) for strings in _fields(batch, options)]
    return join_rows(interleaved(columns, ",", "\n"))


def _quoted(strings: pa.Array) -> pa.Array:
    """Return the values with those that need quotes in quotes."""
    present = any_contains(strings, ('"', ",", "\n", "\r"))
    needs = pc.equal(strings, "")
    if present:
        needs = pc.or_(needs, contains_any(strings, present))
    if not pc.any(needs).as_py():
        return strings
    inner = pc.replace_substring(strings, '"', '""') if '"' in present else strings
    return pc.if_else(needs, pc.binary_join_element_wise('"', inner, '"', ""), strings)


def _tsv_rows(batch: pa.RecordBatch, options: FormatOptions) -> bytes:
    columns = [_escaped(strings) for strings in _fields(batch, options)]
    return join_rows(interleaved(columns, "\t", "\n"), null="\\N")


def _escaped(strings: pa.Array) -> pa.Array:
    escapes = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    for character in any_contains(strings, tuple(escapes)):  # in this order: the backslash first
        strings = pc.replace_substring(strings, character, escapes[character])
    return strings
