"""What was asked, when, of which engine, and how it ended: one record per statement, kept through restarts.

A statement pays for a queue entry only; a thread of its own writes to SQLite. Parameters are never
kept: they are where a careful user puts what is secret. Only `gateway.service` records.
"""

import atexit
import json
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import FileAccessError
from gateway import processes
from gateway.execution import AttemptRecord

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

GATHER_SECONDS = 0.05
"""Records are written together that arrive within this time: a burst of small queries is one transaction."""
KEEP_COUNT = 100_000
KEEP_SECONDS = 90 * 86400.0
FORGET_EVERY = 1000
"""Records written between two looks for what is too old or too much."""


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """What is known of a statement so far; a later record of the same id takes its place. Times are aware, UTC."""

    query_id: str
    text: str
    """As sent, without parameter values."""
    state: str
    """QUEUED, PLANNING, RUNNING, FINISHED, FAILED or CANCELED."""
    submitted_at: datetime
    user: str = ""
    session: str = ""
    """Names the session among those of the home; empty when it has no name."""
    dialect: str = "spark"
    engine: str = ""
    reason: str = ""
    """Why that engine."""
    started_at: datetime | None = None
    """When an engine began."""
    ended_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    row_count: int | None = None
    """Rows of the result, or rows changed."""
    files_total: int | None = None
    files_planned: int | None = None
    bytes_planned: int | None = None
    predicted_ms: Mapping[str, float] = field(default_factory=dict)
    """By engine."""
    attempts: tuple[AttemptRecord, ...] = ()
    cached: bool = False

    @property
    def elapsed_ms(self) -> float | None:
        """From submission to the end; None while it lasts."""
        return None if self.ended_at is None else (self.ended_at - self.submitted_at) / timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which records to read; None accepts all."""

    query_id: str | None = None
    user: str | None = None
    session: str | None = None
    state: str | None = None
    engine: str | None = None
    since: datetime | None = None
    """Submitted then or later."""


class History:
    """The records of all processes that use one home. Thread safe.

    Recording never fails and never waits: a disk that is full loses history, not queries
    (`failure` tells). A statement whose process ended without a word reads as FAILED.
    """

    def __init__(self, database: Path, *, keep_count: int = KEEP_COUNT, keep_seconds: float = KEEP_SECONDS) -> None:
        self.database = database
        self.failure: str | None = None
        """Why records were lost, the last time any were; None when none was."""
        self._keep_count = keep_count
        self._keep_seconds = keep_seconds
        self._queue: queue.SimpleQueue[QueryRecord | threading.Event | None] = queue.SimpleQueue()
        """Records, events to set once all before them is written, and None to stop."""
        self._urgent = threading.Event()
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None
        self._closed = False

    def record(self, record: QueryRecord) -> None:
        """Keep a record soon; what was said before of the same query is replaced."""
        self._queue.put(record)
        if self._writer is None:
            self._start()

    def flush(self) -> None:
        """Return when all records so far are written, or could not be."""
        with self._lock:
            if self._writer is None or self._closed:
                return
            written = threading.Event()
            self._queue.put(written)
        self._urgent.set()
        written.wait()

    def close(self) -> None:
        """Write what is left. Idempotent; records that come later are lost."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._urgent.set()
        if self._writer is not None:
            self._writer.join()
            atexit.unregister(self.close)

    def records(self, limit: int = 100, where: HistoryFilter | None = None) -> list[QueryRecord]:
        """Return the newest records, newest first.

        Raises: FileAccessError when the database cannot be read.
        """
        self.flush()
        clause, values = _where(where or HistoryFilter())
        with _sqlite_errors(self.database), closing(_connect(self.database)) as connection:
            _fail_orphans(connection)
            query = f"SELECT {', '.join(COLUMNS)} FROM query_history {clause} ORDER BY submitted_at DESC, query_id DESC"
            rows = connection.execute(f"{query} LIMIT ?", [*values, limit]).fetchall()
        return [_from_row(row) for row in rows]

    def find(self, query_id: str) -> QueryRecord | None:
        """Return one query's record, or None when it was never recorded or is forgotten."""
        return next(iter(self.records(1, HistoryFilter(query_id=query_id))), None)

    def recent(self, limit: int = 100, where: HistoryFilter | None = None) -> "pa.Table":
        """Return the newest records as rows, newest first; the columns are those of SHOW QUERIES."""
        return to_arrow(self.records(limit, where))

    def _start(self) -> None:
        with self._lock:
            if self._writer is None and not self._closed:
                # A daemon, so that a forgotten close() cannot keep a process alive; atexit still flushes.
                self._writer = threading.Thread(target=self._write_all, name="headgate-history", daemon=True)
                self._writer.start()
                atexit.register(self.close)

    def _write_all(self) -> None:
        connection: sqlite3.Connection | None = None
        since_forgetting = 0
        stop = False
        while not stop:
            records, flushes, stop = self._gather()
            try:
                with _sqlite_errors(self.database):
                    connection = connection or _connect(self.database)
                    _write(connection, records)
                    since_forgetting -= len(records)
                    if since_forgetting < 0:
                        since_forgetting = FORGET_EVERY
                        _fail_orphans(connection)
                        _forget(connection, self._keep_count, self._keep_seconds)
            except Exception as error:  # the thread must live on: flush() waits for it
                self.failure = str(error)
                logger.warning("query history lost %d records: %s", len(records), error)
            for flush in flushes:
                flush.set()
        if connection is not None:
            connection.close()

    def _gather(self) -> tuple[list[QueryRecord], list[threading.Event], bool]:
        """Wait for something to do and return records (the last of each query), who waits, and whether to stop."""
        latest: dict[str, QueryRecord] = {}
        flushes: list[threading.Event] = []
        stop = False
        item = self._queue.get()
        if isinstance(item, QueryRecord):
            self._urgent.wait(GATHER_SECONDS)
        self._urgent.clear()
        while True:
            match item:
                case QueryRecord():
                    latest[item.query_id] = item
                case None:
                    stop = True
                case _:
                    flushes.append(item)
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return list(latest.values()), flushes, stop


