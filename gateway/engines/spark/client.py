"""One session on a Spark Connect server: plans in, Arrow batches out.

The one home of pyspark's client and its private parts (4.3.0, pinned), which give what the public DataFrame does
not: a query in one round trip, its schema before its rows, and rows as a stream.
"""

import atexit
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyspark.sql.connect.proto as pb2
from pyspark.sql.connect.client.core import DefaultChannelBuilder, RpcDeadlines, SparkConnectClient
from pyspark.sql.connect.client.retries import DefaultPolicy, RetryPolicyState
from pyspark.sql.connect.shell.progress import Progress as ConnectProgress
from pyspark.sql.connect.shell.progress import StageInfo
from pyspark.sql.metrics import PlanMetrics
from pyspark.sql.types import StructType

from gateway.engines.base import Progress
from gateway.engines.spark.errors import spark_errors

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
    """A running plan. Its schema is known; its batches come as they are pulled."""

    id: str
    stages: tuple[StageInfo, ...] = ()
    metrics: list[PlanMetrics] = field(default_factory=list)
    finished: bool = False

    def progress(self) -> Progress:
        """Return what Spark last reported."""
        if self.finished:
            return Progress(1.0)
        tasks = sum(stage.num_tasks for stage in self.stages)
        if not tasks:
            return Progress(None)
        done = sum(stage.num_completed_tasks for stage in self.stages)
        complete = sum(stage.done for stage in self.stages)
        return Progress(done / tasks, f"{complete} of {len(self.stages)} stages, {done} of {tasks} tasks")

    def on_progress(self, *, stages: list[StageInfo], **_: object) -> None:
        self.stages = tuple(stages)


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

    def configure(self, settings: dict[str, str]) -> None:
        """Set session settings in one round trip."""
        operation = pb2.ConfigRequest.Operation(
            set=pb2.ConfigRequest.Set(pairs=[pb2.KeyValue(key=key, value=value) for key, value in settings.items()])
        )
        with spark_errors():
            self._client.config(operation)

    def create_view(self, name: str, relation: pb2.Relation) -> None:
        """Make or replace a temporary view; the relation is analysed now, its files are listed now."""
        command = pb2.Command()
        command.create_dataframe_view.input.CopyFrom(relation)
        command.create_dataframe_view.name = name
        command.create_dataframe_view.replace = True
        with spark_errors():
            self._client.execute_command(command)

    def execute(
        self, relation: pb2.Relation, operation_id: str | None = None
    ) -> tuple[Operation, StructType, Iterator[pa.RecordBatch]]:
        """Begin a plan and return once its schema is known."""
        request = self._client._execute_plan_request_with_metadata(operation_id)
        request.plan.root.CopyFrom(relation)
        operation = Operation(request.operation_id)
        responses = self._responses(request, operation)
        schema = next(responses)
        assert isinstance(schema, StructType)
        return operation, schema, (item for item in responses if isinstance(item, pa.RecordBatch))

    def _responses(
        self, request: pb2.ExecutePlanRequest, operation: Operation
    ) -> Iterator[StructType | pa.RecordBatch]:
        progress = ConnectProgress(handlers=[operation.on_progress], operation_id=operation.id)
        with spark_errors():
            for item in self._client._execute_and_fetch_as_iterator(request, {}, progress):
                if isinstance(item, StructType | pa.RecordBatch):
                    yield item
                elif isinstance(item, PlanMetrics):
                    operation.metrics.append(item)
        operation.finished = True

    def interrupt(self, operation_id: str) -> None:
        """Stop an operation; its iterator then raises."""
        with spark_errors():
            self._client.interrupt_operation(operation_id)

    def close(self) -> None:
        """Release the server's side, if it still answers, and the channel."""
        with self._lock:
            if self._client.is_closed:
                return
            try:
                self._client.release_session()
            except Exception:  # noqa: BLE001 - a server that is gone holds no session
                pass
            self._client.close()
