"""Classify a statement by its first word and read it. What has no reader here is refused."""

import difflib
from collections.abc import Callable, Mapping

from catalog.predicates import Literal
from gateway.dialects import reader
from gateway.dialects.cursor import Cursor
from gateway.errors import NotAllowedError, NotSupportedError, SqlSyntaxError
from gateway.statements import (
    Analyze,
    Call,
    Deallocate,
    Delete,
    Describe,
    Execute,
    ExecuteImmediate,
    Explain,
    ExplainMode,
    Insert,
    Prepare,
    Query,
    Refresh,
    Reset,
    SetVariable,
    Show,
    Showing,
    Statement,
    Use,
)

_QUERY_WORDS = frozenset(("SELECT", "WITH", "FROM", "VALUES", "TABLE", "("))
_IN = ("FROM", "IN", "FOR")


def parse(text: str, dialect: str) -> Statement:
    """See gateway.statements.parse."""
    tokens = reader.tokenize(text, dialect)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    start = next((index for index, token in enumerate(tokens) if token.text != ";"), len(tokens))
    tokens = tokens[start:]
    if not tokens:
        raise SqlSyntaxError("the statement is empty", line=1, column=1)
    return statement(Cursor(text, dialect, tokens))


def statement(tokens: Cursor) -> Statement:
    """Take a whole statement."""
    word = tokens.word().split(" ")[0]
    if word in _QUERY_WORDS:
        return _query(tokens)
    read = _READERS.get(word)
    if read is not None:
        tokens.take("a statement")
        return read(tokens)
    refusal = _REFUSED.get(word)
    if refusal is not None:
        kind, message, hint = refusal
        raise kind(message, hint=hint, **tokens.place)
    close = difflib.get_close_matches(word, (*_QUERY_WORDS, *_READERS), n=1, cutoff=0.6)
    shown = tokens.take("a statement").text
    raise SqlSyntaxError(
        f"expected a statement, found {shown!r}", hint=f"did you mean {close[0]}?" if close else None, line=1, column=1
    )


def _query(tokens: Cursor) -> Query:
    if tokens.index == 0:
        text, given = tokens.text, tuple(tokens.tokens)
        return Query(text, tokens.dialect, reader.parse_tree(text, tokens.dialect, given), given)
    return tokens.query()


def _definition(verb: str, tokens: Cursor) -> Statement:
    from gateway.dialects import creation  # a query need not wait for it

    readers = {"create": creation.create, "drop": creation.drop, "alter": creation.alter}
    return readers[verb](tokens)


def _insert(tokens: Cursor) -> Statement:
    overwrite = tokens.expect_one("INTO", "OVERWRITE") == "OVERWRITE"
    if tokens.looking_at("DIRECTORY") or tokens.looking_at("LOCAL"):
        raise NotAllowedError("INSERT OVERWRITE DIRECTORY is not allowed", hint="export the result of a query instead")
    tokens.accept("TABLE")
    table = tokens.name("a table name")
    partition: tuple[tuple[str, Literal | None], ...] = ()
    if tokens.accept("PARTITION"):
        partition = tuple(each for each in tokens.bracketed(lambda: _partition_value(tokens)) if each is not None)
    columns = None
    if tokens.word() == "(" and tokens.word(1) not in _QUERY_WORDS:
        columns = tokens.bracketed(lambda: tokens.identifier("a column name"))
    if tokens.looking_at("BY") or tokens.looking_at("REPLACE"):
        raise NotSupportedError(f"INSERT … {tokens.word()} is not supported", hint="list the columns", **tokens.place)
    return Insert(table, tokens.query(), columns, overwrite, partition)


def _partition_value(tokens: Cursor) -> tuple[str, Literal | None] | None:
    """Return a static partition value; None for a dynamic one."""
    name = tokens.identifier("a column name")
    return (name, tokens.literal()) if tokens.accept("=") else None


def _delete(tokens: Cursor) -> Statement:
    start = tokens.tokens[tokens.index - 1].start
    if tokens.done:
        tokens.fail("expected FROM")
    from_ = tokens.tokens[tokens.index].start
    tokens.expect("FROM")
    table = tokens.name("a table name")
    if not tokens.looking_at("WHERE") and not tokens.done:
        tokens.accept("AS")
        tokens.identifier("WHERE or an alias")
    # SELECT* is as long as DELETE and a blank, so places in the condition stay what they were.
    last = tokens.tokens[-1].end + 1
    head = " " * start + "SELECT*".ljust(from_ - start)
    gone = head + tokens.text[from_:last]
    if tokens.done:
        return Delete(table, None, None, _reparsed(gone, tokens.dialect))
    tokens.expect("WHERE")
    if tokens.done:
        tokens.fail("expected a condition")
    condition_start = tokens.tokens[tokens.index].start
    condition = tokens.rest()
    keep = f"{head}{tokens.text[from_:condition_start]} NOT coalesce(({condition}\n), false)"
    return Delete(table, condition, _reparsed(keep, tokens.dialect), _reparsed(gone, tokens.dialect))


