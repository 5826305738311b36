"""One session on a Spark Connect server: plans in, Arrow batches out.

The one home of pyspark's client and its private parts (4.3.0, pinned), which give what the public DataFrame does
not: a query in one round trip, its schema before its rows, and rows as a stream.
"""

import atexit
import concurrent.futures
import contextlib
import logging
import threading
import uuid
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyspark.sql.connect.proto as pb2
from pyspark.sql.connect.client.core import DefaultChannelBuilder, RpcDeadlines, SparkConnectClient
from pyspark.sql.connect.client.retries import DefaultPolicy, RetryPolicyState
from pyspark.sql.connect.shell.progress import Progress as ConnectProgress
from pyspark.sql.connect.shell.progress import ProgressHandler, StageInfo
from pyspark.sql.metrics import PlanMetrics
from pyspark.sql.types import StructType

from gateway.engines.base import Progress
from gateway.engines.spark.errors import spark_errors

# pyspark prints every error a query makes as JSON on standard error; ours are raised, in the user's terms.
logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
logging.getLogger("pyspark.sql.connect.logging").setLevel(logging.CRITICAL + 1)

_DEADLINES = RpcDeadlines(config=30.0, interrupt=10.0, release_session=5.0, clone_session=30.0, get_status=10.0)


class _Patience(RetryPolicyState):
    """Says no itself when its tries are over; pyspark would first emit a warning."""

    def can_retry(self, exception: BaseException) -> bool:
        return self._attempt < (self.policy.max_retries or 0) and super().can_retry(exception)


class _BriefRetries(DefaultPolicy):
    """A second of tries in all: a dead server is news that its callers wait for. The default takes ten minutes."""

    def __init__(self) -> None:
        super().__init__(max_retries=4, initial_backoff=30, backoff_multiplier=3.0, max_backoff=1000)

    def to_state(self) -> RetryPolicyState:
        return _Patience(self)


@dataclass
class Operation:
    """A plan on its way through Spark."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    stages: tuple[StageInfo, ...] = ()
    metrics: list[PlanMetrics] = field(default_factory=list)
    finished: bool = False
    """Nothing more comes, for whatever reason."""
    working: bool = False
    """Its first job began, or its rows come."""
    complete: bool = False
    """All rows came."""

    def progress(self) -> Progress:
        """Return what Spark last reported."""
        if self.complete:
            return Progress(1.0)
        tasks = sum(stage.num_tasks for stage in self.stages)
        if not tasks:
            return Progress(None)
        done = sum(stage.num_completed_tasks for stage in self.stages)
        complete = sum(stage.done for stage in self.stages)
        return Progress(done / tasks, f"{complete} of {len(self.stages)} stages, {done} of {tasks} tasks")

    def on_progress(
        self,
        stages: Iterable[StageInfo] | None,
        inflight_tasks: int,  # noqa: ARG002 - the four are pyspark's ProgressHandler
        operation_id: str | None,  # noqa: ARG002
        done: bool,  # noqa: ARG002
    ) -> None:
        """Keep a report of Spark's."""
        self.stages = tuple(stages or ())
        self.working = self.working or bool(self.stages)


@dataclass(frozen=True)
class Answer:
    """A plan's rows: their schema at once, batches as they are pulled. Closing ``batches`` frees the server."""

    operation: Operation
    schema: StructType
    batches: Generator[pa.RecordBatch, None, None]


