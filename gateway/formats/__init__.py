"""Output formats by name. One file per format; a format is imported when it is first asked for."""

from collections.abc import Mapping
from importlib import import_module

from gateway.errors import InvalidSettingError
from gateway.formats.base import Format as Format
from gateway.formats.base import FormatOptions as FormatOptions
from gateway.formats.base import write as write

FORMATS: Mapping[str, str] = {
    "table": "gateway.formats.table:Table",
    "csv": "gateway.formats.delimited:Csv",
    "tsv": "gateway.formats.delimited:Tsv",
    "json": "gateway.formats.json_objects:Json",
    "ndjson": "gateway.formats.json_objects:Ndjson",
    "markdown": "gateway.formats.markup:Markdown",
    "html": "gateway.formats.markup:Html",
    "vertical": "gateway.formats.vertical:Vertical",
    "arrow": "gateway.formats.arrow:Arrow",
    "parquet": "gateway.formats.parquet:Parquet",
    "xlsx": "gateway.formats.xlsx:Xlsx",
}

SUFFIXES: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".md": "markdown",
    ".html": "html",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
"""File suffix → format, for an output file without ``--format``. ``.txt`` says nothing."""


def named(name: str) -> Format:
    """Return the format of that name.

    Raises: InvalidSettingError with the names there are.
    """
    home = FORMATS.get(name.lower())
    if home is None:
        raise InvalidSettingError(f"unknown format {name!r}", hint=f"one of {', '.join(FORMATS)}")
    module, _, attribute = home.partition(":")
    chosen: Format = getattr(import_module(module), attribute)()
    return chosen
