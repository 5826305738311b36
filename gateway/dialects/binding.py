"""Bind a query to the catalog: what it reads, its text for Spark and, when it is portable, its text for DuckDB."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pyarrow as pa
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from catalog.errors import SqlError
from catalog.predicates import ALWAYS, Predicate
from catalog.schema import Column, Schema
from gateway.bound import BindingContext, BoundQuery, Obstacle, QueryShape, Resolver, TableUse
from gateway.dialects import predicates
from gateway.dialects.binder import Binder
from gateway.dialects.edits import Edits
from gateway.dialects.naming import Text, Work
from gateway.dialects.parameters import Parameters
from gateway.dialects.reader import clone, place
from gateway.dialects.scopes import Reference
from gateway.errors import NotAllowedError, NotSupportedError, SqlSyntaxError
from gateway.statements import Query


def bind(
    query: Query,
    resolver: Resolver,
    context: BindingContext,
    parameters: Sequence[object] | Mapping[str, object] = (),
) -> BoundQuery:
    """Return the query with every name resolved.

    ``parameters`` are the values of ``?`` in order, or of ``:name``.
    Raises: what the resolver raises, ColumnNotFoundError and AmbiguousColumnError with line, column and the nearest
    names; NotAllowedError; ParameterError.
    """
    if query.dialect != "spark":
        return _bind_foreign(query, resolver, context, parameters)
    edits = Edits(query.text, query.tokens)
    _refuse_variables(query)
    given = Parameters(parameters)
    given.number([token.start for token in query.tokens if token.token_type == TokenType.PLACEHOLDER])
    work = Work(resolver, context, given, lenient=any(token.token_type == TokenType.PIPE_GT for token in query.tokens))
    work.hint = _engine_hint(edits)
    binder = Binder(work, Text(query.text, edits, context.namespace))
    tree = clone(query.tree)
    _bind_tree(binder, tree)
    given.check()
    uses = _uses(work)
    ported = _port(tree, uses, context, work)
    return BoundQuery(
        uses=uses,
        spark_sql=edits.result(),
        duckdb_sql=ported.duckdb_sql,
        schema=ported.schema,
        obstacles=ported.obstacles,
        shape=_shape(work, tree),
        volatile=ported.volatile,
        instant_dependent=work.instant,
        order_dependent=ported.order_dependent,
        ordered=tree.args.get("order") is not None,
        engine_hint=work.hint,
    )


def _bind_foreign(
    query: Query, resolver: Resolver, context: BindingContext, parameters: Sequence[object] | Mapping[str, object]
) -> BoundQuery:
    """Bind a query of another dialect by its Spark text; places in that text mean nothing to the user."""
    from gateway.dialects.foreign import to_spark

    try:
        return bind(to_spark(query), resolver, context, parameters)
    except NotSupportedError:
        raise
    except SqlError as error:
        error.line = error.column = None
        raise


def _bind_tree(binder: Binder, tree: exp.Expr) -> None:
    try:
        binder.query(tree, None)
    except RecursionError:
        raise SqlSyntaxError("the statement is nested too deeply", hint="split it with WITH") from None
    if binder.work.lenient:
        binder.obstacle("|>", "pipe syntax is not in the portable set")
        for reference in binder.work.references:
            reference.whole = True
        binder.work.pushes.clear()


def _refuse_variables(query: Query) -> None:
    """Spark replaces ``${name}`` anywhere in a text; inside quotes edits.py takes care of it."""
    if "${" not in query.text:
        return
    for token in query.tokens:
        written = query.text[token.start : token.end + 1]
        if "${" in written and written[0] not in "'\"rR":
            line, column = place(query.text, token.start)
            raise NotAllowedError("${…} is not allowed outside of text", line=line, column=column)


def _engine_hint(edits: Edits) -> str | None:
    """Return the engine of ``/*+ ENGINE(name) */`` and take that hint out of the text.

    Raises: SqlSyntaxError for two different ones.
    """
    engine: str | None = None
    for token in edits.tokens:
        if token.token_type != TokenType.HINT:
            continue
        if not _HINT.fullmatch(token.text):
            raise SqlSyntaxError(f"this hint cannot be read: {token.text}", hint="hints are names and lists of names")
        for found in _ENGINE.finditer(token.text):
            named = (found.group(1) or found.group(2)).lower()
            if engine not in (None, named):
                raise SqlSyntaxError(f"ENGINE is both {engine} and {named}")
            engine = named
        if _ENGINE.search(token.text):
            rest = _ENGINE.sub("", token.text)
            edits.replace(token.start, token.end + 1, rest if re.search(r"\w", rest) else "")
    return engine


_HINT = re.compile(r"/\*\+[\w\s,().`-]*\*/")
_ENGINE = re.compile(r",\s*ENGINE\s*\(\s*`?(\w+)`?\s*\)(?=\s*\*/)|\bENGINE\s*\(\s*`?(\w+)`?\s*\)\s*,?", re.IGNORECASE)


def _uses(work: Work) -> tuple[TableUse, ...]:
    for base, predicate in work.pushes:
        if all(getattr(each, "references", 0) == 1 for each in base.through):
            base.reference.filters.append(predicate)
    by_relation: dict[str, list[Reference]] = {}
    for reference in work.references:
        by_relation.setdefault(reference.relation, []).append(reference)
    return tuple(
        TableUse(name, references[0].source, _columns(references), _predicate(references))
        for name, references in by_relation.items()
    )


def _schema_of(source: Any) -> Schema:
    if isinstance(source, pa.Table):
        return Schema(tuple(Column(each.name, each.type, each.nullable) for each in source.schema))
    schema = source.schema
    assert isinstance(schema, Schema)
    return schema


def _columns(references: Sequence[Reference]) -> tuple[str, ...]:
    columns = _schema_of(references[0].source).columns
    if any(reference.whole for reference in references):
        return tuple(column.name for column in columns)
    read = set().union(*(reference.columns for reference in references))
    named = tuple(column.name for column in columns if column.name in read)
    if named or not columns:
        return named
    return (min(columns, key=lambda column: _width(column.type)).name,)  # count(*) needs rows, so one column


def _width(type_: pa.DataType) -> int:
    try:
        return int(type_.bit_width)
    except ValueError:
        return 1 << 20


def _predicate(references: Sequence[Reference]) -> Predicate:
    if any(isinstance(reference.source, pa.Table) for reference in references):
        return ALWAYS
    return predicates.union([reference.filters for reference in references])


def _shape(work: Work, tree: exp.Expr) -> QueryShape:
    limit = tree.args.get("limit")
    value = limit.expression if limit is not None else None
    known = isinstance(value, exp.Literal) and str(value.this).isdecimal()
    return QueryShape(
        **work.counts, limit=int(value.this) if known and value is not None else None, recursive=work.recursive
    )


class _NotPorted:
    """Stands for the answer of the portable set when it was not asked."""

    duckdb_sql: str | None = None
    schema: pa.Schema | None = None
    volatile = False
    order_dependent = False

    def __init__(self, obstacles: tuple[Obstacle, ...]) -> None:
        self.obstacles = obstacles


def _port(tree: exp.Expr, uses: Sequence[TableUse], context: BindingContext, work: Work) -> Any:
    """Ask the portable set, also when an obstacle is known: it tells whether rows are volatile."""
    try:
        from gateway.dialects import portability

        port = portability.port
    except (ImportError, AttributeError):
        return _NotPorted((Obstacle("the query", "the portable set is not there"),))
    try:
        ported = port(cast("exp.Query", tree), {use.relation: _schema_of(use.source) for use in uses}, context)
    except RecursionError:
        result = _NotPorted((*work.obstacles, Obstacle("the statement", "nested too deeply to be analysed")))
        result.volatile = result.order_dependent = True  # not known, so the careful answer
        return result
    if not work.obstacles:
        return ported
    result = _NotPorted((*work.obstacles, *ported.obstacles))
    result.volatile, result.order_dependent = ported.volatile, ported.order_dependent
    return result
