"""Connections to locked in-memory instances, pooled: what makes a repeated query cost no more than its work.

A session is one connection with one time zone and the views of the relations it was asked for; one run
uses it at a time. An instance is a database whose folders are fixed; a relation that needs another folder
gets a new instance, and the old one ends with its last run.
"""

import itertools
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

import duckdb
import pyarrow as pa

from catalog.errors import FileAccessError
from catalog.tables import Scan
from gateway import processes
from gateway.engines.base import Relation
from gateway.engines.duckdb.errors import translated
from gateway.engines.duckdb.lockdown import open_database
from gateway.engines.duckdb.relations import folders, pattern, reading
from gateway.engines.duckdb.text import literal, quoted
from gateway.errors import InvalidSettingError
from gateway.settings import DuckDBSettings

KEPT_PATHS = 50_000
"""Paths in the views that a session keeps; binding one costs 4 µs a path, making it 15 µs (duckdb 2.0.0)."""
KEPT_VIEWS = 256
KEPT_IDLE = 16
"""Idle sessions of one instance."""


class Session:
    """One connection. Not thread safe, but for ``interrupt`` and ``progress``."""

    def __init__(self, instance: "Instance", time_zone: str) -> None:
        self.instance = instance
        self.time_zone = time_zone
        self.connection = instance.root.cursor()
        self._relations: OrderedDict[str, Relation] = OrderedDict()
        self._variables: dict[str, tuple[str, ...]] = {}
        self._paths = 0
        try:
            self.connection.execute(f"SET TimeZone = {literal(time_zone)}")
        except duckdb.Error as error:
            self.connection.close()
            raise InvalidSettingError(
                f"{time_zone!r} is not a time zone", hint="use an IANA name like Europe/Berlin"
            ) from error
        # query_progress() answers only with the bar on; printing it is another setting.
        self.connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")

    def define(self, relations: Mapping[str, Relation]) -> None:
        """Give the relations their names here.

        Raises: UnsupportedTableError, FileAccessError, CorruptFileError.
        """
        for name, relation in relations.items():
            if self._relations.get(name) is relation:
                self._relations.move_to_end(name)
            else:
                self._define(name, relation)
        self._forget_old(keep=len(relations))

    def knows(self, relations: Mapping[str, Relation]) -> bool:
        """Return True when all have their names here already."""
        return all(self._relations.get(name) is relation for name, relation in relations.items())

    def close(self) -> None:
        self.connection.close()

    def _define(self, name: str, relation: Relation) -> None:
        self._drop(name)
        if isinstance(relation, Scan):
            way = reading(relation, name)
            for variable, texts in way.lists.items():
                self.connection.execute(f"SET VARIABLE {quoted(variable)} = CAST($1 AS VARCHAR[])", [texts])
            for variable, expression in way.expressions.items():
                self.connection.execute(f"SET VARIABLE {quoted(variable)} = {expression}")
            self._variables[name] = (*way.lists, *way.expressions)
            self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {way.sql}")
            self._paths += len(relation.files)
        else:
            self.connection.register(name, relation)
        self._relations[name] = relation

    def _drop(self, name: str) -> None:
        match self._relations.pop(name, None):
            case Scan() as scan:
                self._paths -= len(scan.files)
                self.connection.execute(f"DROP VIEW IF EXISTS {quoted(name)}")
                for variable in self._variables.pop(name):
                    self.connection.execute(f"RESET VARIABLE {quoted(variable)}")
            case pa.Table():
                self.connection.unregister(name)

    def _forget_old(self, keep: int) -> None:
        while len(self._relations) > keep and (self._paths > KEPT_PATHS or len(self._relations) > KEPT_VIEWS):
            self._drop(next(iter(self._relations)))


class Instance:
    """One database and its idle sessions. Guarded by the pool's lock."""

    def __init__(self, root: duckdb.DuckDBPyConnection, allowed: frozenset[str], temp: Path) -> None:
        self.root = root
        self.allowed = allowed
        """Folders, each ending in a slash."""
        self.temp = temp
        self.idle: list[Session] = []
        self.running = 0
        self.retired = False

    def covers(self, needed: Iterable[str]) -> bool:
        return all(any(folder.startswith(prefix) for prefix in self.allowed) for folder in needed)

    def take(self, time_zone: str, relations: Mapping[str, Relation]) -> Session | None:
        """Return the idle session used last that has the zone and names the relations; None without one."""
        for index in reversed(range(len(self.idle))):
            session = self.idle[index]
            if session.time_zone == time_zone and session.knows(relations):
                self.running += 1
                return self.idle.pop(index)
        return None

    def close(self) -> None:
        for session in self.idle:
            session.close()
        self.idle.clear()
        self.root.close()
        shutil.rmtree(self.temp, ignore_errors=True)


