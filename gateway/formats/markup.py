"""Markdown and HTML: tables to read.

NULL is ``*NULL*`` in Markdown, where data is never in italics, and a cell of class ``null`` in HTML.
"""

import functools
import html
from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.rows import any_contains, encode_rows, join_rows
from gateway.values import has_free_text, is_number, text

_CONTROLS = [chr(code) for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n\r"]
_PICTURES = {control: chr(0x2421 if control == "\x7f" else 0x2400 + ord(control)) for control in _CONTROLS}
"""Neither format can hold control characters: they become the pictures that Unicode has of them."""
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_MARKDOWN = {
    "\\": "\\\\",
    **{mark: f"\\{mark}" for mark in "`*_[]|~"},
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "\r\n": "<br>",
    "\n": "<br>",
    "\r": "<br>",
    "\t": "&#9;",
}
_STYLE = (
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{border:1px solid #999;padding:.2em .5em;text-align:start;white-space:pre-wrap}"
    ".number{text-align:right}.null{color:#6b6b6b;font-style:italic}"
)


class Markdown:
    """A table as GitHub's Markdown has it, numbers aligned to the right."""

    name = "markdown"
    media_type = "text/markdown; charset=utf-8"
    file_suffix = ".md"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        names = " | ".join(_replaced_name(name, _MARKDOWN) for name in schema.names)
        rules = " | ".join("---:" if is_number(field.type) else ":---" for field in schema)
        rows = functools.partial(_markdown_rows, time_zone=options.time_zone)
        return encode_rows(batches, rows, before=f"| {names} |\n| {rules} |\n".encode(), after=b"")


class Html:
    """A page with one table that screen readers can walk."""

    name = "html"
    media_type = "text/html; charset=utf-8"
    file_suffix = ".html"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        rows = functools.partial(_html_rows, time_zone=options.time_zone)
        after = b"</tbody>\n</table>\n</body>\n</html>\n"
        return encode_rows(batches, rows, before=_html_start(schema, options.caption).encode(), after=after)


def _markdown_rows(batch: pa.RecordBatch, time_zone: str) -> bytes:
    columns = [_cells(column, _MARKDOWN, time_zone) for column in batch.columns]
    columns[0] = pc.binary_join_element_wise("| ", pc.fill_null(columns[0], "*NULL*"), "")
    return join_rows(columns, " | ", " |\n", null="*NULL*")


def _html_rows(batch: pa.RecordBatch, time_zone: str) -> bytes:
    columns = [_html_cells(column, time_zone) for column in batch.columns]
    columns[0] = pc.binary_join_element_wise("<tr>", columns[0], "")
    return join_rows(columns, "", "</tr>\n")


def _html_cells(column: pa.Array, time_zone: str) -> pa.Array:
    opening = "<td class=number>" if is_number(column.type) else "<td dir=auto>" if _is_prose(column.type) else "<td>"
    cells = pc.binary_join_element_wise(opening, _cells(column, _HTML, time_zone), "</td>", "")
    return pc.fill_null(cells, "<td class=null>NULL</td>")


def _is_prose(type_: pa.DataType) -> bool:
    """Whether each value may have its own direction of writing."""
    return has_free_text(type_) and not pa.types.is_null(type_)


def _html_start(schema: pa.Schema, caption: str) -> str:
    said = html.escape(caption, quote=False)
    heads = "".join(
        f"<th scope=col{' class=number' if is_number(field.type) else ''}>{_replaced_name(field.name, _HTML)}</th>"
        for field in schema
    )
    return (
        f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{said or "Result"}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<table>\n"
        + (f"<caption>{said}</caption>\n" if said else "")
        + f"<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>\n"
    )


def _cells(column: pa.Array, escapes: Mapping[str, str], time_zone: str) -> pa.Array:
    strings = text(column, time_zone)
    return _replaced(strings, escapes) if has_free_text(column.type) else strings


def _replaced(strings: pa.Array, escapes: Mapping[str, str]) -> pa.Array:
    """Return the strings with every key of ``escapes`` replaced, in order, and control characters pictured."""
    replace: Callable[[pa.Array, str, str], pa.Array] = pc.replace_substring
    present = set(any_contains(strings, [*{mark for key in escapes for mark in key}, *_CONTROLS]))
    for mark, written in {**escapes, **_PICTURES}.items():
        if present.issuperset(mark):
            strings = replace(strings, mark, written)
    return strings


def _replaced_name(name: str, escapes: Mapping[str, str]) -> str:
    replaced: str = _replaced(pa.array([name]), escapes)[0].as_py()
    return replaced
