"""CSV and JSON lines in place: where their columns come from, and whether every file has them."""

import codecs
import csv
import gzip
import io
from typing import IO

import pyarrow as pa

from catalog.errors import CorruptFileError, InvalidDefinitionError, UnsupportedTableError
from catalog.formats.listing import ListedFile, Listing
from catalog.identifiers import fold
from catalog.schema import Column, Schema
from catalog.tables import CsvOptions
from catalog.translation import file_errors

_JSON_LIMIT_BYTES = 64 * 1024 * 1024
"""Types are taken from all rows, so that none can come later that does not fit; larger files must be declared."""

_headers: dict[tuple[ListedFile, CsvOptions], tuple[str, ...]] = {}
"""First lines read by this process; a file that changed has another key."""


def csv_schema(listing: Listing, options: CsvOptions) -> Schema:
    """Return the first file's header as columns of type string, as Spark does without a declared schema.

    Raises: InvalidDefinitionError without a header; UnsupportedTableError for an empty or repeated name.
    """
    if not options.header:
        raise InvalidDefinitionError("CSV files without a header do not name their columns", hint="declare the columns")
    first = next((file for file in listing.files if file.size_bytes), listing.files[0])
    names = _header(first, options)
    if not names:
        raise InvalidDefinitionError(f"{first.path} is empty", hint="declare the columns")
    seen: set[str] = set()
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise UnsupportedTableError(f"column {place} of {first.path} has an empty name", hint="declare the columns")
        if fold(name) in seen:
            raise UnsupportedTableError(f"column {name!r} is there twice in {first.path}", hint="declare the columns")
        seen.add(fold(name))
    return Schema(tuple(Column(name, pa.string()) for name in names))


def check_headers(listing: Listing, schema: Schema, options: CsvOptions) -> None:
    """Refuse files whose header is not the table's columns in order: engines find CSV columns by position.

    Raises: UnsupportedTableError naming the file.
    """
    if not options.header:
        return
    wanted = [fold(column.name) for column in schema]
    for file in listing.files:
        if not file.size_bytes:
            continue
        names = _header(file, options)
        if len(names) != len(wanted):
            raise UnsupportedTableError(f"{file.path} has {len(names)} columns, the table has {len(wanted)}")
        for place, (name, column) in enumerate(zip(names, schema, strict=True), start=1):
            if fold(name) != fold(column.name):
                raise UnsupportedTableError(
                    f"column {place} of {file.path} is {name!r}, of the table {column.name!r}",
                    hint="declare the columns in the order of the files",
                )


def _header(file: ListedFile, options: CsvOptions) -> tuple[str, ...]:
    key = file, options
    if key not in _headers:
        _headers[key] = _read_header(file.path, options)
    return _headers[key]


def _read_header(path: str, options: CsvOptions) -> tuple[str, ...]:
    encoding = "utf-8-sig" if codecs.lookup(options.encoding).name == "utf-8" else options.encoding
    with file_errors(path), _open(path) as raw, io.TextIOWrapper(raw, encoding, newline="") as text:
        doubled = options.escape == options.quote
        reader = csv.reader(
            text,
            delimiter=options.delimiter,
            quotechar=options.quote or None,
            quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
            doublequote=doubled,
            escapechar=None if doubled else options.escape or None,
        )
        try:
            return tuple(next(reader, ()))
        except UnicodeDecodeError as error:
            raise CorruptFileError(f"{path} is not {options.encoding}: {error.reason}") from error
        except csv.Error as error:
            raise CorruptFileError(f"the header of {path} cannot be read: {error}") from error


def _open(path: str) -> IO[bytes]:
    return gzip.open(path) if path.endswith(".gz") else open(path, "rb")  # type: ignore[return-value]


def json_schema(listing: Listing) -> Schema:
    """Return the columns of JSON lines, from all rows of all files. Text stays text, dates in it too.

    Raises: InvalidDefinitionError when the files are too large to be read for that, or disagree.
    """
    total = sum(file.size_bytes for file in listing.files)
    if total > _JSON_LIMIT_BYTES:
        raise InvalidDefinitionError(
            f"{total:,} bytes of JSON are too many to take types from; up to {_JSON_LIMIT_BYTES:,} are read",
            hint="declare the columns",
        )
    schemas = [_json_file_schema(file.path) for file in listing.files if file.size_bytes]
    try:
        merged = pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as error:
        raise InvalidDefinitionError(f"the files disagree: {error}", hint="declare the columns") from error
    return Schema(tuple(Column(field.name, _json_type(field.type)) for field in merged))


def _json_file_schema(path: str) -> pa.Schema:
    import pyarrow.json as pj

    with file_errors(path), _open(path) as stream:
        schema: pa.Schema = pj.read_json(stream, pj.ReadOptions(block_size=_JSON_LIMIT_BYTES)).schema
        return schema


def _json_type(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(type_) or pa.types.is_null(type_) or pa.types.is_date(type_) or pa.types.is_time(type_):
        return pa.string()
    if pa.types.is_list(type_):
        return pa.list_(_json_type(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(member.name, _json_type(member.type)) for member in type_])
    return type_
