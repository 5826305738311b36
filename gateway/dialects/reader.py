"""Text to tokens to a tree, in any dialect a session may speak, and faults in our words.

Spark text goes through headgate's own reader (spark.py); the others through sqlglot's.
"""

import re
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, TypedDict

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType
from sqlglot.tokens import Tokenizer

from gateway.dialects.script import pieces
from gateway.errors import NotSupportedError, SqlSyntaxError

# sqlglot spends some 17 frames on one pair of parentheses; Python calls of Python take no C stack since 3.11.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 4000))

DIALECTS = ("spark", "duckdb", "trino", "postgres", "mysql")
"""What a session may speak."""

_EXPECTED = re.compile(r"[Ee]xpect(?:ing|ed) (\S+)")
_TOO_DEEP = "the statement is nested too deeply"


@cache
def dialect_of(name: str) -> Dialect:
    """Return sqlglot's object for a session dialect.

    Raises: NotSupportedError for a name not in ``DIALECTS``.
    """
    if name == "spark":
        from gateway.dialects.spark import HeadgateSpark

        return HeadgateSpark()
    if name not in DIALECTS:
        raise NotSupportedError(f"unknown dialect {name!r}", hint=f"one of {', '.join(DIALECTS)}")
    return Dialect.get_or_raise(name)


@cache
def _tokenizer(name: str) -> Tokenizer:
    """Return a dialect's tokenizer that keeps every word a token; sqlglot's own takes SHOW's rest for one text."""
    dialect = dialect_of(name)
    kind = type("WordTokenizer", (dialect.tokenizer_class,), {"COMMANDS": set()})
    tokenizer: Tokenizer = kind(dialect=dialect)
    return tokenizer


class Place(TypedDict, total=False):
    """Line and column, from 1, as an error takes them; empty when not known."""

    line: int
    column: int


def place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of a character."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def syntax_error(text: str, offset: int, message: str, *, hint: str | None = None) -> SqlSyntaxError:
    """Return the error that points at a character of the statement."""
    line, column = place(text, offset)
    return SqlSyntaxError(message, hint=hint, line=line, column=column)


def tokenize(text: str, dialect: str) -> list[Token]:
    """Return the tokens of a statement, comments left out.

    Raises: SqlSyntaxError where a quote or comment is not closed.
    """
    for piece in pieces(text, dialect):
        if not piece.closed:
            what = "comment" if piece.kind == "comment" else f"quote {text[piece.start]}"
            raise syntax_error(text, piece.start, f"the {what} that begins here is never closed")
    if dialect == "spark" and "\\\n" in text:
        text = _blank_continued_comments(text)
    try:
        tokens = _tokenizer(dialect).tokenize(text)
    except TokenError as error:
        raise syntax_error(text, _token_fault(text, error), "this cannot be read as SQL") from error
    for token in tokens:
        if dialect == "spark" and token.token_type == TokenType.HEX_STRING and text[token.start] == "0":
            raise syntax_error(text, token.start, "numbers are not written in hexadecimal", hint="X'1F' is a binary")
    return tokens


def _blank_continued_comments(text: str) -> str:
    """Spark goes on with a ``--`` comment over a line that ends in a backslash (SqlBaseLexer.g4, SIMPLE_COMMENT)."""
    parts = []
    for piece in pieces(text, "spark"):
        part = text[piece.start : piece.end]
        parts.append(re.sub(r"[^\n]", " ", part) if piece.kind == "comment" and not part.startswith("/*") else part)
    return "".join(parts)


def _token_fault(text: str, error: TokenError) -> int:
    found = re.search(r"tokenizing '(.*)'\Z", str(error), re.DOTALL)
    return max(0, min(len(text) - 1, len(found.group(1)) if found else 0))


def parse_tree(text: str, dialect: str, tokens: Sequence[Token] | None = None) -> exp.Expr:
    """Return the tree of the one statement in ``tokens``.

    Raises: SqlSyntaxError with the place.
    """
    reader = dialect_of(dialect)
    given = list(tokens) if tokens is not None else tokenize(text, dialect)
    parser = reader.parser(error_level=ErrorLevel.IMMEDIATE)
    try:
        trees = parser.parse(given, text)
    except ParseError as error:
        raise _translated(text, given, error) from None
    except RecursionError:
        raise SqlSyntaxError(_TOO_DEEP, hint="split it with WITH, or use IN and arrays for long lists") from None
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        # sqlglot 30.30 trips over some broken texts before it finds them broken.
        raise SqlSyntaxError("this cannot be read as SQL", line=1, column=1) from error
    found = [tree for tree in trees if tree is not None]
    if len(found) != 1:
        raise SqlSyntaxError("expected one statement", line=1, column=1)
    return found[0]


def clone(tree: exp.Expr) -> exp.Expr:
    """Return a copy of a tree without comments; a quarter of what ``tree.copy()`` takes, whose metadata go deep."""
    root = tree.__class__()
    pending = [(tree, root)]
    while pending:
        node, copy = pending.pop()
        copy._type = node._type
        if node._meta:
            copy._meta = dict(node._meta)
        for key, value in node.args.items():
            if isinstance(value, list):
                copy.args[key] = [_cloned(each, copy, key, index, pending) for index, each in enumerate(value)]
            else:
                copy.args[key] = _cloned(value, copy, key, None, pending)
    return root


def _cloned(value: Any, parent: exp.Expr, key: str, index: int | None, pending: list[tuple[exp.Expr, exp.Expr]]) -> Any:
    if not isinstance(value, exp.Expr):
        return value
    copy = value.__class__()
    copy.parent, copy.arg_key, copy.index = parent, key, index
    pending.append((value, copy))
    return copy


def _translated(text: str, tokens: Sequence[Token], error: ParseError) -> SqlSyntaxError:
    fault: dict[str, Any] = error.errors[0] if error.errors else {}
    index = _fault_index(tokens, fault)
    description = str(fault.get("description") or "")
    after = f" after {_shown(tokens[index - 1])}" if index > 0 else ""
    if description[:1].islower():  # our own reader's words
        message = description
    elif index < len(tokens):
        expected = _EXPECTED.match(description)
        wanted = f"expected {expected.group(1).rstrip('.')}, found" if expected else "unexpected"
        message = f"{wanted} {_shown(tokens[index])}{after}"
    else:
        message = f"the statement ends too early{after}"
    offset = tokens[index].start if index < len(tokens) else len(text.rstrip())
    return syntax_error(text, offset, message)


def _fault_index(tokens: Sequence[Token], fault: dict[str, Any]) -> int:
    """Return the token where the reader stopped; ``len(tokens)`` when it ran out of them."""
    if "token" in fault:
        token = fault["token"]
        return next((index for index, other in enumerate(tokens) if other is token), len(tokens))
    line, column = fault.get("line"), fault.get("col")  # sqlglot's own: the token's last character
    for index, token in enumerate(tokens):
        if token.line == line and token.col == column:
            return index
    return len(tokens)


def _shown(token: Token) -> str:
    text = token.text if len(token.text) <= 40 else token.text[:40] + "…"
    return f"'{text}'" if token.token_type.name != "STRING" else f"the text '{text}'"
