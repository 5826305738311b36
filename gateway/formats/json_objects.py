"""JSON (one array of objects, one on a line) and NDJSON (one object on a line).

Values are those of ``gateway.json_values``. An object cannot hold one name twice: repeated column names
become ``name``, ``name_1``, ``name_2``.
"""

import functools
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from gateway.formats.base import DEFAULTS, FormatOptions
from gateway.formats.rows import encode_rows, join_rows
from gateway.json_values import json_text, unique_names


class Ndjson:
    """One JSON object a line."""

    name = "ndjson"
    media_type = "application/x-ndjson"
    file_suffix = ".ndjson"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        rows = functools.partial(_objects, names=_names(schema), options=options, before="", after="\n")
        return encode_rows(batches, rows, before=b"", after=b"")


class Json:
    """One array of objects."""

    name = "json"
    media_type = "application/json"
    file_suffix = ".json"
    binary = False
    streams = True

    def encode(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], options: FormatOptions = DEFAULTS
    ) -> Iterator[bytes]:
        rows = functools.partial(_objects, names=_names(schema), options=options, before=",\n", after="")
        yield b"["
        first = True
        for chunk in encode_rows(batches, rows, before=b"", after=b""):
            yield chunk[1:] if first else chunk  # no comma before the first object
            first = False
        yield b"\n]\n"


def _names(schema: pa.Schema) -> list[str]:
    return [json.dumps(name, ensure_ascii=False) for name in unique_names(schema.names)]


def _objects(batch: pa.RecordBatch, names: list[str], options: FormatOptions, before: str, after: str) -> bytes:
    members = []
    opening = f"{before}{{"
    for name, column in zip(names, batch.columns, strict=True):
        values = json_text(column, time_zone=options.time_zone, exact_text=options.exact_text)
        members.append(pc.binary_join_element_wise(f"{opening}{name}:", values, ""))
        opening = ""
    return join_rows(members, ",", f"}}{after}")
