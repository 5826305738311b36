"""Scans and rows in memory as relations that a Spark Connect server reads.

Every choice that Spark would guess is said: schema, partition values, where a path ends and a pattern begins.
"""

import datetime
import decimal
import re
import string
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyspark.sql.connect.proto as pb2

from catalog.errors import UnsupportedTableError
from catalog.identifiers import fold
from catalog.predicates import Literal
from catalog.schema import Column, type_name
from catalog.tables import FileFormat, Scan
from gateway.engines.base import Relation
from gateway.engines.spark.types import read_schema

_GLOB = re.compile(r"([*?\[\]{}\\])")
_FILE = "hg_file"
_KNOWN = "hg_known"
_URI_SAFE = frozenset("/_-!.~'()*:@&=+$,;" + string.ascii_letters + string.digits)
_AS_PATH_SAYS = (pa.string(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.date32(), pa.bool_())
"""Types whose values Spark reads from a path as the catalog does."""


def sql_relation(text: str) -> pb2.Relation:
    """Return a relation that holds the rows of a query."""
    relation = pb2.Relation()
    relation.sql.query = text
    return relation


def relation_plan(source: Relation) -> pb2.Relation:
    """Return the relation that stands for a scan or for rows in memory.

    Raises: UnsupportedTableError for a table that Spark cannot read as the catalog does.
    """
    return _scan(source) if isinstance(source, Scan) else _rows(source)


def _scan(scan: Scan) -> pb2.Relation:
    if not len(scan.files):
        return _rows(scan.schema.arrow.empty_table())
    if not scan.hive_partitions:
        return _files(scan, scan.schema.columns)
    if _is_plain(scan):
        relation = _files(scan, scan.schema.columns)
        relation.read.data_source.options["basePath"] = scan.location
        del relation.read.data_source.options["recursiveFileLookup"]
        return project(relation, [quoted(column.name) for column in scan.schema])
    return _with_values(scan)


def _files(scan: Scan, columns: Sequence[Column]) -> pb2.Relation:
    if scan.by_field_id and any(column.field_id is None for column in columns):
        raise UnsupportedTableError(f"a column of {scan.table} has no field id")
    relation = pb2.Relation()
    source = relation.read.data_source
    source.format = scan.format.value
    for name in scan.defaults:
        if pa.types.is_binary(scan.schema.column(name).type):  # the vectorized reader refuses them, Spark 4.3.0
            raise UnsupportedTableError(
                f"column {name} of {scan.table} has a binary default", hint="SET engine = duckdb"
            )
    defaults = {name: _literal(value, scan.schema.column(name).type) for name, value in scan.defaults.items()}
    source.schema = read_schema(tuple(columns), by_field_id=scan.by_field_id, defaults=defaults)
    source.paths.extend(_GLOB.sub(r"\\\1", path) for path in scan.files.paths.to_pylist())
    source.options["recursiveFileLookup"] = "true"  # or a folder named a=b would be a column
    for name, value in _options(scan):
        source.options[name] = value
    return relation


def _options(scan: Scan) -> Iterator[tuple[str, str]]:
    if scan.format is FileFormat.PARQUET:
        yield "mergeSchema", "false"
        return
    yield "mode", "FAILFAST"
    if scan.format is FileFormat.JSON:
        yield "primitivesAsString", "false"
        return
    csv = scan.csv
    assert csv is not None, "a CSV scan has CSV options"
    yield "sep", csv.delimiter
    yield "quote", csv.quote
    yield "escape", csv.escape
    yield "header", "true" if csv.header else "false"
    yield "nullValue", csv.null_text
    yield "encoding", csv.encoding
    # A quoted value may hold line breaks; Spark then reads a file in one piece.
    yield "multiLine", "true"
    # Columns go by position; with pruning a row with too few values would pass unseen.
    yield "enforceSchema", "true"
    yield "maxCharsPerColumn", "-1"


def _is_plain(scan: Scan) -> bool:
    """Return True when Spark gets from the paths the very values that the catalog did.

    It reads escaped bytes as Latin-1 (``S%C3%A3o``, Spark 4.3.0) and some types in ways of its own.
    """
    typed = all(
        scan.schema.column(name).type in _AS_PATH_SAYS for name in scan.hive_partitions if scan.schema.find(name)
    )
    return typed and not pc.any(pc.match_substring_regex(scan.files.paths, "[^ -~]|%")).as_py()


def _with_values(scan: Scan) -> pb2.Relation:
    """Return the files with the catalog's partition values beside them, joined by file."""
    partitions = {fold(name) for name in scan.hive_partitions}
    inside = [column for column in scan.schema if fold(column.name) not in partitions]
    files = project(_files(scan, inside), [*(quoted(c.name) for c in inside), f"_metadata.file_path AS {_FILE}"])
    outside = [column for column in scan.schema if fold(column.name) in partitions]
    values = {f"hg_value_{i}": scan.files.partitions[column.name].cast(column.type) for i, column in enumerate(outside)}
    uris = pa.array([_uri(path) for path in scan.files.paths.to_pylist()])
    known = pa.array([True] * len(uris))
    joined = pb2.Relation()
    joined.join.left.CopyFrom(files)
    joined.join.right.CopyFrom(_hinted(_rows(pa.table({_FILE: uris, _KNOWN: known} | values))))
    joined.join.join_type = pb2.Join.JOIN_TYPE_LEFT_OUTER
    joined.join.using_columns.append(_FILE)
    positions = {column.name: f"hg_value_{i}" for i, column in enumerate(outside)}
    # A file that the join does not find must not become rows with NULL.
    return project(
        joined,
        [
            f"IF({_KNOWN}, {positions[c.name]}, RAISE_ERROR({_FILE})) AS {quoted(c.name)}"
            if c.name in positions
            else quoted(c.name)
            for c in scan.schema
        ],
    )


def _uri(path: str) -> str:
    """Return a path as ``_metadata.file_path`` shows it: quoted like java.net.URI, which keeps what is not ASCII."""
    scheme, separator, rest = path.partition("://")
    if not separator:
        return "file:" + _quoted_path(path)
    return f"{scheme}://{_quoted_path(rest)}"


def _quoted_path(path: str) -> str:
    return "".join(
        char if char in _URI_SAFE or (not char.isascii() and char.isprintable()) else quote(char) for char in path
    )


def _hinted(relation: pb2.Relation) -> pb2.Relation:
    hinted = pb2.Relation()
    hinted.hint.input.CopyFrom(relation)
    hinted.hint.name = "broadcast"
    return hinted


def project(relation: pb2.Relation, expressions: Sequence[str]) -> pb2.Relation:
    """Return a projection to Spark SQL expressions."""
    projected = pb2.Relation()
    projected.project.input.CopyFrom(relation)
    for text in expressions:
        projected.project.expressions.add().expression_string.expression = text
    return projected


def _rows(rows: pa.Table) -> pb2.Relation:
    relation = pb2.Relation()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    relation.local_relation.data = sink.getvalue().to_pybytes()
    relation.local_relation.schema = read_schema(
        tuple(Column(field.name, field.type) for field in rows.schema), by_field_id=False
    )
    return relation


def quoted(name: str) -> str:
    """Return a name as Spark SQL quotes it."""
    return "`" + name.replace("`", "``") + "`"


def _literal(value: Literal, type_: pa.DataType) -> str:
    """Return a Spark SQL expression of exactly that value."""
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return f"X'{value.hex()}'"
        case datetime.datetime():
            text = value.isoformat(sep=" ")
        case float() | int() | decimal.Decimal() | datetime.date():
            text = format(value, "f") if isinstance(value, decimal.Decimal) else str(value)
        case _:
            text = str(value)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"CAST('{escaped}' AS {type_name(type_).upper()})"
