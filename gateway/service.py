"""The façade: one path from SQL text to result, for the shell, the HTTP API, the notebook and Python alike.

    text → Statement → Plan → Route → Execution → Result

Everything that a front end needs is a method here; nothing here knows a front end.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from catalog.errors import SqlError
from catalog.identifiers import Namespace
from catalog.store import Catalog
from gateway import statements
from gateway.catalogs import Catalogs
from gateway.commands import sessions
from gateway.commands.answer import Answer
from gateway.engines.registry import Engines
from gateway.errors import NotSupportedError
from gateway.execution import Attempt, Execution, State
from gateway.history import History
from gateway.home import Home, open_home
from gateway.planning import Plan
from gateway.preparation import Parameters, Preparer
from gateway.query_ids import QueryIds
from gateway.recording import Recorder
from gateway.request import Request, engine_query
from gateway.resolver import CatalogResolver
from gateway.results import PlanFacts, Result, SnapshotStore
from gateway.routing import Route, choose
from gateway.session import Session
from gateway.settings import Settings, from_environment, read_file, resolve
from gateway.statements import Query, Statement

if TYPE_CHECKING:
    from gateway.loading import LoadReport, LoadRequest
    from gateway.loading.requests import OnProgress
    from gateway.loading.rows import Ingest
    from gateway.verification import Verification

LAKE = "lake"
"""The embedded catalog."""
DEFAULT_SCHEMA = "default"


class Gateway:
    """One home, its catalogs and its engines. Thread safe; a session is used by one thread at a time."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.catalogs = Catalogs({LAKE: self._open_lake})
        self.resolver = CatalogResolver(self.catalogs)
        self.preparer = Preparer(self.catalogs, self.resolver)
        self.engines = Engines(settings, home)
        self.history = History(home.state_database)
        self.snapshots = SnapshotStore(home.spool, settings.results.quota_bytes, settings.results.age_seconds)
        self._ids = QueryIds()
        self._running: dict[str, Execution] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls,
        home: Path | str | None = None,
        options: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "Gateway":
        """Return a gateway on a home, made if missing; options win over environment, that over headgate.toml.

        Raises: InvalidSettingError, HomeVersionError, FileAccessError.
        """
        opened = open_home(home)
        variables = os.environ if environment is None else environment
        settings = resolve(read_file(opened.settings_file), from_environment(variables), options or {})
        return cls(opened, settings)

    def _open_lake(self) -> Catalog:
        from catalog.lake import open_catalog  # only a query that names a table pays for it

        return open_catalog(
            LAKE,
            database=self.home.catalog_database,
            warehouse=self.home.warehouse,
            cache=self.home.cache,
            properties=self.settings.catalog,
        )

    @property
    def catalog(self) -> Catalog:
        """The embedded catalog, opened when first asked for."""
        return self.catalogs[LAKE]

    def session(self, *, user: str = "", dialect: str = "spark", engine: str = "auto") -> Session:
        """Return a new session in ``lake.default``.

        Raises: InvalidSettingError for an unknown dialect or engine.
        """
        opened = Session(
            Namespace(LAKE, DEFAULT_SCHEMA),
            user=user,
            engine=self.settings.routing.engine,
            timeout_seconds=self.settings.limits.timeout_seconds,
        )
        opened.set("dialect", dialect)
        if engine != "auto":
            opened.set("engine", engine)
        return opened

    def new_query_id(self) -> str:
        """Return an id for a statement that is to be cancelled or looked up by it."""
        return self._ids.next()

    def cancel(self, query_id: str) -> bool:
        """Stop a running statement; False when none of that id runs here."""
        with self._lock:
            execution = self._running.get(query_id)
        if execution is None:
            return False
        execution.cancel()
        return True

    def execute(
        self,
        session: Session,
        text: str,
        parameters: Parameters = (),
        *,
        timeout_seconds: float | None = None,
        spool: bool = True,
        query_id: str | None = None,
    ) -> Result:
        """Run one statement and return its result, whose rows may still be coming.

        Raises: SqlError. What is raised before the first row, and what fails later, is in the history.
        """
        deadline = session.timeout_seconds or None if timeout_seconds is None else timeout_seconds
        execution = Execution(query_id or self.new_query_id(), timeout_seconds=deadline)
        recorder = Recorder(self.history, execution, session, text)
        request = Request(session, text, parameters, spool, execution, recorder)
        self._register(execution)
        try:
            return self._execute(request)
        except SqlError as error:
            execution.fail(error)
            raise
        except BaseException:
            execution.cancel()
            raise

    def load(self, request: "LoadRequest", on_progress: "OnProgress | None" = None) -> "LoadReport":
        """Load files into a table, all rows or none. Raises: as ``gateway.loading.load``; CatalogNotFoundError."""
        from gateway.loading import load  # only a load pays for it

        return load(request, self.resolver.catalog(request.table.catalog), self._ingest(), on_progress)

    def load_wells(self, rows: int, on_progress: "OnProgress | None" = None) -> "tuple[LoadReport, ...]":
        """Make the wells sample as CSV files below the home and load them. Raises: as ``load``; UserError."""
        from gateway.sample.wells import load_wells

        folder = self.home.root / "samples" / "wells"
        return load_wells(self.catalog, self._ingest(), folder, rows=rows, on_progress=on_progress)

    def load_tpch(self, scale: float, on_progress: "OnProgress | None" = None) -> "tuple[LoadReport, ...]":
        """Make TPC-H and load it into the schema ``tpch``. Raises: as ``load``; UserError; NotSupportedError."""
        from gateway.sample.tpch import load_tpch

        folder = self.home.root / "samples" / "tpch"
        return load_tpch(self.catalog, self._ingest(), folder, scale=scale, on_progress=on_progress)

    def _ingest(self) -> "Ingest":
        from gateway.engines.duckdb.ingest import DuckDBIngest

        return DuckDBIngest(self.settings.duckdb, self.home.temp)

    def verify(
        self, session: Session, text: str, *, limit: int = 10, timeout_seconds: float | None = None
    ) -> "Verification":
        """Run a query on both engines and return the first differences.

        Raises: SqlError for a wrong query and for an engine that cannot answer; NotSupportedError for what is no query.
        """

        from gateway.commands.verify import verify

        def answer(engine: str) -> pa.Table:
            pinned = replace(session, engine=engine)
            return self.execute(pinned, text, timeout_seconds=timeout_seconds, spool=False).arrow()

        statement = statements.parse(text, session.dialect)
        if not isinstance(statement, Query):
            raise NotSupportedError("only queries can be verified", hint="write SELECT, WITH or VALUES")
        return verify(self.preparer.bind(session, statement), answer, limit=limit)

    def _execute(self, request: Request) -> Result:
        if not request.parameters:
            kept = self.preparer.kept(request.session, request.text)
            if kept is not None:
                return self._run(request, kept)
        request.execution.planning()
        statement = statements.parse(request.text, request.session.dialect)
        return self._dispatch(request, statement)

    def _dispatch(self, request: Request, statement: Statement) -> Result:
        match statement:
            case Query():
                return self._run(request, self.preparer.prepare(request.session, statement, request.parameters))
            case statements.Execute(name, arguments):
                return self._execute(request.of(sessions.prepared_text(request.session, name), arguments))
            case statements.ExecuteImmediate(text, arguments, named):
                return self._execute(request.of(text, named or arguments))
        from gateway.commands.dispatch import Commands  # a query does not pay for what is none

        return self._answered(request, Commands(self).answer(request, statement))

    def _run(self, request: Request, plan: Plan) -> Result:
        """Run a planned query until its first rows are there."""
        session, execution = request.session, request.execution
        route = self.route(session, plan)
        facts = _facts(plan, route)
        request.recorder.planned(route, facts)
        names = [route.engine] if route.fallback is None else [route.engine, route.fallback]
        execution.run([self.attempt(plan, name, route, session, execution.query_id) for name in names])
        store = self.snapshots if request.spool else None
        return Result.running(execution, route, store, memory_bytes=self.settings.results.memory_bytes, plan=facts)

    def attempt(self, plan: Plan, engine: str, route: Route, session: Session, query_id: str) -> Attempt:
        reason = route.reason if engine == route.engine else f"takes over from {route.engine}"
        return Attempt(self.engines.get(engine), engine_query(plan, engine, session, query_id), reason)

    def _answered(self, request: Request, answer: Answer) -> Result:
        """Return what no engine streams."""
        request.recorder.answered(answer)
        query_id, execution = request.execution.query_id, request.execution
        if answer.rows is not None:
            return Result.of_table(
                query_id, answer.rows, engine=answer.engine, reason=answer.reason, execution=execution
            )
        return Result.of_message(
            query_id,
            answer.message or "",
            engine=answer.engine,
            reason=answer.reason,
            update_count=answer.update_count,
            execution=execution,
        )

    def route(self, session: Session, plan: Plan) -> Route:
        return choose(plan, self.engines.states(), pin=session.engine, may_fall_back=self.settings.routing.fallback)

    def _register(self, execution: Execution) -> None:
        """Let the execution be found by its id until it ends."""
        query_id = execution.query_id
        with self._lock:
            self._running[query_id] = execution

        def forget(_execution: Execution, state: State) -> None:
            if state.ended:
                self._running.pop(query_id, None)

        execution.observe(forget)

    def cancel_all(self) -> None:
        """Stop every running statement."""
        with self._lock:
            running = list(self._running.values())
        for execution in running:
            execution.cancel()

    def close(self) -> None:
        """Stop what runs, release the engines, write the history. Idempotent."""
        self.cancel_all()
        self.engines.close()
        self.history.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _facts(plan: Plan, route: Route) -> PlanFacts:
    estimates = plan.estimates
    return PlanFacts(
        files_total=estimates.files_total,
        files_planned=estimates.files_planned,
        bytes_planned=estimates.bytes_planned,
        bytes_total=estimates.bytes_total,
        predicted_ms={name: ms for name, ms in route.predicted_ms().items() if ms is not None},
    )
