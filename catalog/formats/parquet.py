"""Parquet files of external tables: schemas and bounds from footers, read once per version of a file."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.errors import UnsupportedTableError
from catalog.files import ColumnBounds
from catalog.footers import ColumnFooter, Footer, read_footer
from catalog.formats.arrowtypes import reference_schema, reference_type
from catalog.formats.listing import ListedFile, Listing
from catalog.formats.manifests import one_array, write_atomically
from catalog.identifiers import fold
from catalog.schema import Column, Schema, type_name

_LAYOUT = 1
_THREADS = 8


@dataclass(frozen=True)
class ParquetFacts:
    """What the footers of a listing say, in its order."""

    record_counts: pa.Array
    bounds: Mapping[str, ColumnBounds]
    """By folded column name."""


class FooterCache:
    """Footers of external tables, kept on disk by path, size and time of change."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "footers"

    def schema(self, listing: Listing) -> Schema:
        """Return the union of all files' columns.

        Raises: UnsupportedTableError when two files disagree about a column, or a type cannot be read alike.
        """
        found: dict[str, Column] = {}
        origin: dict[str, str] = {}
        for file, footer in zip(listing.files, _read(listing.files), strict=True):
            _refuse_int96(footer, file.path)
            for column in reference_schema(footer.schema, file.path):
                known = found.setdefault(fold(column.name), column)
                first = origin.setdefault(fold(column.name), file.path)
                if known.type != column.type:
                    raise UnsupportedTableError(
                        f"column {column.name!r} is {type_name(column.type)} in {file.path} "
                        f"and {type_name(known.type)} in {first}"
                    )
        return Schema(tuple(found.values()))

    def facts(self, listing: Listing, schema: Schema) -> ParquetFacts:
        """Return rows and bounds of every file, its types checked against the table's.

        Raises: UnsupportedTableError for a column of another type; CorruptFileError; FileAccessError.
        """
        data = self._kept(listing, schema)
        return ParquetFacts(
            record_counts=_column(data, "rows"),
            bounds={fold(column.name): _bounds(data, place) for place, column in enumerate(schema)},
        )

    def _kept(self, listing: Listing, schema: Schema) -> pa.Table:
        path = self._file(listing, schema)
        known = _load(path)
        positions = {} if known is None else _positions(known)
        fresh = [file for file in listing.files if file not in positions]
        if known is not None and not fresh and len(known) == len(listing.files):
            return known
        added = _decode(fresh, _read(fresh), schema)
        data = added if known is None else pa.concat_tables([known, added])
        places = {**positions, **{file: len(positions) + n for n, file in enumerate(fresh)}}
        data = data.take(pa.array([places[file] for file in listing.files], pa.int64())).combine_chunks()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        except OSError:
            pass  # a cache that cannot be written is only slower
        return data

    def _file(self, listing: Listing, schema: Schema) -> Path:
        mark = f"{_LAYOUT}\0{listing.root}\0" + "\0".join(f"{column.name} {column.type}" for column in schema)
        return self._folder / f"{hashlib.blake2b(mark.encode(), digest_size=16).hexdigest()}.arrow"


def _read(files: Sequence[ListedFile]) -> list[Footer]:
    if len(files) < 4:
        return [read_footer(file.path) for file in files]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda file: read_footer(file.path), files))


def _load(path: Path) -> pa.Table | None:
    try:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowInvalid):
        return None


def _positions(data: pa.Table) -> dict[ListedFile, int]:
    columns = (data.column(name).to_pylist() for name in ("path", "size", "modified"))
    return {ListedFile(*row): place for place, row in enumerate(zip(*columns, strict=True))}


def _column(data: pa.Table, name: str) -> pa.Array:
    return one_array(data.column(name))


def _bounds(data: pa.Table, place: int) -> ColumnBounds:
    return ColumnBounds(
        lower=_column(data, f"lower.{place}"),
        upper=_column(data, f"upper.{place}"),
        null_count=_column(data, f"nulls.{place}"),
        nan_count=pa.nulls(len(data), pa.int64()),
        size_bytes=_column(data, f"bytes.{place}"),
    )


def _decode(files: Sequence[ListedFile], footers: Sequence[Footer], schema: Schema) -> pa.Table:
    for file, footer in zip(files, footers, strict=True):
        _check(file, footer, schema)
    arrays: dict[str, pa.Array] = {
        "path": pa.array([file.path for file in files], pa.string()),
        "size": pa.array([file.size_bytes for file in files], pa.int64()),
        "modified": pa.array([file.modified_ns for file in files], pa.int64()),
        "rows": pa.array([footer.record_count for footer in footers], pa.int64()),
    }
    for place, column in enumerate(schema):
        found = [_find(footer, column) for footer in footers]
        arrays[f"lower.{place}"] = pa.array([known[0] for known in found], column.type)
        arrays[f"upper.{place}"] = pa.array([known[1] for known in found], column.type)
        arrays[f"nulls.{place}"] = pa.array([known[2] for known in found], pa.int64())
        arrays[f"bytes.{place}"] = pa.array([known[3] for known in found], pa.int64())
    return pa.table(arrays)


def _check(file: ListedFile, footer: Footer, schema: Schema) -> None:
    _refuse_int96(footer, file.path)
    columns = reference_schema(footer.schema, file.path)
    for column in schema:
        there = columns.find(column.name)
        if there is not None and there.type != column.type:
            raise UnsupportedTableError(
                f"column {column.name!r} is {type_name(there.type)} in {file.path}, the table says "
                f"{type_name(column.type)}"
            )


def _refuse_int96(footer: Footer, path: str) -> None:
    if footer.int96_columns:
        raise UnsupportedTableError(
            f"column {footer.int96_columns[0]!r} of {path} is a timestamp of the old kind (INT96), "
            "which the engines do not read alike",
            hint="headgate load copies such files into a table of its own",
        )


def _find(footer: Footer, column: Column) -> tuple[Any, Any, int | None, int | None]:
    """Return bounds, NULLs and bytes of a column; a file that lacks it holds only NULL."""
    for field in footer.schema:
        if fold(field.name) == fold(column.name):
            known = footer.columns.get(field.name) or ColumnFooter(None, None, None, 0)
            return _typed(known.lower, field.type), _typed(known.upper, field.type), known.null_count, known.size_bytes
    return None, None, footer.record_count, 0


def _typed(value: Any, type_: pa.DataType) -> Any:
    """Return a bound as stored as a value of the column's type, None when it cannot be."""
    target = reference_type(type_, "", "")
    try:
        if value is None or pa.types.is_nested(target):
            return None
        if pa.types.is_timestamp(target):
            micros = int(value) * (1000 if type_.unit == "ms" else 1)
            return pa.scalar(micros, pa.int64()).cast(target)
        if pa.types.is_date(target):
            return pa.scalar(int(value), pa.int32()).cast(target)
        if pa.types.is_string(target):
            return value.decode()
        return pa.scalar(value, target)
    except (pa.ArrowException, ValueError, OverflowError, AttributeError):
        return None
