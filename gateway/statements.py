"""The only splitter, parser and classifier of SQL text.

An allow-list: a text is one of the statements below, or it is refused with what to do instead. Parsing
reads no catalog; names are parts as written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from catalog.predicates import Literal
from catalog.schema import Column
from catalog.tables import FileFormat, PartitionField
from gateway.dialects.script import ScriptStatement, split

__all__ = ["ScriptStatement", "parse", "parse_partitioning", "parse_type", "split"]

Name = tuple[str, ...]
"""One to three parts of a name, unquoted, as written."""
Value = Literal | None
"""A literal of a statement."""


@dataclass(frozen=True)
class Query:
    """A statement that returns rows."""

    text: str
    """As written; blanks where the statement around it had other words, so that places agree."""
    dialect: str
    tree: Any = field(repr=False, compare=False)
    """A sqlglot expression; only gateway.dialects looks inside."""
    tokens: Any = field(repr=False, compare=False, default=())
    """The sqlglot tokens of ``text``; only gateway.dialects looks inside."""

    @property
    def sql(self) -> str:
        """The text from its first word to its last; what a view keeps."""
        return self.text[self.tokens[0].start : self.tokens[-1].end + 1]


@dataclass(frozen=True)
class Insert:
    """INSERT INTO | OVERWRITE t [PARTITION (p = v)] [(columns)] query."""

    table: Name
    query: Query
    columns: tuple[str, ...] | None = None
    overwrite: bool = False
    partition: tuple[tuple[str, Value], ...] = ()
    """Static partition values."""


@dataclass(frozen=True)
class CreateTable:
    """CREATE TABLE t (columns) [USING iceberg] [PARTITIONED BY (…)]."""

    table: Name
    columns: tuple[Column, ...]
    partitioning: tuple[PartitionField, ...] = ()
    if_not_exists: bool = False
    or_replace: bool = False
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CreateTableAs:
    """CREATE TABLE t … AS query."""

    table: Name
    query: Query
    partitioning: tuple[PartitionField, ...] = ()
    if_not_exists: bool = False
    or_replace: bool = False
    comment: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CreateExternalTable:
    """CREATE EXTERNAL TABLE t [(columns)] USING format [PARTITIONED BY (…)] [OPTIONS (…)] LOCATION '…'."""

    table: Name
    format: FileFormat
    location: str
    columns: tuple[Column, ...] | None = None
    """Declared columns, partition columns included; None infers."""
    partitions: tuple[str, ...] | None = None
    """Hive partition columns in path order; None takes them from the paths."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Lower-case keys."""
    if_not_exists: bool = False


@dataclass(frozen=True)
class CreateView:
    """CREATE [OR REPLACE] VIEW v [(columns)] AS query."""

    view: Name
    query: Query
    """Its text is what the catalog keeps."""
    columns: tuple[str, ...] | None = None
    or_replace: bool = False
    if_not_exists: bool = False


@dataclass(frozen=True)
class DropTable:
    table: Name
    if_exists: bool = False
    purge: bool = False


@dataclass(frozen=True)
class DropView:
    view: Name
    if_exists: bool = False


@dataclass(frozen=True)
class CreateSchema:
    schema: Name
    if_not_exists: bool = False


@dataclass(frozen=True)
class DropSchema:
    schema: Name
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True)
class AddColumns:
    table: Name
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class RenameColumn:
    table: Name
    old: str
    new: str


@dataclass(frozen=True)
class DropColumns:
    table: Name
    columns: tuple[str, ...]
    if_exists: bool = False


@dataclass(frozen=True)
class Delete:
    """DELETE FROM t [WHERE condition]."""

    table: Name
    where: str | None
    """The condition as written; None deletes every row."""
    keep: Query | None
    """SELECT * of the rows that stay, those where the condition is false or NULL; None when none stay."""
    gone: Query
    """SELECT * of the rows that go."""


@dataclass(frozen=True)
class Analyze:
    """ANALYZE TABLE t [COMPUTE STATISTICS …]."""

    table: Name


@dataclass(frozen=True)
class Refresh:
    """REFRESH TABLE t."""

    table: Name