def _reparsed(text: str, dialect: str) -> Query:
    tokens = tuple(reader.tokenize(text, dialect))
    return Query(text, dialect, reader.parse_tree(text, dialect, tokens), tokens)


def _analyze(tokens: Cursor) -> Statement:
    tokens.accept("TABLE")
    table = tokens.name("a table name")
    if tokens.accept("COMPUTE"):
        tokens.expect("STATISTICS")
        tokens.rest()
    tokens.end()
    return Analyze(table)


def _refresh(tokens: Cursor) -> Statement:
    tokens.accept("TABLE")
    return _last(tokens, Refresh(tokens.name("a table name")))


def _call(tokens: Cursor) -> Statement:
    procedure = tokens.name("a procedure")
    listed: list[Literal | None] = []
    named: dict[str, Literal | None] = {}

    def argument() -> None:
        if tokens.word(1) in ("=>", "="):
            name = tokens.identifier()
            tokens.expect_one("=>", "=")
            named[name.lower()] = tokens.literal()
        else:
            listed.append(tokens.literal())

    tokens.expect("(")
    if not tokens.accept(")"):
        tokens.listed(argument)
        tokens.expect(")")
    return _last(tokens, Call(procedure, tuple(listed), named))


def _show(tokens: Cursor) -> Statement:
    what = tokens.accept_one("CREATE")
    if what is not None:
        kind = tokens.expect_one("TABLE", "VIEW")
        shown = Showing.CREATE_TABLE if kind == "TABLE" else Showing.CREATE_VIEW
        return _last(tokens, Show(shown, tokens.name()))
    word = tokens.expect_one(*_SHOWN)
    shown = _SHOWN[word]
    if shown in (Showing.COLUMNS, Showing.PARTITIONS, Showing.SNAPSHOTS, Showing.STATS):
        return _show_of_table(tokens, shown)
    target = tokens.name() if tokens.accept_one(*_IN) else ()
    return _last(tokens, Show(shown, target, _pattern(tokens)))


def _show_of_table(tokens: Cursor, shown: Showing) -> Statement:
    tokens.accept_one(*_IN)
    target = tokens.name("a table name")
    if tokens.accept_one(*_IN):
        target = (*tokens.name("a schema name"), target[-1])
    return _last(tokens, Show(shown, target, _pattern(tokens)))


def _pattern(tokens: Cursor) -> str | None:
    liked = tokens.accept("LIKE")
    return tokens.string("a pattern in quotes") if liked or not tokens.done else None


def _describe(tokens: Cursor) -> Statement:
    if tokens.accept("QUERY") or tokens.word() in _QUERY_WORDS - {"TABLE"}:
        return Describe(tokens.query())
    for word in (*("SCHEMA", "DATABASE", "NAMESPACE", "FUNCTION", "CATALOG"),):
        if tokens.looking_at(word) and tokens.word(1) not in ("", "."):
            raise NotSupportedError(f"DESCRIBE {word} is not supported", hint="DESCRIBE takes a table or a query")
    tokens.accept_one("TABLE", "VIEW")
    extended = tokens.accept_one("EXTENDED", "FORMATTED") is not None
    return _last(tokens, Describe(tokens.name("a table name"), extended))


def _explain(tokens: Cursor) -> Statement:
    if tokens.word() == "(" and tokens.word(1) in ("TYPE", "FORMAT"):
        raise NotSupportedError("EXPLAIN takes no options", hint="there are EXPLAIN, EXPLAIN ROUTE and EXPLAIN ANALYZE")
    mode = tokens.accept_one("ROUTE", "PLAN", "EXTENDED", "FORMATTED")
    if mode is None and tokens.looking_at("ANALYZE") and tokens.word(1) != "TABLE":
        mode = tokens.accept_one("ANALYZE")
    if tokens.done:
        tokens.fail("expected a statement")
    return Explain(ExplainMode(mode) if mode in ("ROUTE", "ANALYZE") else ExplainMode.PLAN, statement(tokens))


