"""What is known of a query once its names are resolved: the seam between reading SQL and planning it.

`gateway.dialects` makes a BoundQuery; planning, routing and execution only read it. No sqlglot
object crosses this seam.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from catalog.identifiers import Namespace
from catalog.predicates import Predicate
from catalog.tables import Table, View


class Resolver(Protocol):
    """Finds what a table name in a query means."""

    def relation(
        self,
        parts: tuple[str, ...],
        *,
        namespace: Namespace,
        version: int | str | None = None,
        instant: datetime.datetime | None = None,
    ) -> Table | View | pa.Table:
        """Return the table (at a snapshot id or aware instant), view, or rows in memory (information_schema).

        Raises: TableNotFoundError, SchemaNotFoundError, CatalogNotFoundError, SnapshotNotFoundError,
        without line and column; the caller adds them.
        """
        ...


@dataclass(frozen=True)
class BindingContext:
    """What of the session gives a query its meaning."""

    namespace: Namespace
    time_zone: str = "UTC"
    """IANA name."""
    now: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    """The statement's one instant: now(), current_date and kin become literals of it."""
    user: str = ""
    """The answer of current_user()."""
    time_travel: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """Reserved for sessions that pin snapshots; folded table name → snapshot id."""


@dataclass(frozen=True)
class TableUse:
    """One table of the query, all its references together."""

    relation: str
    """The plain lower-case name that stands for it in the engines' texts, e.g. ``hg_1``."""
    source: Table | pa.Table
    columns: tuple[str, ...]
    """Display names of the columns that any reference reads, in table order."""
    predicate: Predicate
    """Holds for every row that can matter: the OR over the references of their pushed-down filters."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A construct that keeps DuckDB from giving the reference answer."""

    construct: str
    """As the user would name it: ``percentile_approx``, ``CAST(double AS string)``."""
    reason: str
    """One short clause."""
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class QueryShape:
    """Counts over the whole query, views and subqueries included."""

    tables: int = 0
    joins: int = 0
    cross_joins: int = 0
    """Joins without an equality between two sides: the explosion guard looks at these."""
    aggregates: int = 0
    windows: int = 0
    sorts: int = 0
    distincts: int = 0
    set_operations: int = 0
    subqueries: int = 0
    limit: int | None = None
    """The outermost LIMIT, when a literal."""
    recursive: bool = False


@dataclass(frozen=True)
class BoundQuery:
    """A query with every name resolved, in the words of each engine that may run it."""

    uses: tuple[TableUse, ...]
    spark_sql: str | None
    """The user's own text wherever possible, with table names replaced by relations; None with a non-Spark
    dialect that cannot be carried over."""
    duckdb_sql: str | None
    """None when an obstacle keeps DuckDB from answering."""
    schema: pa.Schema | None
    """The reference answer's names and types; None when only Spark knows (then duckdb_sql is None)."""
    obstacles: tuple[Obstacle, ...] = ()
    """Why duckdb_sql is None."""
    spark_obstacles: tuple[Obstacle, ...] = ()
    """Why spark_sql is None."""
    shape: QueryShape = field(default_factory=QueryShape)
    volatile: bool = False
    """rand(), uuid() and kin per row: never cached, never raced, never run twice."""
    instant_dependent: bool = False
    """now(), current_date: the bound texts hold for this statement only."""
    order_dependent: bool = False
    """The rows may rightly differ between two runs (LIMIT without ORDER BY, first(), ...)."""
    ordered: bool = False
    """The outermost ORDER BY fixes the order of the rows."""
    engine_hint: str | None = None
    """From /*+ ENGINE(name) */, lower-cased."""
