"""Every statement that is no query, sent to the function that answers it."""

from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.identifiers import Namespace
from catalog.schema import Column, Schema
from catalog.tables import View
from gateway import statements
from gateway.commands import ddl, explain, sessions, show, writes
from gateway.commands.answer import Answer, like
from gateway.errors import NotSupportedError, ParameterError
from gateway.execution import Execution
from gateway.planning import Plan
from gateway.preparation import Parameters
from gateway.request import Request, canceller, engine_query
from gateway.results import Result
from gateway.routing import Route
from gateway.session import Session
from gateway.statements import ExplainMode, Query, Showing, Statement
from gateway.writing import Order, Staging, Written, write

if TYPE_CHECKING:
    from gateway.service import Gateway


class Commands:
    """The statements of one gateway that are no queries."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    def _plan_and_route(self, session: Session, query: Query, parameters: Parameters) -> tuple[Plan, Route]:
        plan = self._gateway.preparer.prepare(session, query, parameters)
        return plan, self._gateway.route(session, plan)

    def answer(self, request: Request, statement: Statement) -> Answer:
        """Do what is no query."""
        session, resolver = request.session, self._gateway.resolver
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
                return Answer(rows=self._gateway.history.recent(), reason="answered from the history")
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
        resolver = self._gateway.resolver
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
        return self._gateway.engines.get(route.engine).describe(engine_query(plan, route.engine, session, ""))

    def _view_schema(self, view: View) -> Schema:
        """Return a view's columns, which are its query's."""
        inside = Session(Namespace(view.catalog, view.schema), dialect=view.dialect)
        query = query_of(view.text, view.dialect)
        fields = self._schema_of(inside, query)
        names = view.columns or tuple(fields.names)
        return Schema(
            tuple(Column(name, field.type, field.nullable) for name, field in zip(names, fields, strict=True))
        )

    def _output_names(self, session: Session, query: Query) -> tuple[str, ...] | None:
        """Return the columns of a view that is being made, None when only Spark knows them."""
        bound = self._gateway.preparer.bind(session, query)
        return None if bound.schema is None else tuple(bound.schema.names)

    def _writes(self, request: Request) -> writes.Writes:
        session = request.session

        def write_files(plan: Plan, schema: pa.Schema | None, staging: Staging) -> Written:
            order = Order(
                plan=plan,
                route=self._gateway.route(session, plan),
                schema=schema,
                time_zone=session.time_zone,
                query_id=request.execution.query_id,
                timeout_seconds=request.execution.remaining_seconds,
                on_start=lambda run: request.execution.observe(canceller(run.cancel)),
            )
            return write(order, self._gateway.engines, staging)

        return writes.Writes(
            resolver=self._gateway.resolver,
            parse_query=query_of,
            schema_of=lambda query: self._schema_of(session, query, request.parameters),
            plan=lambda query: self._gateway.preparer.prepare(session, query, request.parameters),
            write=write_files,
        )

    def _kill(self, statement: statements.Call) -> Answer:
        given = ddl.arguments(statement, ("query_id", "message"))
        query_id = given.get("query_id")
        if not isinstance(query_id, str):
            raise ParameterError("system.kill_query needs the query's id as text")
        if not self._gateway.cancel(query_id):
            raise ParameterError(f"no query {query_id!r} runs in this gateway", hint="SHOW QUERIES lists them")
        return Answer("CALL: query canceled", reason="changes no data")

    def _explain_analyze(self, request: Request, query: Query) -> Answer:
        """Run a query to its end, keeping nothing, and tell what happened."""
        session = request.session
        plan, route = self._plan_and_route(session, query, request.parameters)
        inner = Execution(self._gateway.new_query_id(), timeout_seconds=request.execution.remaining_seconds)
        request.execution.observe(canceller(inner.cancel))
        inner.run([self._gateway.attempt(plan, route.engine, route, session, inner.query_id)])
        with Result.running(inner, route, None, memory_bytes=0) as result:
            result.complete()
            return explain.explain_analyze(plan, route, inner.engine, inner.elapsed_ms, result.row_count or 0)


def query_of(text: str, dialect: str) -> Query:
    """Return the query of a text that was one before."""
    parsed = statements.parse(text, dialect)
    if not isinstance(parsed, Query):
        raise NotSupportedError("only a query can stand here")
    return parsed


def _functions(pattern: str | None) -> pa.Table:
    from gateway.dialects.portability.listing import function_table

    listed = function_table()
    return listed.filter(pa.array([like(pattern, name) for name in listed["name"].to_pylist()], pa.bool_()))