class SessionPool:
    """Hands out sessions. Thread safe."""

    def __init__(
        self,
        settings: DuckDBSettings,
        temp: Path,
        allowed_directories: Callable[[], Iterable[str]],
    ) -> None:
        self._settings = settings
        self._temp = temp
        self._allowed_directories = allowed_directories
        self._lock = threading.Lock()
        self._current: Instance | None = None
        self._extra: frozenset[str] = frozenset()
        """Folders that relations asked for beyond the allowed directories."""
        self._generation = itertools.count(1)

    @property
    def started(self) -> bool:
        return self._current is not None

    def acquire(self, time_zone: str, relations: Mapping[str, Relation], more_folders: Iterable[str] = ()) -> Session:
        """Return a session in which the relations have their names; give it back with ``release``.

        Raises: SqlError when an instance cannot be opened or a relation not be read.
        """
        session = self._take(time_zone, relations, more_folders)
        try:
            session.define(relations)
        except BaseException as error:
            self.release(session, broken=True)
            if isinstance(error, duckdb.Error | OSError | RuntimeError | MemoryError):
                raise translated(error, relations) from error
            raise
        return session

    def release(self, session: Session, *, broken: bool = False) -> None:
        """Take a session back, or end it when it is broken or its instance retired."""
        instance = session.instance
        with self._lock:
            instance.running -= 1
            keep = not broken and not instance.retired and len(instance.idle) < KEPT_IDLE
            if keep:
                instance.idle.append(session)
            over = instance.retired and not instance.running
        if not keep:
            session.close()
        if over:
            instance.close()

    def close(self) -> None:
        """End the instance, once its last run is done. Idempotent."""
        with self._lock:
            ended = self._retire()
        if ended is not None:
            ended.close()

    def _take(self, time_zone: str, relations: Mapping[str, Relation], more_folders: Iterable[str]) -> Session:
        ended = None
        with self._lock:
            current = self._current
            if current is not None and not more_folders:
                # Relations that a session already names are within its folders.
                known = current.take(time_zone, relations)
                if known is not None:
                    return known
            needed = _needed(relations, more_folders)
            if current is None or not current.covers(needed):
                ended = self._retire()
                current = self._current = self._open(needed)
            session = current.take(time_zone, {})
            if session is None:
                current.running += 1
        if ended is not None:
            ended.close()
        return session or self._new(current, time_zone)

    def _new(self, instance: Instance, time_zone: str) -> Session:
        try:
            return Session(instance, time_zone)
        except BaseException:
            with self._lock:
                instance.running -= 1
            raise

    def _retire(self) -> Instance | None:
        """Let go of the current instance; return it if nothing runs there."""
        old, self._current = self._current, None
        if old is None:
            return None
        old.retired = True
        return None if old.running else old

    def _open(self, needed: frozenset[str]) -> Instance:
        base = Path(self._settings.temp_directory or self._temp)
        _sweep(base)
        allowed = frozenset(_folder(path) for path in self._allowed_directories())
        self._extra |= {folder for folder in needed if not any(folder.startswith(prefix) for prefix in allowed)}
        temp = base / f"duckdb-{quote(processes.identity(), safe='')}-{next(self._generation)}"
        try:
            temp.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileAccessError(
                f"cannot make the spill folder {temp}: {error.strerror}", hint="set duckdb.temp_directory"
            ) from error
        try:
            root = open_database(self._settings, _with_patterns(allowed | self._extra), temp)
        except (duckdb.Error, RuntimeError, OSError) as error:
            raise translated(error) from error
        return Instance(root, allowed | self._extra, temp)


def _needed(relations: Mapping[str, Relation], more_folders: Iterable[str]) -> frozenset[str]:
    scans = [relation for relation in relations.values() if isinstance(relation, Scan)]
    found = {folder for scan in scans for folder in folders(scan)} | set(more_folders)
    return frozenset(map(_folder, found))


def _with_patterns(folders: Iterable[str]) -> set[str]:
    """Add how the folders look in patterns: DuckDB holds both the pattern and what it found against the list."""
    return {form for folder in folders for form in (folder, pattern(folder))}


def _folder(path: str) -> str:
    return path.rstrip("/") + "/"


def _sweep(base: Path) -> None:
    """Remove the spill folders of processes that ended without a word."""
    for entry in base.glob("duckdb-*") if base.is_dir() else ():
        owner = unquote(entry.name.removeprefix("duckdb-").rpartition("-")[0])
        if owner.count(" ") == 2 and processes.is_gone(owner):
            shutil.rmtree(entry, ignore_errors=True)
