"""Classify a statement by its first words and hand it to its reader."""

from gateway.dialects import reader
from gateway.errors import NotSupportedError, SqlSyntaxError
from gateway.statements import Query, Statement


def parse(text: str, dialect: str) -> Statement:
    """See gateway.statements.parse."""
    tokens = reader.tokenize(text, dialect)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    while tokens and tokens[0].text == ";":
        tokens.pop(0)
    if not tokens:
        raise SqlSyntaxError("the statement is empty", line=1, column=1)
    first = tokens[0].text.upper()
    if first not in ("SELECT", "WITH", "FROM", "VALUES", "TABLE", "("):
        raise NotSupportedError(f"{first} is not supported yet")
    return Query(text, dialect, reader.parse_tree(text, dialect, tokens), tuple(tokens))
