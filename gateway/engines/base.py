"""What headgate asks of an engine. Ask for capabilities, never for the name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

import pyarrow as pa

from catalog.store import WriteTarget, WrittenFile
from catalog.tables import FileFormat, Scan

Relation: TypeAlias = Scan | pa.Table
"""What a relation name in an engine's text stands for: files, or rows in memory."""


@dataclass(frozen=True)
class EngineQuery:
    """One query in an engine's own dialect, with nothing left to resolve."""

    sql: str
    """Names only the relations below."""
    relations: Mapping[str, Relation] = field(default_factory=dict)
    """Name in ``sql`` (a plain lower-case identifier, e.g. ``hg_1``) → what it stands for."""
    schema: pa.Schema | None = None
    """The reference answer's names and types, which the engine's batches must have exactly; None takes the engine's."""
    time_zone: str = "UTC"
    """IANA name of the session's zone."""
    query_id: str = ""
    """For logs, tags and interrupts."""


class Health(Enum):
    READY = "ready"
    STARTING = "starting"
    COLD = "cold"
    """Not started; the first query pays for the start."""
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class EngineStatus:
    health: Health
    detail: str = ""
    """In words, e.g. why unavailable and what to do."""


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do here, known without starting it."""

    file_formats: frozenset[FileFormat]
    uri_schemes: frozenset[str]
    """``file`` for local paths."""
    memory_limit_bytes: int
    cores: int
    runs_reference_dialect: bool
    """True when the engine takes the user's own Spark SQL."""


@dataclass(frozen=True)
class Progress:
    fraction: float | None
    """0 to 1; None when unknown."""
    detail: str = ""
    """In words: ``stage 2 of 5, 12 of 40 tasks``."""


@dataclass(frozen=True)
class RunMetrics:
    """What the engine says about a finished run; None where it does not."""

    rows_read: int | None = None
    bytes_read: int | None = None
    cpu_ms: float | None = None
    peak_memory_bytes: int | None = None
    spilled_bytes: int | None = None


class Run(Protocol):
    """One query on one engine. ``cancel`` and ``progress`` may be called from any thread."""

    @property
    def schema(self) -> pa.Schema:
        """Known once ``start`` returned."""
        ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows once, in order; every error is a SqlError. Closing the iterator frees the engine.

        Raises: QueryCanceledError after ``cancel``; DeadlineExceededError; OutOfMemoryError;
        EngineDiedError; EvaluationError and its kin.
        """
        ...

    def cancel(self) -> None:
        """Stop the work on the engine soon; idempotent, never blocks for long."""
        ...

    def progress(self) -> Progress: ...
    def metrics(self) -> RunMetrics: ...


class WriteRun(Protocol):
    """One write of data files on one engine."""

    def files(self) -> tuple[WrittenFile, ...]:
        """Do the work and return what was written; raises as Run.batches does."""
        ...

    @property
    def record_count(self) -> int:
        """Rows written; known after ``files``."""
        ...

    def cancel(self) -> None: ...
    def progress(self) -> Progress: ...
    def metrics(self) -> RunMetrics: ...


class Engine(Protocol):
    """Runs queries. Thread safe: many runs at a time."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...

    def status(self) -> EngineStatus:
        """Never blocks."""
        ...

    def warm(self) -> None:
        """Begin to start in the background; returns at once."""
        ...

    def start(self, query: EngineQuery, *, timeout_seconds: float | None = None) -> Run:
        """Begin a query. Blocks until the result's schema is known.

        Raises: as Run.batches; EngineUnavailableError.
        """
        ...

    def describe(self, query: EngineQuery) -> pa.Schema:
        """Return the names and types that a query would return, without running it.

        Asked only when ``EngineQuery.schema`` is None, so only of an engine that runs the reference dialect.
        Raises: as Run.batches; EngineUnavailableError.
        """
        ...

    def write(self, query: EngineQuery, target: WriteTarget, *, timeout_seconds: float | None = None) -> WriteRun:
        """Prepare to write the query's rows as data files into ``target.folder``.

        Output columns are matched to ``target.schema`` by position and already have its types.
        """
        ...

    def close(self) -> None: ...
