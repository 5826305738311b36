"""The façade: one path from SQL text to result, for the shell, the HTTP API, the notebook and Python alike.

    text → Statement → Plan → Route → Execution → Result

Everything that a front end needs is a method here; nothing here knows a front end.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from catalog.errors import SqlError
from catalog.identifiers import Namespace
from catalog.schema import Column, Schema
from catalog.store import Catalog
from catalog.tables import View
from gateway import statements
from gateway.catalogs import Catalogs
from gateway.commands import ddl, explain, sessions, show, writes
from gateway.commands.answer import Answer
from gateway.commands.verify import verify
from gateway.engines.base import EngineQuery
from gateway.engines.registry import Engines
from gateway.errors import NotSupportedError, ParameterError
from gateway.execution import Attempt, Execution, State
from gateway.history import History
from gateway.home import Home, open_home
from gateway.planning import Plan
from gateway.preparation import Parameters, Preparer
from gateway.query_ids import QueryIds
from gateway.recording import Recorder
from gateway.resolver import CatalogResolver
from gateway.results import PlanFacts, Result, SnapshotStore
from gateway.routing import Route, choose
from gateway.session import Session
from gateway.settings import Settings, from_environment, read_file, resolve
from gateway.statements import ExplainMode, Query, Showing, Statement
from gateway.verification import Verification
from gateway.writing import Order, Staging, Written, write

if TYPE_CHECKING:
    from gateway.loading import LoadReport, LoadRequest
    from gateway.loading.requests import OnProgress
    from gateway.loading.rows import Ingest

LAKE = "lake"
"""The embedded catalog."""
DEFAULT_SCHEMA = "default"


class Gateway:
    """One home, its catalogs and its engines. Thread safe; a session is used by one thread at a time."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.catalogs = Catalogs({LAKE: self._open_lake})
        self._resolver = CatalogResolver(self.catalogs)
        self.preparer = Preparer(self.catalogs, self._resolver)
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
        request = _Request(session, text, parameters, spool, execution, recorder)
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

        return load(request, self._resolver.catalog(request.table.catalog), self._ingest(), on_progress)

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
    ) -> Verification:
        """Run a query on both engines and return the first differences.

        Raises: SqlError for a wrong query and for an engine that cannot answer; NotSupportedError for what is no query.
        """

        def answer(engine: str) -> pa.Table:
            pinned = replace(session, engine=engine)
            return self.execute(pinned, text, timeout_seconds=timeout_seconds, spool=False).arrow()

        statement = statements.parse(text, session.dialect)
        if not isinstance(statement, Query):
            raise NotSupportedError("only queries can be verified", hint="write SELECT, WITH or VALUES")
        return verify(self.preparer.bind(session, statement), answer, limit=limit)

    def _execute(self, request: "_Request") -> Result:
        if not request.parameters:
            kept = self.preparer.kept(request.session, request.text)
            if kept is not None:
                return self._run(request, kept)
        request.execution.planning()
        statement = statements.parse(request.text, request.session.dialect)
        return self._dispatch(request, statement)

    def _dispatch(self, request: "_Request", statement: Statement) -> Result:
        match statement:
            case Query():
                return self._run(request, self.preparer.prepare(request.session, statement, request.parameters))
            case statements.Execute(name, arguments):
                return self._execute(request.of(sessions.prepared_text(request.session, name), arguments))
            case statements.ExecuteImmediate(text, arguments, named):
                return self._execute(request.of(text, named or arguments))
        return self._answered(request, self._answer(request, statement))

    def _run(self, request: "_Request", plan: Plan) -> Result:
        """Run a planned query until its first rows are there."""
        session, execution = request.session, request.execution
        route = self._route(session, plan)
        facts = _facts(plan, route)
        request.recorder.planned(route, facts)
        names = [route.engine] if route.fallback is None else [route.engine, route.fallback]
        execution.run([self._attempt(plan, name, route, session, execution.query_id) for name in names])
        store = self.snapshots if request.spool else None
        return Result.running(execution, route, store, memory_bytes=self.settings.results.memory_bytes, plan=facts)

    def _attempt(self, plan: Plan, engine: str, route: Route, session: Session, query_id: str) -> Attempt:
        reason = route.reason if engine == route.engine else f"takes over from {route.engine}"
        return Attempt(self.engines.get(engine), _engine_query(plan, engine, session, query_id), reason)

    def _answered(self, request: "_Request", answer: Answer) -> Result:
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

    def _plan_and_route(self, session: Session, query: Query, parameters: Parameters) -> tuple[Plan, Route]:
        plan = self.preparer.prepare(session, query, parameters)
        return plan, self._route(session, plan)

    def _route(self, session: Session, plan: Plan) -> Route:
        return choose(plan, self.engines.states(), pin=session.engine, may_fall_back=self.settings.routing.fallback)

    def _answer(self, request: "_Request", statement: Statement) -> Answer:
        """Do what is no query."""
        session, resolver = request.session, self._resolver
        match statement:
            case statements.Use():
                return sessions.use(session, resolver, statement)
            case statements.SetVariable():
                return sessions.set_variable(session, statement)
            case statements.Reset():
                return sessions.reset(session, statement)
            case statements.Prepare():
                return sessions.prepare(session, statement)
            case statements.Deallocate():
                return sessions.deallocate(session, statement)
            case statements.Show(Showing.QUERIES):
                return Answer(rows=self.history.recent(), reason="answered from the history")
            case statements.Show(Showing.FUNCTIONS):
                return Answer(rows=_functions(statement.like), reason="answered from the portable set")
            case statements.Show():
                return show.show(resolver, session, statement, self._view_schema)
            case statements.Describe(Query() as query):
                return show.describe_schema(self._schema_of(session, query))
            case statements.Describe(tuple() as name, extended):
                listing = show.describe_extended if extended else show.describe
                return listing(resolver, session, name, self._view_schema)
            case statements.Explain(ExplainMode.ANALYZE, Query() as query):
                return self._explain_analyze(request, query)
            case statements.Explain(mode, Query() as query):
                plan, route = self._plan_and_route(session, query, request.parameters)
                return explain.explain_route(route) if mode is ExplainMode.ROUTE else explain.explain_plan(plan, route)
            case statements.Explain():
                raise NotSupportedError("EXPLAIN takes a query", hint="explain the SELECT inside the statement")
            case statements.CreateTableAs():
                return writes.create_table_as(session, statement, self._writes(request))
            case statements.Insert():
                return writes.insert(session, statement, self._writes(request))
            case statements.Delete():
                return writes.delete(session, statement, self._writes(request))
            case statements.Analyze():
                return show.analyze(resolver, session, statement)
            case statements.Call(procedure) if [part.lower() for part in procedure][-1:] == ["kill_query"]:
                return self._kill(statement)
        return self._define(session, statement)

    def _define(self, session: Session, statement: Statement) -> Answer:
        """Change the catalog."""
        resolver = self._resolver
        match statement:
            case statements.CreateSchema():
                return ddl.create_schema(resolver, session, statement)
            case statements.DropSchema():
                return ddl.drop_schema(resolver, session, statement)
            case statements.CreateTable():
                return ddl.create_table(resolver, session, statement)
            case statements.CreateExternalTable():
                return ddl.create_external_table(resolver, session, statement)
            case statements.CreateView(query=query):
                names = self._output_names(session, query)
                return ddl.create_view(resolver, session, statement, names)
            case statements.DropTable():
                return ddl.drop_table(resolver, session, statement)
            case statements.DropView():
                return ddl.drop_view(resolver, session, statement)
            case statements.AddColumns():
                return ddl.add_columns(resolver, session, statement)
            case statements.RenameColumn():
                return ddl.rename_column(resolver, session, statement)
            case statements.DropColumns():
                return ddl.drop_columns(resolver, session, statement)
            case statements.Refresh():
                return ddl.refresh(resolver, session, statement)
            case statements.Call():
                return ddl.call(resolver, session, statement)
        raise AssertionError(f"no one answers {type(statement).__name__}")

    def _schema_of(self, session: Session, query: Query, parameters: Parameters = ()) -> pa.Schema:
        """Return a query's names and types; asks Spark when only Spark knows them."""
        plan, route = self._plan_and_route(session, query, parameters)
        if plan.query.schema is not None:
            return plan.query.schema
        return self.engines.get(route.engine).describe(_engine_query(plan, route.engine, session, ""))

    def _view_schema(self, view: View) -> Schema:
        """Return a view's columns, which are its query's."""
        inside = Session(Namespace(view.catalog, view.schema), dialect=view.dialect)
        query = _query(view.text, view.dialect)
        fields = self._schema_of(inside, query)
        names = view.columns or tuple(fields.names)
        return Schema(
            tuple(Column(name, field.type, field.nullable) for name, field in zip(names, fields, strict=True))
        )

    def _output_names(self, session: Session, query: Query) -> tuple[str, ...] | None:
        """Return the columns of a view that is being made, None when only Spark knows them."""
        bound = self.preparer.bind(session, query)
        return None if bound.schema is None else tuple(bound.schema.names)

    def _writes(self, request: "_Request") -> writes.Writes:
        session = request.session

        def write_files(plan: Plan, schema: pa.Schema | None, staging: Staging) -> Written:
            order = Order(
                plan=plan,
                route=self._route(session, plan),
                schema=schema,
                time_zone=session.time_zone,
                query_id=request.execution.query_id,
                timeout_seconds=request.execution.remaining_seconds,
                on_start=lambda run: request.execution.observe(_canceller(run.cancel)),
            )
            return write(order, self.engines, staging)

        return writes.Writes(
            resolver=self._resolver,
            parse_query=_query,
            schema_of=lambda query: self._schema_of(session, query, request.parameters),
            plan=lambda query: self.preparer.prepare(session, query, request.parameters),
            write=write_files,
        )

    def _kill(self, statement: statements.Call) -> Answer:
        given = ddl.arguments(statement, ("query_id", "message"))
        query_id = given.get("query_id")
        if not isinstance(query_id, str):
            raise ParameterError("system.kill_query needs the query's id as text")
        if not self.cancel(query_id):
            raise ParameterError(f"no query {query_id!r} runs in this gateway", hint="SHOW QUERIES lists them")
        return Answer("CALL: query canceled", reason="changes no data")

    def _register(self, execution: Execution) -> None:
        """Let the execution be found by its id until it ends."""
        query_id = execution.query_id
        with self._lock:
            self._running[query_id] = execution

        def forget(_execution: Execution, state: State) -> None:
            if state.ended:
                self._running.pop(query_id, None)

        execution.observe(forget)

    def _explain_analyze(self, request: "_Request", query: Query) -> Answer:
        """Run a query to its end, keeping nothing, and tell what happened."""
        session = request.session
        plan, route = self._plan_and_route(session, query, request.parameters)
        inner = Execution(self.new_query_id(), timeout_seconds=request.execution.remaining_seconds)
        request.execution.observe(_canceller(inner.cancel))
        inner.run([self._attempt(plan, route.engine, route, session, inner.query_id)])
        with Result.running(inner, route, None, memory_bytes=0) as result:
            result.complete()
            return explain.explain_analyze(plan, route, inner.engine, inner.elapsed_ms, result.row_count or 0)

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