def _use(tokens: Cursor) -> Statement:
    kind = None
    if tokens.word(1):
        kind = tokens.accept_one("CATALOG", "SCHEMA", "DATABASE", "NAMESPACE")
    parts = tokens.name("a schema")
    return _last(tokens, Use(parts, {None: None, "CATALOG": "catalog"}.get(kind, "schema")))


def _set(tokens: Cursor) -> Statement:
    if tokens.done:
        return SetVariable()
    if tokens.accept("TIME", "ZONE"):
        return SetVariable("time_zone", _zone(tokens))
    if tokens.word() in ("VAR", "VARIABLE", "ROLE", "CATALOG", "PATH") and tokens.word(1) not in ("=", ""):
        raise NotSupportedError(f"SET {tokens.word()} is not supported", **tokens.place)
    if tokens.word() == "SESSION" and tokens.word(1) not in ("=", ""):
        tokens.take("SESSION")
    key = _key(tokens)
    if tokens.done:
        return SetVariable(key)
    if not tokens.accept("="):
        tokens.expect("TO")
    return SetVariable(key, _setting(tokens))


def _key(tokens: Cursor) -> str:
    place = tokens.place
    key = tokens.take("a setting").text
    while tokens.word() in (".", "-") and not tokens.done:
        key += tokens.take(".").text + tokens.take("a setting").text
    key = key.lower()
    if key == "spark.sql.session.timezone":
        return "time_zone"
    if key.startswith(_ENGINE_SETTINGS):
        raise NotAllowedError(
            f"{key} is an engine's own setting", hint="an operator sets it in headgate.toml; SET lists yours", **place
        )
    return key


def _setting(tokens: Cursor) -> str:
    if tokens.done:
        tokens.fail("expected a value")
    single = tokens.index == len(tokens.tokens) - 1
    if single and not tokens.word():
        return tokens.take("a value").text
    return tokens.rest()


def _zone(tokens: Cursor) -> str:
    tokens.accept("=")
    if tokens.accept("LOCAL"):
        return "LOCAL"
    if tokens.looking_at("INTERVAL"):
        raise NotSupportedError("SET TIME ZONE takes a zone's name", hint="such as 'Europe/Berlin'", **tokens.place)
    zone = tokens.string("a zone in quotes")
    tokens.end()
    return zone


def _reset(tokens: Cursor) -> Statement:
    if tokens.done or tokens.accept("ALL"):
        return _last(tokens, Reset())
    tokens.accept("SESSION")
    return _last(tokens, Reset(_key(tokens)))


def _prepare(tokens: Cursor) -> Statement:
    name = tokens.identifier("a name for the statement")
    tokens.expect_one("FROM", "AS")
    if tokens.done:
        tokens.fail("expected a statement")
    text = tokens.rest()
    literal = Cursor(text, tokens.dialect, reader.tokenize(text, tokens.dialect))
    if literal.word() == "" and len(literal.tokens) == 1:
        text = literal.string()
    return Prepare(name, text)


def _execute(tokens: Cursor) -> Statement:
    if tokens.accept("IMMEDIATE"):
        return _execute_immediate(tokens)
    name = tokens.identifier("the name of a prepared statement")
    arguments: tuple[Literal | None, ...] = ()
    if tokens.accept("USING"):
        arguments = tokens.listed(tokens.literal)
    elif tokens.looking_at("("):
        arguments = tokens.bracketed(tokens.literal)
    return _last(tokens, Execute(name, arguments))


def _execute_immediate(tokens: Cursor) -> Statement:
    text = tokens.string("a statement in quotes")
    if tokens.looking_at("INTO"):
        raise NotSupportedError("EXECUTE IMMEDIATE … INTO is not supported", **tokens.place)
    listed: list[Literal | None] = []
    named: dict[str, Literal | None] = {}

    def argument() -> None:
        value = tokens.literal()
        if tokens.accept("AS"):
            named[tokens.identifier().lower()] = value
        else:
            listed.append(value)

    if tokens.accept("USING"):
        bracket = tokens.accept("(")
        tokens.listed(argument)
        if bracket:
            tokens.expect(")")
    return _last(tokens, ExecuteImmediate(text, tuple(listed), named))


def _deallocate(tokens: Cursor) -> Statement:
    if tokens.word(1) or tokens.index + 1 < len(tokens.tokens):
        tokens.accept("PREPARE")
    return _last(tokens, Deallocate(tokens.identifier("the name of a prepared statement")))


def _last(tokens: Cursor, found: Statement) -> Statement:
    tokens.end()
    return found