TABLE = """
CREATE TABLE IF NOT EXISTS query_history (
    query_id TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    user TEXT NOT NULL,
    session TEXT NOT NULL,
    dialect TEXT NOT NULL,
    engine TEXT NOT NULL,
    reason TEXT NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    error_code TEXT,
    error_message TEXT,
    row_count INTEGER,
    files_total INTEGER,
    files_planned INTEGER,
    bytes_planned INTEGER,
    predicted_ms TEXT NOT NULL,
    attempts TEXT NOT NULL,
    cached INTEGER NOT NULL,
    process TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS query_history_submitted ON query_history (submitted_at);
CREATE INDEX IF NOT EXISTS query_history_live ON query_history (state) WHERE state IN ('QUEUED', 'PLANNING', 'RUNNING');
"""
"""Times are microseconds since 1970 UTC, predicted_ms and attempts JSON, process a `gateway.processes.identity`."""
_LIVE = "('QUEUED', 'PLANNING', 'RUNNING')"
COLUMNS = tuple(key.name for key in fields(QueryRecord))


def to_arrow(records: Sequence[QueryRecord]) -> "pa.Table":
    """Return records as rows of the columns of SHOW QUERIES, in the order given."""
    import pyarrow as pa  # not on the way to a first answer

    instant = pa.timestamp("us", tz="UTC")
    attempt = pa.struct(
        {"engine": pa.string(), "state": pa.string(), "elapsed_ms": pa.float64(), "reason": pa.string()}
    )
    columns: dict[str, tuple[pa.DataType, Callable[[QueryRecord], object]]] = {
        "query_id": (pa.string(), lambda r: r.query_id),
        "state": (pa.string(), lambda r: r.state),
        "user": (pa.string(), lambda r: r.user),
        "session": (pa.string(), lambda r: r.session),
        "engine": (pa.string(), lambda r: r.engine),
        "reason": (pa.string(), lambda r: r.reason),
        "submitted_at": (instant, lambda r: r.submitted_at),
        "started_at": (instant, lambda r: r.started_at),
        "ended_at": (instant, lambda r: r.ended_at),
        "elapsed_ms": (pa.float64(), lambda r: r.elapsed_ms),
        "rows": (pa.int64(), lambda r: r.row_count),
        "files_planned": (pa.int64(), lambda r: r.files_planned),
        "files_total": (pa.int64(), lambda r: r.files_total),
        "bytes_planned": (pa.int64(), lambda r: r.bytes_planned),
        "predicted_ms": (pa.map_(pa.string(), pa.float64()), lambda r: list(r.predicted_ms.items())),
        "attempts": (pa.list_(attempt), lambda r: [asdict(each) for each in r.attempts]),
        "cached": (pa.bool_(), lambda r: r.cached),
        "error_code": (pa.string(), lambda r: r.error_code),
        "error_message": (pa.string(), lambda r: r.error_message),
        "dialect": (pa.string(), lambda r: r.dialect),
        "text": (pa.string(), lambda r: r.text),
    }
    return pa.table({name: pa.array([read(r) for r in records], type_) for name, (type_, read) in columns.items()})