@dataclass(frozen=True)
class _Request:
    """One statement on its way."""

    session: Session
    text: str
    parameters: Parameters
    spool: bool
    execution: Execution
    recorder: Recorder

    def of(self, text: str, parameters: Parameters) -> "_Request":
        """Return the request for the statement inside EXECUTE."""
        return replace(self, text=text, parameters=parameters)


def _canceller(cancel: Callable[[], None]) -> Callable[[Execution, State], None]:
    """Return an observer that passes a cancellation on."""

    def observe(_execution: Execution, state: State) -> None:
        if state is State.CANCELED:
            cancel()

    return observe


def _engine_query(plan: Plan, engine: str, session: Session, query_id: str) -> EngineQuery:
    sql = plan.sql_for(engine)
    assert sql is not None, "a route names engines that have a text"
    return EngineQuery(sql, plan.relations, plan.query.schema, session.time_zone, query_id)


def _facts(plan: Plan, route: Route) -> PlanFacts:
    estimates = plan.estimates
    return PlanFacts(
        files_total=estimates.files_total,
        files_planned=estimates.files_planned,
        bytes_planned=estimates.bytes_planned,
        bytes_total=estimates.bytes_total,
        predicted_ms={name: ms for name, ms in route.predicted_ms().items() if ms is not None},
    )


def _query(text: str, dialect: str) -> Query:
    """Return the query of a text that was one before."""
    parsed = statements.parse(text, dialect)
    if not isinstance(parsed, Query):
        raise NotSupportedError("only a query can stand here")
    return parsed


def _functions(pattern: str | None) -> pa.Table:
    from gateway.commands.answer import like
    from gateway.dialects.portability.listing import function_table

    listed = function_table()
    return listed.filter(pa.array([like(pattern, name) for name in listed["name"].to_pylist()], pa.bool_()))
