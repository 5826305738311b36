"""Read CREATE, DROP and ALTER."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog.errors import InvalidDefinitionError
from catalog.schema import Column
from catalog.tables import FileFormat, PartitionField
from gateway.dialects import definitions
from gateway.dialects.cursor import Cursor
from gateway.errors import NotAllowedError, NotSupportedError
from gateway.statements import (
    AddColumns,
    CreateExternalTable,
    CreateSchema,
    CreateTable,
    CreateTableAs,
    CreateView,
    DropColumns,
    DropSchema,
    DropTable,
    DropView,
    Name,
    RenameColumn,
    Statement,
)

_SCHEMA = ("SCHEMA", "DATABASE", "NAMESPACE")
_SUFFIXES = {
    ".parquet": FileFormat.PARQUET,
    ".parq": FileFormat.PARQUET,
    ".csv": FileFormat.CSV,
    ".tsv": FileFormat.CSV,
    ".json": FileFormat.JSON,
    ".jsonl": FileFormat.JSON,
    ".ndjson": FileFormat.JSON,
}


def create(tokens: Cursor) -> Statement:
    """Take what follows CREATE."""
    replace = tokens.accept("OR", "REPLACE")
    if tokens.word() in ("TEMPORARY", "TEMP", "GLOBAL"):
        raise NotSupportedError("there are no temporary views", hint="use WITH, or CREATE VIEW", **tokens.place)
    if tokens.accept("EXTERNAL"):
        if not tokens.looking_at("TABLE"):
            tokens.fail("expected TABLE")
        return _external(tokens, replace)
    kind = tokens.accept_one("TABLE", "VIEW", *_SCHEMA)
    if kind == "TABLE":
        return _table(tokens, replace)
    if kind == "VIEW":
        return _view(tokens, replace)
    if kind is not None and not replace:
        return _schema(tokens)
    raise NotAllowedError(
        f"CREATE {tokens.word() or kind} is not allowed",
        hint="there are CREATE TABLE, EXTERNAL TABLE, VIEW and SCHEMA",
        **tokens.place,
    )


def _schema(tokens: Cursor) -> CreateSchema:
    if_not_exists = tokens.accept("IF", "NOT", "EXISTS")
    name = tokens.name("a schema name")
    if tokens.looking_at("LOCATION") or tokens.looking_at("MANAGED"):
        raise NotAllowedError("headgate chooses where a schema lies", **tokens.place)
    if tokens.accept("COMMENT"):
        tokens.string()
    tokens.end()
    return CreateSchema(name, if_not_exists)


def _view(tokens: Cursor, replace: bool) -> CreateView:
    if_not_exists = tokens.accept("IF", "NOT", "EXISTS")
    name = tokens.name("a view name")
    columns = tokens.bracketed(lambda: _view_column(tokens)) if tokens.looking_at("(") else None
    if tokens.accept("COMMENT"):
        tokens.string()
    tokens.expect("AS")
    return CreateView(name, tokens.query(), columns, replace, if_not_exists)


def _view_column(tokens: Cursor) -> str:
    name = tokens.identifier("a column name")
    if tokens.accept("COMMENT"):
        tokens.string()
    return name


@dataclass
class _Clauses:
    """What follows the name and columns of CREATE TABLE, in any order."""

    using: str | None = None
    partitioning: list[PartitionField] = field(default_factory=list)
    partition_columns: list[Column] = field(default_factory=list)
    """Columns that PARTITIONED BY (name type) declares."""
    comment: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    location: str | None = None


def _clauses(tokens: Cursor) -> _Clauses:
    found = _Clauses()
    while not tokens.done and not tokens.looking_at("AS"):
        if tokens.accept("USING") or tokens.accept("STORED", "AS"):
            found.using = tokens.identifier("a format").lower()
        elif tokens.accept("PARTITIONED", "BY") or tokens.accept("PARTITION", "BY"):
            tokens.expect("(")
            tokens.listed(lambda: _partition_term(tokens, found))
            tokens.expect(")")
        elif tokens.accept("COMMENT"):
            found.comment = tokens.string()
        elif tokens.accept("TBLPROPERTIES"):
            found.properties.update(tokens.bracketed(lambda: _property(tokens)))
        elif tokens.accept("OPTIONS"):
            found.options.update((key.lower(), value) for key, value in tokens.bracketed(lambda: _property(tokens)))
        elif tokens.accept("LOCATION"):
            found.location = tokens.string("a path in quotes")
        else:
            tokens.fail("expected USING, PARTITIONED BY, COMMENT, TBLPROPERTIES, OPTIONS, LOCATION or AS")
    return found


def _partition_term(tokens: Cursor, found: _Clauses) -> None:
    following = tokens.word(1)
    if following in ("(", ",", ")", ""):
        found.partitioning.append(definitions.partition_field(tokens))
        return
    declared = definitions.column(tokens)
    found.partition_columns.append(declared)
    found.partitioning.append(PartitionField(declared.name, "identity", declared.name))


def _property(tokens: Cursor) -> tuple[str, str]:
    key = _property_key(tokens)
    tokens.accept("=")
    value = tokens.literal()
    return key, str(value).lower() if isinstance(value, bool) else str(value)


def _property_key(tokens: Cursor) -> str:
    first = tokens.take("a key")
    key = first.text
    while tokens.accept("."):
        key += "." + tokens.take("a key").text
    return key


def _columns(tokens: Cursor) -> tuple[Column, ...] | None:
    return tokens.bracketed(lambda: definitions.column(tokens)) if tokens.looking_at("(") else None


def _table(tokens: Cursor, replace: bool) -> Statement:
    if_not_exists = tokens.accept("IF", "NOT", "EXISTS")
    name = tokens.name("a table name")
    if tokens.looking_at("LIKE") or tokens.looking_at("SHALLOW") or tokens.looking_at("CLONE"):
        raise NotSupportedError(f"CREATE TABLE {tokens.word()} is not supported", **tokens.place)
    columns = _columns(tokens)
    clauses = _clauses(tokens)
    _refuse_external(tokens, clauses)
    if tokens.accept("AS"):
        if columns is not None:
            raise NotSupportedError("CREATE TABLE … AS takes its columns from the query", hint="give it aliases there")
        return CreateTableAs(
            name,
            tokens.query(),
            tuple(clauses.partitioning),
            if_not_exists,
            replace,
            clauses.comment,
            clauses.properties,
        )
    if columns is None:
        tokens.fail("expected columns or AS")
    every = (*(columns or ()), *clauses.partition_columns)
    return CreateTable(
        name, every, tuple(clauses.partitioning), if_not_exists, replace, clauses.comment, clauses.properties
    )


def _refuse_external(tokens: Cursor, clauses: _Clauses) -> None:
    if clauses.location is not None:
        raise NotAllowedError(
            "headgate chooses where a table lies",
            hint="to register files in place, write CREATE EXTERNAL TABLE … LOCATION",
            **tokens.place,
        )
    if clauses.using not in (None, "iceberg"):
        raise NotSupportedError(
            f"tables are Iceberg tables, not {clauses.using}",
            hint="leave USING away; for files in place write CREATE EXTERNAL TABLE … LOCATION",
            **tokens.place,
        )
    if clauses.options:
        raise NotSupportedError("OPTIONS belong to CREATE EXTERNAL TABLE", **tokens.place)


def _external(tokens: Cursor, replace: bool) -> CreateExternalTable:
    tokens.expect("TABLE")
    if replace:
        raise NotSupportedError("OR REPLACE is not supported for external tables", hint="DROP TABLE first")
    if_not_exists = tokens.accept("IF", "NOT", "EXISTS")
    name = tokens.name("a table name")
    columns = _columns(tokens)
    clauses = _clauses(tokens)
    if clauses.location is None:
        tokens.fail("expected LOCATION 'path'")
    tokens.end()
    location = clauses.location or ""
    partitions = tuple(_hive(each) for each in clauses.partitioning) or None
    if columns is None and clauses.partition_columns:
        raise InvalidDefinitionError("typed partition columns need the other columns too", hint="give names only")
    every = (*columns, *clauses.partition_columns) if columns is not None else None
    return CreateExternalTable(
        name,
        _format(clauses.using, location, tokens),
        location,
        every,
        partitions,
        _options(clauses, location),
        if_not_exists,
    )


def _hive(term: PartitionField) -> str:
    if term.transform != "identity":
        raise InvalidDefinitionError("folders partition by plain columns", hint=f"write PARTITIONED BY ({term.source})")
    return term.source


def _format(using: str | None, location: str, tokens: Cursor) -> FileFormat:
    names = {"parquet": FileFormat.PARQUET, "csv": FileFormat.CSV, "json": FileFormat.JSON, "jsonl": FileFormat.JSON}
    if using is not None:
        if using not in names:
            raise NotSupportedError(f"external tables of {using} are not supported", hint="parquet, csv or json")
        return names[using]
    told = _suffix(location)
    if told is None:
        tokens.fail("expected USING parquet, csv or json")
    return told or FileFormat.PARQUET


def _suffix(location: str) -> FileFormat | None:
    path = location.lower()
    for compression in (".gz", ".zst", ".bz2"):
        path = path.removesuffix(compression)
    return next((format_ for suffix, format_ in _SUFFIXES.items() if path.endswith(suffix)), None)


def _options(clauses: _Clauses, location: str) -> Mapping[str, str]:
    if ".tsv" in location.lower() and "delimiter" not in clauses.options and "sep" not in clauses.options:
        return {"delimiter": "\t", **clauses.options}
    return clauses.options


def drop(tokens: Cursor) -> Statement:
    """Take what follows DROP."""
    kind = tokens.accept_one("TABLE", "VIEW", *_SCHEMA)
    if kind is None:
        raise NotAllowedError(
            f"DROP {tokens.word()} is not allowed", hint="there are DROP TABLE, VIEW and SCHEMA", **tokens.place
        )
    if_exists = tokens.accept("IF", "EXISTS")
    name = tokens.name()
    statement: Statement
    if kind == "TABLE":
        statement = DropTable(name, if_exists, tokens.accept("PURGE"))
    elif kind == "VIEW":
        statement = DropView(name, if_exists)
    else:
        statement = DropSchema(name, if_exists, tokens.accept_one("CASCADE", "RESTRICT") == "CASCADE")
    tokens.end()
    return statement


def alter(tokens: Cursor) -> Statement:
    """Take what follows ALTER."""
    if not tokens.accept("TABLE"):
        raise NotSupportedError(
            f"ALTER {tokens.word()} is not supported", hint="there is ALTER TABLE; a view is made again", **tokens.place
        )
    name = tokens.name("a table name")
    if tokens.accept("ADD"):
        tokens.accept_one("COLUMNS", "COLUMN")
        return _finished(
            tokens, AddColumns(name, _columns(tokens) or tokens.listed(lambda: definitions.column(tokens)))
        )
    if tokens.accept("RENAME", "COLUMN"):
        old = tokens.identifier("a column name")
        tokens.expect("TO")
        return _finished(tokens, RenameColumn(name, old, tokens.identifier("a column name")))
    if tokens.accept("DROP"):
        return _drop_columns(tokens, name)
    raise NotSupportedError(
        f"ALTER TABLE … {tokens.word()} is not supported", hint="ADD, RENAME or DROP COLUMN", **tokens.place
    )


def _drop_columns(tokens: Cursor, name: Name) -> Statement:
    tokens.expect_one("COLUMNS", "COLUMN")
    if_exists = tokens.accept("IF", "EXISTS")

    def one() -> str:
        return tokens.identifier("a column name")

    columns = tokens.bracketed(one) if tokens.looking_at("(") else tokens.listed(one)
    return _finished(tokens, DropColumns(name, columns, if_exists))


def _finished(tokens: Cursor, statement: Statement) -> Statement:
    tokens.end()
    return statement