class ConnectSession:
    """One server-side session. Thread safe: many operations at a time."""

    def __init__(self, remote: str) -> None:
        """``remote`` is ``sc://host:port/;key=value``. Nothing is sent yet."""
        self.id = str(uuid.uuid4())
        builder = DefaultChannelBuilder(remote)
        builder.set("session_id", self.id)
        self._client = SparkConnectClient(builder, user_id="headgate", rpc_deadlines=_DEADLINES)
        self._client.set_retry_policies([_BriefRetries()])
        # It would clean caches we never fill, and could hold up the end of the process when the server is gone.
        atexit.unregister(self._client._on_exit)
        self._lock = threading.Lock()

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set session settings in one round trip."""
        pairs = [pb2.KeyValue(key=key, value=value) for key, value in settings.items()]
        with spark_errors():
            self._client.config(pb2.ConfigRequest.Operation(set=pb2.ConfigRequest.Set(pairs=pairs)))

    def setting(self, name: str) -> str | None:
        """Return a setting of the server, or None."""
        operation = pb2.ConfigRequest.Operation(get_option=pb2.ConfigRequest.GetOption(keys=[name]))
        with spark_errors():
            pairs = dict(self._client.config(operation).pairs)
        return pairs.get(name) or None

    def create_view(self, name: str, relation: pb2.Relation) -> None:
        """Make or replace a temporary view; the relation is analysed now, its files are listed now."""
        command = pb2.Command()
        command.create_dataframe_view.input.CopyFrom(relation)
        command.create_dataframe_view.name = name
        command.create_dataframe_view.replace = True
        self.command(command)

    def drop_view(self, name: str) -> None:
        """Forget a temporary view."""
        relation = pb2.Relation()
        relation.catalog.drop_temp_view.view_name = name
        for _ in self.execute(relation).batches:
            pass

    def command(self, command: pb2.Command, operation: Operation | None = None) -> None:
        """Run a command to its end."""
        request = self._request(operation)
        request.plan.command.CopyFrom(command)
        for _ in self._responses(request, operation or Operation(request.operation_id), {}):
            pass

    def execute(
        self, relation: pb2.Relation, operation: Operation | None = None, names: Mapping[str, str] | None = None
    ) -> Answer:
        """Begin a plan and return once its schema is known; ``names`` as for ``errors.translated``."""
        request = self._request(operation)
        request.plan.root.CopyFrom(relation)
        operation = operation or Operation(request.operation_id)
        responses = self._responses(request, operation, names or {})
        schema = next(responses)
        assert isinstance(schema, StructType)
        return Answer(operation, schema, _only_batches(responses))

    def schema_of(self, relation: pb2.Relation, names: Mapping[str, str] | None = None) -> StructType:
        """Return a plan's columns; it is analysed, not run. ``names`` as for ``errors.translated``."""
        plan = pb2.Plan()
        plan.root.CopyFrom(relation)
        with spark_errors(names or {}):
            return self._client.schema(plan)

    def _request(self, operation: Operation | None) -> pb2.ExecutePlanRequest:
        with spark_errors():
            return self._client._execute_plan_request_with_metadata(operation.id if operation else None)

    def _responses(
        self, request: pb2.ExecutePlanRequest, operation: Operation, names: Mapping[str, str]
    ) -> Generator[StructType | pa.RecordBatch, None, None]:
        handler: ProgressHandler = operation.on_progress  # type: ignore[assignment]
        progress = ConnectProgress(handlers=[handler], operation_id=operation.id)
        received = self._client._execute_and_fetch_as_iterator(request, {}, progress)
        try:
            with spark_errors(names):
                for item in received:
                    if isinstance(item, StructType | pa.RecordBatch):
                        operation.working = operation.working or isinstance(item, pa.RecordBatch)
                        yield item
                    elif isinstance(item, PlanMetrics):
                        operation.metrics.append(item)
            operation.complete = True
        finally:
            operation.finished = True
            received.close()  # type: ignore[attr-defined]  # a generator; tells the server to let go

    def interrupt(self, operation_id: str) -> None:
        """Stop an operation; its iterator then raises."""
        with spark_errors():
            self._client.interrupt_operation(operation_id)

    def close(self) -> None:
        """Release the server's side, if it still answers, and the channel."""
        with self._lock:
            if self._client.is_closed:
                return
            concurrent.futures.wait(self._client._release_futures, timeout=2)
            with contextlib.suppress(Exception):  # a server that is gone holds no session
                self._client.release_session()
            self._client.close()


def _only_batches(
    responses: Generator[StructType | pa.RecordBatch, None, None],
) -> Generator[pa.RecordBatch, None, None]:
    try:
        for item in responses:
            if isinstance(item, pa.RecordBatch):
                yield item
    finally:
        responses.close()