@dataclass(frozen=True)
class Call:
    """CALL procedure(1, name => 2)."""

    procedure: Name
    arguments: tuple[Value, ...] = ()
    named: Mapping[str, Value] = field(default_factory=dict)
    """Lower-case names."""


class Showing(Enum):
    """What SHOW lists."""

    CATALOGS = "CATALOGS"
    SCHEMAS = "SCHEMAS"
    TABLES = "TABLES"
    VIEWS = "VIEWS"
    COLUMNS = "COLUMNS"
    PARTITIONS = "PARTITIONS"
    SNAPSHOTS = "SNAPSHOTS"
    STATS = "STATS"
    CREATE_TABLE = "CREATE TABLE"
    CREATE_VIEW = "CREATE VIEW"
    FUNCTIONS = "FUNCTIONS"
    QUERIES = "QUERIES"
    SESSION = "SESSION"


@dataclass(frozen=True)
class Show:
    what: Showing
    target: Name = ()
    """The table, view, schema or catalog asked about; empty for the session's own."""
    like: str | None = None
    """The pattern as written after LIKE."""


@dataclass(frozen=True)
class Describe:
    """DESCRIBE [TABLE] [EXTENDED] t, or DESCRIBE [QUERY] query."""

    target: "Name | Query"
    extended: bool = False


class ExplainMode(Enum):
    PLAN = "PLAN"
    ROUTE = "ROUTE"
    ANALYZE = "ANALYZE"


@dataclass(frozen=True)
class Explain:
    mode: ExplainMode
    statement: "Statement"


@dataclass(frozen=True)
class Use:
    """USE [CATALOG | SCHEMA] name."""

    parts: Name
    kind: str | None = None
    """``catalog`` or ``schema`` when said; None decides by the parts."""


@dataclass(frozen=True)
class SetVariable:
    """SET key = value; without value it shows the key, without key all of them."""

    key: str | None = None
    """Lower-case; ``time_zone`` for SET TIME ZONE."""
    value: str | None = None


@dataclass(frozen=True)
class Reset:
    key: str | None = None
    """None resets all."""


@dataclass(frozen=True)
class Prepare:
    """PREPARE name FROM | AS statement."""

    name: str
    text: str


@dataclass(frozen=True)
class Execute:
    """EXECUTE name [USING 1, 'a' | (1, 'a')]."""

    name: str
    arguments: tuple[Value, ...] = ()


@dataclass(frozen=True)
class ExecuteImmediate:
    """EXECUTE IMMEDIATE 'text' [USING 1, 'a' AS name]."""

    text: str
    arguments: tuple[Value, ...] = ()
    named: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Deallocate:
    name: str


Statement = (
    Query
    | Insert
    | CreateTable
    | CreateTableAs
    | CreateExternalTable
    | CreateView
    | DropTable
    | DropView
    | CreateSchema
    | DropSchema
    | AddColumns
    | RenameColumn
    | DropColumns
    | Delete
    | Analyze
    | Refresh
    | Call
    | Show
    | Describe
    | Explain
    | Use
    | SetVariable
    | Reset
    | Prepare
    | Execute
    | ExecuteImmediate
    | Deallocate
)


def parse(text: str, dialect: str = "spark") -> Statement:
    """Return the one statement of a text.

    Raises: SqlSyntaxError with line and column in ``text``; NotAllowedError and NotSupportedError for what
    headgate refuses, with what to do instead.
    """
    from gateway.dialects import commands  # brings sqlglot, which a caller of split() does not need

    return commands.parse(text, dialect)


def parse_partitioning(text: str) -> tuple[PartitionField, ...]:
    """Return the terms of ``state, month(spud_date), bucket(16, id)``.

    Raises: SqlSyntaxError; InvalidDefinitionError for a transform that Iceberg does not have.
    """
    from gateway.dialects import definitions

    return definitions.parse_partitioning(text)


def parse_type(text: str) -> Any:
    """Return the Arrow form (catalog.schema) of a type as written in Spark SQL.

    Raises: SqlSyntaxError, NotSupportedError.
    """
    from gateway.dialects import definitions

    return definitions.parse_type(text)
