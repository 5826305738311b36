"""The Spark engine: queries run on a Spark Connect server, local or someone else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.store import WriteTarget
from catalog.tables import FileFormat
from gateway.engines.base import Capabilities, EngineQuery, EngineStatus, Health, Progress, RunMetrics, WriteRun
from gateway.errors import EngineFaultError, NotSupportedError
from gateway.home import Home
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.engines.spark.client import ConnectSession, Operation


class SparkRun:
    """A query on Spark."""

    def __init__(
        self, session: ConnectSession, operation: Operation, schema: pa.Schema, rows: Iterator[pa.RecordBatch]
    ):
        self._session = session
        self._operation = operation
        self._rows = rows
        self.schema = schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        from gateway.engines.spark.types import conform

        for batch in self._rows:
            if batch.num_rows:
                yield conform(batch, self.schema)

    def cancel(self) -> None:
        self._session.interrupt(self._operation.id)

    def progress(self) -> Progress:
        return self._operation.progress()

    def metrics(self) -> RunMetrics:
        return RunMetrics()


class SparkEngine:
    """Runs queries on Spark. Thread safe."""

    def __init__(self, settings: Settings, home: Home) -> None:
        self._settings = settings
        self._home = home
        self._lock = threading.Lock()
        self._sessions: dict[str, ConnectSession] = {}

    @property
    def name(self) -> str:
        return "spark"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            file_formats=frozenset({FileFormat.PARQUET}),
            uri_schemes=frozenset({"file"}),
            memory_limit_bytes=self._settings.spark.effective_driver_memory_bytes,
            cores=self._settings.routing.cluster_cores or 2,
            runs_reference_dialect=True,
        )

    def status(self) -> EngineStatus:
        return EngineStatus(Health.READY if self._sessions else Health.COLD)

    def warm(self) -> None:
        pass

    def start(self, query: EngineQuery, *, timeout_seconds: float | None = None) -> SparkRun:  # noqa: ARG002
        from gateway.engines.spark.relations import relation_plan, sql_relation
        from gateway.engines.spark.types import arrow_schema, plain

        session = self._session(query.time_zone)
        for name, source in query.relations.items():
            session.create_view(name, relation_plan(source))
        operation, spark_schema, rows = session.execute(sql_relation(query.sql))
        schema = arrow_schema(spark_schema)
        if query.schema is not None:
            wanted = [(field.name, plain(field.type)) for field in query.schema]
            if wanted != [(field.name, field.type) for field in schema]:
                raise EngineFaultError(f"Spark's answer has the columns {schema}, not {query.schema}")
            schema = query.schema
        return SparkRun(session, operation, schema, rows)

    def _session(self, time_zone: str) -> ConnectSession:
        from gateway.engines.spark.client import ConnectSession

        with self._lock:
            if time_zone not in self._sessions:
                session = ConnectSession(self._settings.spark.remote)
                session.configure(
                    {
                        "spark.sql.session.timeZone": time_zone,
                        "spark.sql.ansi.enabled": "true",
                        "spark.sql.parquet.fieldId.read.enabled": "true",
                        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
                    }
                )
                self._sessions[time_zone] = session
            return self._sessions[time_zone]

    def write(self, query: EngineQuery, target: WriteTarget, *, timeout_seconds: float | None = None) -> WriteRun:
        raise NotSupportedError("writing through Spark")

    def close(self) -> None:
        with self._lock:
            sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            session.close()
