"""The Spark engine: queries run on a Spark Connect server, ours or someone else's."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlparse

import pyarrow as pa

from catalog.errors import SqlError
from catalog.store import WriteTarget
from catalog.tables import FileFormat, Scan
from gateway.engines.base import Capabilities, EngineQuery, EngineStatus, Health
from gateway.engines.spark import launch, server
from gateway.errors import EngineDiedError, EngineFaultError, EngineUnavailableError, OutOfMemoryError
from gateway.home import Home
from gateway.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

    from gateway.engines.spark.connection import Connection, ZoneSession
    from gateway.engines.spark.runs import SparkRun
    from gateway.engines.spark.writing import SparkWriteRun

_T = TypeVar("_T")
_REMEMBER_FAILURE_SECONDS = 60.0
"""How long a failed start counts as the engine's state; the next query tries again anyway."""
_STATUS_SECONDS = 0.5
"""How long a status holds: routing asks at every query, and a look at the server's files costs milliseconds."""
_CLUSTER_SCHEMES = frozenset({"s3", "s3a", "gs", "abfs", "abfss", "hdfs"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SparkEngine:
    """Runs queries on Spark. Thread safe. pyspark is imported by the first query or by ``warm``."""

    def __init__(self, settings: Settings, home: Home) -> None:
        self._settings = settings
        self._home = home
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._connection: Connection | None = None
        self._status: tuple[float, EngineStatus | None] = (0.0, None)
        self._failure: tuple[float, SqlError] | None = None
        self._warming: threading.Thread | None = None
        self._cores: int | None = None
        self._known_capabilities: Capabilities | None = None
        self._running = 0
        self._idle = threading.Event()
        self._closed = False

    @property
    def name(self) -> str:
        return "spark"

    @property
    def capabilities(self) -> Capabilities:
        if self._known_capabilities is None:
            self._known_capabilities = self._current_capabilities()
        return self._known_capabilities

    def _current_capabilities(self) -> Capabilities:
        return Capabilities(
            file_formats=frozenset(FileFormat),
            uri_schemes=self._schemes(),
            memory_limit_bytes=self._settings.spark.effective_driver_memory_bytes,
            cores=self._cores or self._settings.routing.cluster_cores or launch.cores(self._settings),
            runs_reference_dialect=True,
        )

    def _schemes(self) -> frozenset[str]:
        remote = self._settings.spark.remote
        # Files on this machine's disks are there for a server on this machine only.
        if not remote:
            return frozenset({"file"})
        here = urlparse(remote).hostname in _LOOPBACK
        return _CLUSTER_SCHEMES | {"file"} if here else _CLUSTER_SCHEMES

    def status(self) -> EngineStatus:
        """Return the state as it was known a moment ago; asks nothing that could take long."""
        asked_at, known = self._status
        now = time.monotonic()
        if known is None or now - asked_at > _STATUS_SECONDS:
            known = self._current_status()
            self._status = (now, known)
        return known

    def _current_status(self) -> EngineStatus:
        failure = self._failure
        if failure and time.monotonic() - failure[0] < _REMEMBER_FAILURE_SECONDS:
            return EngineStatus(Health.UNAVAILABLE, _in_words(failure[1]))
        if self._settings.spark.remote:
            known = self._connection is not None
            return EngineStatus(Health.READY if known else Health.COLD, self._settings.spark.remote.partition("/;")[0])
        try:
            found = server.find(self._settings, self._home)
        except EngineUnavailableError as error:
            return EngineStatus(Health.UNAVAILABLE, _in_words(error))
        if found and found.ready:
            return EngineStatus(Health.READY, f"local server, process {found.pid}")
        starting = found is not None or (self._warming is not None and self._warming.is_alive())
        return EngineStatus(Health.STARTING if starting else Health.COLD, "local server")

    def warm(self) -> None:
        """Begin to start the server, to import pyspark and to open a session, in the background."""
        with self._lock:
            if self._closed or self._connection or (self._warming and self._warming.is_alive()):
                return
            self._warming = threading.Thread(target=self._warm, name="spark-warm", daemon=True)
            self._warming.start()

    def _warm(self) -> None:
        with contextlib.suppress(SqlError):  # status() tells it, and so does the next query
            zone = self._connect().session("UTC")
            from gateway.engines.spark.relations import sql_relation

            for _ in zone.session.execute(sql_relation("SELECT 1")).batches:
                pass

    def start(self, query: EngineQuery, *, timeout_seconds: float | None = None) -> SparkRun:
        """Begin a query on the server, which is started if there is none; blocks until the schema is known."""
        from gateway.engines.spark.client import Operation
        from gateway.engines.spark.relations import sql_relation
        from gateway.engines.spark.runs import SparkRun, Stopper

        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds

        def begin(zone: ZoneSession) -> SparkRun:
            operation = Operation()
            stopper = Stopper(zone.session, operation, deadline, timeout_seconds)
            answer = None
            try:
                with stopper.errors(), zone.views.using(query.relations):
                    answer = zone.session.execute(sql_relation(query.sql), operation, _shown_names(query))
                run = SparkRun(answer, _result_schema(answer.schema, query), stopper, self._ended)
            except BaseException:
                stopper.end()
                if answer is not None:
                    answer.batches.close()
                raise
            self._began()
            return run

        return self._on_server(query.time_zone, begin)

    def describe(self, query: EngineQuery) -> pa.Schema:
        """Return the query's names and types; the server analyses it and runs nothing."""
        from gateway.engines.spark.relations import sql_relation

        def ask(zone: ZoneSession) -> pa.Schema:
            with zone.views.using(query.relations):
                return _result_schema(zone.session.schema_of(sql_relation(query.sql), _shown_names(query)), query)

        return self._on_server(query.time_zone, ask)

    def write(self, query: EngineQuery, target: WriteTarget, *, timeout_seconds: float | None = None) -> SparkWriteRun:
        """Prepare to write the query's rows as Parquet files; the work is done by ``files()``."""
        from gateway.engines.spark.writing import SparkWriteRun

        def on_server(time_zone: str, work: Callable[[ZoneSession], None]) -> None:
            self._began()
            try:
                self._on_server(time_zone, work)
            finally:
                self._ended(died=False)

        return SparkWriteRun(query, target, timeout_seconds, on_server)

    def _on_server(self, time_zone: str, work: Callable[[ZoneSession], _T]) -> _T:
        """Return what the work gives; a server or session found dead is replaced once."""
        connection = self._connect()
        try:
            return work(connection.session(time_zone))
        except EngineDiedError:
            self._forget(connection)
        connection = self._connect()
        try:
            return work(connection.session(time_zone))
        except EngineDiedError:
            self._forget(connection)
            raise

    def _connect(self) -> Connection:
        connection = self._connection
        if connection is not None:
            return connection
        with self._connecting:
            if self._connection is not None:
                return self._connection
            if self._closed:
                raise EngineUnavailableError("this gateway is closed")
            try:
                opened = self._open()
            except SqlError as error:
                self._failure = (time.monotonic(), error)
                self._status = (0.0, None)
                raise
            self._failure = None
            self._connection = opened
            self._status = (0.0, None)
            return opened

    def _open(self) -> Connection:
        remote = self._settings.spark.remote
        if not remote:
            with _importing():
                remote = server.remote(server.start(self._settings, self._home))
        try:
            from gateway.engines.spark.connection import Connection
        except ImportError as error:
            raise EngineUnavailableError(
                f"Spark's client cannot be loaded: {error}", hint="pip install 'headgate[spark]'"
            ) from error
        opened = Connection(remote, self._settings)
        try:
            zone = opened.session("UTC")
        except EngineDiedError as error:
            opened.close()
            raise EngineUnavailableError(
                f"no Spark Connect server answers at {remote.partition('/;')[0]}", hint="check spark.remote"
            ) from error
        self._cores = self._settings.routing.cluster_cores or _asked_cores(zone)
        self._known_capabilities = None
        return opened

    def _forget(self, connection: Connection) -> None:
        with self._connecting:
            if self._connection is connection:
                self._connection = None
                self._status = (0.0, None)
        # Not closed in line: releasing sessions of a dead server takes a second of tries.
        threading.Thread(target=connection.close, name="spark-close", daemon=True).start()

    def _began(self) -> None:
        with self._lock:
            self._running += 1
            if self._running == 1 and not self._settings.spark.remote:
                self._idle.clear()
                threading.Thread(target=self._stay_in_use, name="spark-in-use", daemon=True).start()

    def _ended(self, died: bool) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                self._idle.set()
            connection = self._connection
        if died:
            if connection is not None:
                self._forget(connection)
            self._explain_death()

    def _explain_death(self) -> None:
        """Raises: OutOfMemoryError when that ended the local server; another engine may then answer."""
        if not self._settings.spark.remote and server.ran_out_of_memory(self._folder()):
            raise OutOfMemoryError("Spark ran out of memory", hint="raise spark.driver_memory, or read less at a time")

    def _folder(self) -> Path:
        return server.folder_of(self._settings, self._home)

    def _stay_in_use(self) -> None:
        """Keep the server from stopping as idle under a query that takes longer than that."""
        folder = self._folder()
        every = min(15.0, self._settings.spark.idle_seconds / 4)
        server.mark_used(folder)
        while not self._idle.wait(every):
            server.mark_used(folder)
        server.mark_used(folder)

    def close(self) -> None:
        """Release our sessions; the server stays for others until it is idle."""
        with self._connecting:
            self._closed = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextlib.contextmanager
def _importing():  # type: ignore[no-untyped-def]
    """Import pyspark while Java starts: both take seconds, on two cores."""

    def load() -> None:
        with contextlib.suppress(ImportError):  # told where it is needed
            import gateway.engines.spark.connection  # noqa: F401

    thread = threading.Thread(target=load, name="spark-import", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _result_schema(answered: StructType, query: EngineQuery) -> pa.Schema:
    from gateway.engines.spark.types import arrow_schema, plain

    schema = arrow_schema(answered)
    if query.schema is None:
        return schema
    wanted = [(field.name, plain(field.type)) for field in query.schema]
    given = [(field.name, field.type) for field in schema]
    if wanted != given:
        differing = [f"{g[0]} {g[1]} for {w[0]} {w[1]}" for w, g in zip(wanted, given, strict=False) if w != g]
        what = ", ".join(differing) or f"{len(given)} columns for {len(wanted)}"
        raise EngineFaultError(f"Spark's answer has other columns than planned: {what}")
    return query.schema


def _shown_names(query: EngineQuery) -> dict[str, str]:
    return {name: str(source.table) if isinstance(source, Scan) else name for name, source in query.relations.items()}


def _asked_cores(zone: ZoneSession) -> int | None:
    """Return the cores of the server's executors where its settings tell them."""
    master = zone.session.setting("spark.master") or ""
    if launch.is_local(master):
        return None
    parts = [zone.session.setting(name) for name in ("spark.executor.instances", "spark.executor.cores")]
    if all(part and part.isdigit() for part in parts):
        return int(parts[0] or 0) * int(parts[1] or 0)
    most = zone.session.setting("spark.cores.max")
    return int(most) if most and most.isdigit() else None


def _in_words(error: SqlError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