def _connect(database: Path) -> sqlite3.Connection:
    database.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(database, timeout=30)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = wal")
        # A power cut may lose the last records, never the database. Source: sqlite.org/wal.html
        connection.execute("PRAGMA synchronous = normal")
        connection.executescript(TABLE)
    except BaseException:
        connection.close()
        raise
    return connection


def _write(connection: sqlite3.Connection, records: Iterable[QueryRecord]) -> None:
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    statement = f"INSERT OR REPLACE INTO query_history ({', '.join(COLUMNS)}, process) VALUES ({marks})"
    process = processes.identity()
    with connection:
        connection.executemany(statement, [(*_to_row(record), process) for record in records])


def _fail_orphans(connection: sqlite3.Connection) -> None:
    """Let statements end whose process is gone."""
    live = connection.execute(f"SELECT DISTINCT process FROM query_history WHERE state IN {_LIVE}").fetchall()
    for (process,) in live:
        if processes.is_gone(process):
            message = f"the process that ran it (id {process.split()[1]}) ended without a word"
            with connection:
                connection.execute(
                    "UPDATE query_history SET state = 'FAILED', error_code = 'PROCESS_DIED', error_message = ?"
                    f" WHERE process = ? AND state IN {_LIVE}",
                    [message, process],
                )


def _forget(connection: sqlite3.Connection, keep_count: int, keep_seconds: float) -> None:
    """Delete what is too old or too much."""
    oldest = _microseconds(datetime.now(UTC) - timedelta(seconds=keep_seconds))
    newest_too_much = "SELECT submitted_at FROM query_history ORDER BY submitted_at DESC LIMIT 1 OFFSET ?"
    with connection:
        connection.execute("DELETE FROM query_history WHERE submitted_at < ?", [oldest])
        connection.execute(f"DELETE FROM query_history WHERE submitted_at <= ({newest_too_much})", [keep_count])


def _where(wanted: HistoryFilter) -> tuple[str, list[object]]:
    terms: dict[str, object] = {
        f"{name} = ?": value
        for name in ("query_id", "user", "session", "state", "engine")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.since is not None:
        terms["submitted_at >= ?"] = _microseconds(wanted.since)
    return (f"WHERE {' AND '.join(terms)}" if terms else ""), list(terms.values())


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = frozenset({"submitted_at", "started_at", "ended_at"})


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _to_row(record: QueryRecord) -> tuple[object, ...]:
    def stored(name: str) -> object:
        value = getattr(record, name)
        if name in _TIMES:
            return None if value is None else _microseconds(value)
        if name == "predicted_ms":
            return json.dumps(dict(value))
        return json.dumps([asdict(attempt) for attempt in value]) if name == "attempts" else value

    return tuple(stored(name) for name in COLUMNS)


def _from_row(row: Sequence[Any]) -> QueryRecord:
    values = dict(zip(COLUMNS, row, strict=True))
    for name in _TIMES:
        if values[name] is not None:
            values[name] = _EPOCH + timedelta(microseconds=values[name])
    values["predicted_ms"] = json.loads(values["predicted_ms"])
    values["attempts"] = tuple(AttemptRecord(**attempt) for attempt in json.loads(values["attempts"]))
    return QueryRecord(**{**values, "cached": bool(values["cached"])})


@contextmanager
def _sqlite_errors(database: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise FileAccessError(f"the query history {database} cannot be used: {error}") from error
