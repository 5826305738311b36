"""The bytes of every format over one table of awkward values.

A changed golden is a changed contract. ``HEADGATE_WRITE_GOLDEN=1 pytest tests/gateway/formats/test_golden.py``
writes them anew: read the diff. Parquet's bytes change with pyarrow's version too, which is written in them.
"""

import io
import os
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from gateway import formats
from gateway.formats import FormatOptions

GOLDEN = Path(__file__).parents[2] / "golden" / "formats"


def encoded(name: str, batches: list[pa.RecordBatch], schema: pa.Schema, options: FormatOptions) -> bytes:
    return b"".join(formats.named(name).encode(schema, iter(batches), options))


def unzipped(data: bytes) -> bytes:
    """The parts of a workbook one after the other: how zlib packs them is its own affair."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"".join(f"--- {name}\n".encode() + archive.read(name) + b"\n" for name in archive.namelist())


def check(path: Path, data: bytes) -> None:
    if os.environ.get("HEADGATE_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert data == path.read_bytes()


@pytest.mark.parametrize("name", formats.FORMATS)
def test_bytes_of_awkward_values(name: str, awkward: pa.RecordBatch) -> None:
    options = FormatOptions(caption="awkward <values>")
    data = encoded(name, [awkward.slice(0, 2), awkward.slice(2, 0), awkward.slice(2)], awkward.schema, options)
    check(GOLDEN / f"awkward.{name}", unzipped(data) if name == "xlsx" else data)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_bytes_of_no_rows(name: str, awkward: pa.RecordBatch) -> None:
    data = encoded(name, [], awkward.schema, FormatOptions())
    check(GOLDEN / f"empty.{name}", unzipped(data) if name == "xlsx" else data)


@pytest.mark.parametrize("name", [name for name in formats.FORMATS if name not in {"arrow", "parquet"}])
def test_batches_leave_no_trace(name: str, awkward: pa.RecordBatch) -> None:
    whole = encoded(name, [awkward], awkward.schema, FormatOptions())
    single = encoded(name, [awkward.slice(row, 1) for row in range(awkward.num_rows)], awkward.schema, FormatOptions())
    assert unzipped(whole) == unzipped(single) if name == "xlsx" else whole == single


def test_options_of_text_formats(awkward: pa.RecordBatch) -> None:
    options = FormatOptions(time_zone="America/New_York", header=False, exact_text=True, guard_formulas=True)
    some = awkward.select([0, 3, 6, 7, 11])
    for name in ("csv", "tsv", "json"):
        check(GOLDEN / f"options.{name}", encoded(name, [some], some.schema, options))