_READERS: Mapping[str, Callable[[Cursor], Statement]] = {
    "INSERT": _insert,
    "CREATE": lambda tokens: _definition("create", tokens),
    "DROP": lambda tokens: _definition("drop", tokens),
    "ALTER": lambda tokens: _definition("alter", tokens),
    "DELETE": _delete,
    "ANALYZE": _analyze,
    "REFRESH": _refresh,
    "CALL": _call,
    "SHOW": _show,
    "DESCRIBE": _describe,
    "DESC": _describe,
    "EXPLAIN": _explain,
    "USE": _use,
    "SET": _set,
    "RESET": _reset,
    "PREPARE": _prepare,
    "EXECUTE": _execute,
    "DEALLOCATE": _deallocate,
}
_SHOWN: Mapping[str, Showing] = {
    **{each.value: each for each in Showing if " " not in each.value},
    "DATABASES": Showing.SCHEMAS,
    "NAMESPACES": Showing.SCHEMAS,
}
_ENGINE_SETTINGS = (
    "spark.",
    "hive.",
    "hadoop.",
    "fs.",
    "parquet.",
    "duckdb.",
    "hivevar:",
    "hiveconf:",
    "env:",
    "system:",
)
_READS_TABLES = "statements read and write the catalog's tables only"
_LOADS = "headgate load brings files in; CREATE EXTERNAL TABLE … LOCATION registers them in place"
_REFUSED: Mapping[str, tuple[type[NotAllowedError] | type[NotSupportedError], str, str]] = {
    "COPY": (NotAllowedError, f"COPY is not allowed: {_READS_TABLES}", "export the result of a query; " + _LOADS),
    "LOAD": (NotAllowedError, f"LOAD is not allowed: {_READS_TABLES}", _LOADS),
    "ATTACH": (NotAllowedError, f"ATTACH is not allowed: {_READS_TABLES}", _LOADS),
    "DETACH": (NotAllowedError, "DETACH is not allowed", "SHOW CATALOGS lists what there is"),
    "INSTALL": (NotAllowedError, "INSTALL is not allowed: engines take no extensions", "ask the operator"),
    "PRAGMA": (NotAllowedError, "PRAGMA is not allowed", "SHOW SESSION and SET show and change your settings"),
    "ADD": (NotAllowedError, "ADD is not allowed: engines take no code", "ask the operator"),
    "LIST": (NotAllowedError, "LIST is not allowed", "SHOW TABLES lists tables"),
    "EXPORT": (NotAllowedError, f"EXPORT is not allowed: {_READS_TABLES}", "export the result of a query"),
    "IMPORT": (NotAllowedError, f"IMPORT is not allowed: {_READS_TABLES}", _LOADS),
    "MAP": (NotAllowedError, "MAP scripts are not allowed: statements cannot start processes", "use functions"),
    "REDUCE": (NotAllowedError, "REDUCE scripts are not allowed: statements cannot start processes", "use functions"),
    "UPDATE": (NotSupportedError, "UPDATE is not supported yet", "INSERT OVERWRITE the changed rows"),
    "MERGE": (NotSupportedError, "MERGE is not supported yet", "INSERT OVERWRITE the merged rows"),
    "TRUNCATE": (NotSupportedError, "TRUNCATE is not supported", "DELETE FROM without WHERE removes every row"),
    "CACHE": (NotSupportedError, "CACHE is not supported", "results are kept anyway"),
    "UNCACHE": (NotSupportedError, "UNCACHE is not supported", "results are kept anyway"),
    "MSCK": (NotSupportedError, "MSCK is not supported", "REFRESH TABLE lists an external table's files again"),
    "REPAIR": (NotSupportedError, "REPAIR is not supported", "REFRESH TABLE lists an external table's files again"),
    "BEGIN": (NotSupportedError, "there are no transactions of several statements", "each statement commits at once"),
    "START": (NotSupportedError, "there are no transactions of several statements", "each statement commits at once"),
    "COMMIT": (NotSupportedError, "there are no transactions of several statements", "each statement commits at once"),
    "ROLLBACK": (NotSupportedError, "there are no transactions of several statements", "time travel: VERSION AS OF"),
    "GRANT": (NotSupportedError, "GRANT is not supported", "the operator gives rights"),
    "REVOKE": (NotSupportedError, "REVOKE is not supported", "the operator gives rights"),
    "KILL": (NotSupportedError, "KILL is not supported", "CALL system.kill_query('id')"),
    "COMMENT": (NotSupportedError, "COMMENT ON is not supported", "give comments in CREATE TABLE"),
    "DECLARE": (NotSupportedError, "variables are not supported", "use parameters"),
}
"""First word → why not, and what to do."""
