"""Writes the rows of a Spark query as the Parquet data files of one Iceberg commit."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark.sql.connect.proto as pb2
from pyspark.sql.connect.types import pyspark_types_to_proto_types
from pyspark.sql.types import StructType

from catalog.errors import FileAccessError
from catalog.predicates import Literal
from catalog.store import WriteTarget, WrittenFile
from gateway.engines.base import EngineQuery, Progress, RunMetrics
from gateway.engines.spark.client import Operation
from gateway.engines.spark.connection import ZoneSession
from gateway.engines.spark.errors import spark_errors
from gateway.engines.spark.relations import project, quoted, sql_relation
from gateway.engines.spark.runs import Stopper, metrics_of
from gateway.engines.spark.transforms import folder_sql, folder_value
from gateway.engines.spark.types import read_schema
from gateway.errors import NotSupportedError

OnServer = Callable[[str, Callable[[ZoneSession], None]], None]


class SparkWriteRun:
    """See ``gateway.engines.base.WriteRun``."""

    def __init__(
        self, query: EngineQuery, target: WriteTarget, timeout_seconds: float | None, on_server: OnServer
    ) -> None:
        if "://" in target.folder:
            raise FileAccessError(f"Spark's files in {target.folder} cannot be listed from here")
        self._query = query
        self._target = target
        self._timeout_seconds = timeout_seconds
        self._on_server = on_server
        self._operation = Operation()
        self._stopper: Stopper | None = None
        self._canceled = False
        self._record_count = 0

    def files(self) -> tuple[WrittenFile, ...]:
        """Do the work and return what was written, flat in the target's folder."""
        command = write_command(self._query, self._target)
        deadline = None if self._timeout_seconds is None else time.monotonic() + self._timeout_seconds

        def work(zone: ZoneSession) -> None:
            # A new operation each time: a second try on a new server must not be taken for the first.
            self._operation = Operation()
            self._stopper = Stopper(zone.session, self._operation, deadline, self._timeout_seconds)
            if self._canceled:
                self._stopper.cancel()
                self._stopper.check()
            try:
                with self._stopper.errors(), zone.views.using(self._query.relations):
                    zone.session.command(command, self._operation)
            finally:
                self._stopper.end()

        with spark_errors():
            self._on_server(self._query.time_zone, work)
        return tuple(self._collected())

    def _collected(self) -> Iterator[WrittenFile]:
        root = Path(self._target.folder)
        for path in sorted(root.rglob("*")):
            if path.is_dir():
                continue
            if path.suffix != ".parquet" or path.name.startswith((".", "_")):
                path.unlink()  # checksums and marks of Hadoop's
                continue
            count = pq.read_metadata(path).num_rows
            if not count:
                path.unlink()
                continue
            values = partition_of(path.relative_to(root), self._target)
            flat = root / f"data-{uuid.uuid4()}.parquet"
            path.rename(flat)
            self._record_count += count
            yield WrittenFile(str(flat), values)
        for folder, _, _ in os.walk(root, topdown=False):
            if Path(folder) != root:
                os.rmdir(folder)

    @property
    def record_count(self) -> int:
        return self._record_count

    def cancel(self) -> None:
        self._canceled = True
        if self._stopper is not None:
            self._stopper.cancel()

    def progress(self) -> Progress:
        return self._operation.progress()

    def metrics(self) -> RunMetrics:
        return metrics_of(self._operation)


def write_command(query: EngineQuery, target: WriteTarget) -> pb2.Command:
    """Return the command that writes the rows, the columns matched by position.

    Raises: NotSupportedError, InvalidDefinitionError for a partition transform that Spark cannot write.
    """
    for column in target.schema:
        if _has_inner_ids(column.type):
            # Spark 4.3.0 drops the metadata of inner fields on the way: files without ids would read as NULL.
            raise NotSupportedError(
                f"Spark cannot write the nested column {column.name} with its field ids", hint="SET engine = duckdb"
            )
    named = pb2.Relation()
    named.to_df.input.CopyFrom(sql_relation(query.sql))
    named.to_df.column_names.extend(column.name for column in target.schema)
    # The schema carries the field ids.
    shaped = pb2.Relation()
    shaped.to_schema.input.CopyFrom(named)
    schema = StructType.fromJson(json.loads(read_schema(target.schema.columns, by_field_id=True)))
    shaped.to_schema.schema.CopyFrom(pyspark_types_to_proto_types(schema))
    keys = [_key(index) for index in range(len(target.partitioning))]
    if keys:
        folders = [
            f"{folder_sql(quoted(field.source), target.schema.column(field.source).type, field.transform)} AS {key}"
            for key, field in zip(keys, target.partitioning, strict=True)
        ]
        shaped = project(shaped, ["*", *folders])
    command = pb2.Command()
    write = command.write_operation
    write.input.CopyFrom(_rebalanced(shaped, keys))
    write.source = "parquet"
    write.path = target.folder
    write.mode = pb2.WriteOperation.SAVE_MODE_APPEND  # the folder exists and is empty
    write.partitioning_columns.extend(keys)
    for name, value in _options(target):
        write.options[name] = value
    return command


def _has_inner_ids(type_: pa.DataType) -> bool:
    inner = [type_.field(i) for i in range(type_.num_fields)]
    return any(b"PARQUET:field_id" in (member.metadata or {}) or _has_inner_ids(member.type) for member in inner)


def _rebalanced(relation: pb2.Relation, keys: list[str]) -> pb2.Relation:
    """Have adaptive execution cut the rows into files of a sensible size, each partition's rows together."""
    hinted = pb2.Relation()
    hinted.hint.input.CopyFrom(relation)
    hinted.hint.name = "REBALANCE"
    for key in keys:
        hinted.hint.parameters.add().unresolved_attribute.unparsed_identifier = key
    return hinted


def _options(target: WriteTarget) -> Iterator[tuple[str, str]]:
    yield "compression", target.compression
    yield "mapreduce.fileoutputcommitter.marksuccessfuljobs", "false"
    for column in target.schema:
        if pa.types.is_floating(column.type):
            # Readers look 0.0 up in a dictionary by its bits and miss -0.0; bounds leave NaN out.
            yield f"parquet.enable.dictionary#{column.name}", "false"
            yield f"parquet.column.statistics.enabled#{column.name}", "false"


def partition_of(path: Path, target: WriteTarget) -> tuple[Literal | None, ...]:
    """Return the partition values that a written file's path, relative to the folder, says."""
    found = dict(part.split("=", 1) for part in path.parts[:-1])
    return tuple(
        folder_value(found[_key(index)], target.schema.column(field.source).type, field.transform)
        for index, field in enumerate(target.partitioning)
    )


def _key(index: int) -> str:
    return f"hg_partition_{index}"
