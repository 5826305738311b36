"""The portable set: which queries DuckDB may answer, and in what words.

The reference is Spark SQL 4.3 in ANSI mode. ``port`` either gives a DuckDB text whose rows, names, types and errors
are the
reference's, or says what keeps DuckDB from it. Anything unknown is not portable. Nothing here runs an engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa
from sqlglot import exp

from catalog.schema import Schema
from gateway.bound import BindingContext, Obstacle
from gateway.dialects.portability.functions import TABLE
from gateway.dialects.portability.functions.pinned import VOLATILE
from gateway.dialects.portability.listing import function_table
from gateway.dialects.portability.macros import DUCKDB_MACROS as _BODIES
from gateway.dialects.portability.queries import Queries
from gateway.dialects.portability.typed import NotPortableError
from gateway.dialects.portability.types import to_arrow

DUCKDB_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "integer_division": "false",
        "ieee_floating_point_ops": "false",
        "error_on_division_by_zero": "true",
        "scalar_subquery_error_on_multiple_rows": "true",
        "order_by_non_integer_literal": "false",
    }
)
"""Settings the DuckDB text relies on, beside ``TimeZone``, which is the session's."""

DUCKDB_MACROS: tuple[str, ...] = tuple(f"CREATE OR REPLACE MACRO {body}" for body in _BODIES)
"""Statements the DuckDB text relies on; run once on each new database, in this order."""


@dataclass(frozen=True)
class Ported:
    """What DuckDB can do with a query."""

    duckdb_sql: str | None
    """None when an obstacle keeps DuckDB from giving the reference answer."""
    schema: pa.Schema | None
    """Names and types of the reference answer; None with an obstacle."""
    obstacles: tuple[Obstacle, ...]
    volatile: bool
    """The answer differs between two runs whatever the data."""
    order_dependent: bool
    """The rows may rightly differ between two runs."""
    ordered: bool = False
    """The outermost ORDER BY fixes the order."""


def port(tree: exp.Query, sources: Mapping[str, Schema], context: BindingContext) -> Ported:
    """Return a query in DuckDB's words, or why there are none.

    ``tree`` is qualified: columns carry their relation's alias, stars are expanded, tables are the names in
    ``sources``.
    """
    queries = Queries(sources, context)
    try:
        rows = queries.translate(tree, {}, None, top=True)
    except NotPortableError as error:
        return Ported(None, None, (error.obstacle(),), *_marks(tree))
    schema = pa.schema([pa.field(output.name, to_arrow(output.type)) for output in rows.outputs])
    return Ported(rows.sql, schema, (), False, queries.facts.order_dependent, rows.ordered)


def _marks(tree: exp.Expr) -> tuple[bool, bool]:
    """Return whether a query that only Spark runs is volatile, and whether its rows may hang on an order."""
    calls = {node.name.lower() for node in tree.find_all(exp.Anonymous)}
    ordered_rows = any(row.order_dependent for name in calls if name in TABLE for row in TABLE[name].rows)
    return bool(calls & VOLATILE), ordered_rows or tree.find(exp.Limit, exp.Window, exp.Offset) is not None


__all__ = ["DUCKDB_MACROS", "DUCKDB_SETTINGS", "Ported", "function_table", "port"]
