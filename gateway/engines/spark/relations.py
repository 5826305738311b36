"""Scans and rows in memory as relations that a Spark Connect server reads."""

import pyarrow as pa
import pyspark.sql.connect.proto as pb2

from catalog.tables import FileFormat, Scan
from gateway.engines.base import Relation
from gateway.engines.spark.types import read_schema
from gateway.errors import NotSupportedError


def sql_relation(text: str) -> pb2.Relation:
    """Return a relation that holds the rows of a query."""
    relation = pb2.Relation()
    relation.sql.query = text
    return relation


def relation_plan(source: Relation) -> pb2.Relation:
    """Return the relation that stands for a scan or for rows in memory."""
    return _scan(source) if isinstance(source, Scan) else _rows(source)


def _scan(scan: Scan) -> pb2.Relation:
    if not len(scan.files):
        return _rows(scan.schema.arrow.empty_table())
    if scan.format is not FileFormat.PARQUET:
        raise NotSupportedError(f"{scan.format.value} files on Spark")
    relation = pb2.Relation()
    source = relation.read.data_source
    source.format = scan.format.value
    source.schema = read_schema(scan.schema.columns, by_field_id=scan.by_field_id)
    source.paths.extend(scan.files.paths.to_pylist())
    source.options["__globPaths__"] = "false"  # names that hold * ? [ { are names
    if scan.hive_partitions:
        source.options["basePath"] = scan.location
    else:
        source.options["recursiveFileLookup"] = "true"  # a folder named a=b is no partition here
    return relation


def _rows(rows: pa.Table) -> pb2.Relation:
    relation = pb2.Relation()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    relation.local_relation.data = sink.getvalue().to_pybytes()
    return relation
