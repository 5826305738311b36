"""The texts of CSV files as a DuckDB relation: columns t0, t1, …, nothing converted."""

from collections.abc import Sequence

from catalog.identifiers import fold
from gateway.engines.duckdb.sql_text import escaped, literal, literals
from gateway.loading.rows import CsvGroup, CsvSource

MAX_LINE_BYTES = 8_000_000
"""A longer row is broken: most often a quote that is never closed."""


def texts_sql(
    source: CsvSource, names: Sequence[str | None], *, samples: bool = False, skip_broken: bool = False
) -> str:
    """Return a relation with one column of text per folded name; NULL where a file has no such column."""
    parts = [
        f"SELECT {', '.join(_column(group, name, index) for index, name in enumerate(names))} FROM {reading}"
        for group in source.groups
        if (reading := _reading(group, source.null_texts, samples, skip_broken))
    ]
    return "(" + " UNION ALL ".join(parts) + ")"


def _column(group: CsvGroup, name: str | None, index: int) -> str:
    positions = {fold(one): position for position, one in enumerate(group.layout.names)}
    return f"c{positions[name]} AS t{index}" if name in positions else f"NULL::VARCHAR AS t{index}"


def _reading(group: CsvGroup, null_texts: Sequence[str], samples: bool, skip_broken: bool) -> str:
    if samples:
        # Slices of a file begin and end anywhere.
        return read_csv(
            group, [str(path) for path in group.samples], null_texts, sample=True, options="ignore_errors = true"
        )
    paths = [str(file.path) for file in group.files]
    return read_csv(group, paths, null_texts, options="store_rejects = true" if skip_broken else "")


def read_csv(
    group: CsvGroup, paths: Sequence[str], null_texts: Sequence[str], *, sample: bool = False, options: str = ""
) -> str:
    """Return read_csv over some files of a group; every column is text, named by its place."""
    layout = group.layout
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(layout.names)))
    settings = [
        f"{literals([escaped(path) for path in paths])}",
        "auto_detect = false",
        f"columns = {{{columns}}}",
        f"header = {str(layout.header).lower()}",
        f"delim = {literal(layout.delimiter)}",
        "quote = '\"'",
        "escape = '\"'",
        f"nullstr = {literals(list(null_texts))}",
        "allow_quoted_nulls = false",
        f"encoding = {literal(layout.encoding)}",
        f"compression = {literal('none' if sample else layout.compression)}",
        f"max_line_size = {MAX_LINE_BYTES}",
        *([options] if options else []),
    ]
    return f"read_csv({', '.join(settings)})"
