"""Read the tokens of a statement one after another, for statements that are no queries."""

import datetime
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeVar

from sqlglot.tokenizer_core import Token, TokenType

from catalog.predicates import Literal
from gateway.dialects import reader
from gateway.dialects.constants import parse_date, parse_local, parse_timestamp
from gateway.dialects.reader import Place
from gateway.errors import SqlSyntaxError
from gateway.statements import Query

T = TypeVar("T")
_STRINGS = (TokenType.STRING, TokenType.RAW_STRING)


class Cursor:
    """A place in the tokens of one statement."""

    def __init__(self, text: str, dialect: str, tokens: Sequence[Token], index: int = 0) -> None:
        self.text = text
        self.dialect = dialect
        self.tokens = tokens
        self.index = index

    # Looking.

    @property
    def done(self) -> bool:
        return self.index >= len(self.tokens)

    def word(self, ahead: int = 0) -> str:
        """Return the upper-case text of a token, empty at the end and for quoted names and texts."""
        index = self.index + ahead
        if index >= len(self.tokens):
            return ""
        token = self.tokens[index]
        return "" if token.token_type in (*_STRINGS, TokenType.IDENTIFIER) else token.text.upper()

    def looking_at(self, *words: str) -> bool:
        """Tell whether these words come next; a token may hold several."""
        return self._match(words) is not None

    def _match(self, words: Sequence[str]) -> int | None:
        index, wanted = 0, list(words)
        while wanted:
            held = self.word(index).split()
            if not held or held != wanted[: len(held)]:
                return None
            wanted = wanted[len(held) :]
            index += 1
        return index

    # Taking.

    def accept(self, *words: str) -> bool:
        """Take these words if they come next."""
        length = self._match(words)
        self.index += length or 0
        return length is not None

    def accept_one(self, *words: str) -> str | None:
        """Take one of these words if it comes next, and return it."""
        return next((word for word in words if self.accept(word)), None)

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            self.fail(f"expected {' '.join(words)}")

    def expect_one(self, *words: str) -> str:
        found = self.accept_one(*words)
        if found is None:
            self.fail(f"expected {' or '.join(words)}")
        return found or ""

    def take(self, what: str) -> Token:
        """Take any token. Raises: SqlSyntaxError at the end."""
        if self.done:
            self.fail(f"expected {what}")
        self.index += 1
        return self.tokens[self.index - 1]

    def end(self) -> None:
        """Raises: SqlSyntaxError unless every token is taken."""
        if not self.done:
            self.fail("expected the end of the statement")

    def identifier(self, what: str = "a name") -> str:
        if self.done:
            self.fail(f"expected {what}")
        token = self.tokens[self.index]
        quoted = token.token_type == TokenType.IDENTIFIER
        if not quoted and not re.fullmatch(r"[^\W]\w*", token.text):
            self.fail(f"expected {what}")
        if token.token_type in _STRINGS:
            self.fail(f"expected {what}, not a text")
        self.index += 1
        return token.text

    def name(self, what: str = "a name") -> tuple[str, ...]:
        """Take a dotted name."""
        parts = [self.identifier(what)]
        while self.accept("."):
            parts.append(self.identifier(what))
        if len(parts) > 3:
            self.fail("a name has at most three parts")
        return tuple(parts)

    def string(self, what: str = "a text in quotes") -> str:
        if self.done or self.tokens[self.index].token_type not in _STRINGS:
            self.fail(f"expected {what}")
        parts = []
        while not self.done and self.tokens[self.index].token_type in _STRINGS:
            parts.append(self.take(what).text)
        return "".join(parts)

    def integer(self, what: str = "a number") -> int:
        token = self.take(what)
        if token.token_type != TokenType.NUMBER or not token.text.isdecimal():
            self.index -= 1
            self.fail(f"expected {what}")
        return int(token.text)

    def listed(self, item: Callable[[], T]) -> tuple[T, ...]:
        """Take ``item, item, …``."""
        items = [item()]
        while self.accept(","):
            items.append(item())
        return tuple(items)

    def bracketed(self, item: Callable[[], T]) -> tuple[T, ...]:
        """Take ``(item, item, …)``."""
        self.expect("(")
        items = self.listed(item)
        self.expect(")")
        return items

    def literal(self) -> Literal | None:
        """Take a literal; TIMESTAMP without a zone is a wall clock."""
        sign = -1 if self.accept("-") else 1
        token = self.take("a literal")
        kind = token.token_type
        if kind == TokenType.NUMBER:
            return self._number(token, sign)
        if sign == 1 and kind in _STRINGS:
            self.index -= 1
            return self.string()
        if sign == 1 and kind == TokenType.HEX_STRING:
            return bytes.fromhex(token.text)
        word = token.text.upper()
        if sign == 1 and word in _WORDS:
            return _WORDS[word]
        if sign == 1 and word in _DATED and not self.done:
            value = _DATED[word](self.string())
            if value is not None:
                return value
        self.index -= 1
        self.fail("expected a literal")
        return None

    def _number(self, token: Token, sign: int) -> Literal:
        text = token.text
        suffix = ""
        if not self.done and self.tokens[self.index].token_type == TokenType.DCOLON:
            self.index += 1
            suffix = self.take("a type").text.upper()
        if suffix in ("D", "F", "DOUBLE", "FLOAT"):
            return sign * float(text)
        if suffix == "BD":
            return sign * Decimal(text)
        if text.isdecimal():
            return sign * int(text)
        return sign * (float(text) if "e" in text.lower() else Decimal(text))

    # Parts of the text.

    def query(self) -> Query:
        """Take the rest as a query. Its text has blanks where the statement had other words, so that places agree."""
        if self.done:
            self.fail("expected a query")
        rest = tuple(self.tokens[self.index :])
        text = self.blanked()
        self.index = len(self.tokens)
        return Query(text, self.dialect, reader.parse_tree(text, self.dialect, rest), rest)

    def blanked(self) -> str:
        """Return the text of the statement with blanks before this place and nothing behind its last token."""
        start = self.tokens[self.index].start
        return re.sub(r"[^\r\n]", " ", self.text[:start]) + self.text[start : self.tokens[-1].end + 1]

    def rest(self) -> str:
        """Take the rest of the text as written."""
        if self.done:
            return ""
        start = self.tokens[self.index].start
        self.index = len(self.tokens)
        return self.text[start : self.tokens[-1].end + 1]

    def fail(self, message: str, *, hint: str | None = None) -> None:
        """Raise SqlSyntaxError at this place."""
        if self.done:
            found, offset = "the statement ends", self.tokens[-1].end + 1 if self.tokens else 0
        else:
            token = self.tokens[self.index]
            found, offset = f"found {token.text!r}", token.start
        raise self.error(f"{message}, {found}", offset, hint)

    def error(self, message: str, offset: int, hint: str | None = None) -> SqlSyntaxError:
        return reader.syntax_error(self.text, offset, message, hint=hint)

    @property
    def place(self) -> Place:
        """Line and column of the current token, as keyword arguments of an error."""
        token = self.tokens[min(self.index, len(self.tokens) - 1)]
        line, column = reader.place(self.text, token.start)
        return Place(line=line, column=column)


def _instant(text: str) -> datetime.datetime | None:
    local = parse_local(text)
    return local if local is not None else parse_timestamp(text, "UTC")


_WORDS: dict[str, Literal | None] = {"TRUE": True, "FALSE": False, "NULL": None}
_DATED: dict[str, Callable[[str], Literal | None]] = {
    "DATE": parse_date,
    "TIMESTAMP": _instant,
    "TIMESTAMP_NTZ": parse_local,
    "TIMESTAMP_LTZ": lambda text: parse_timestamp(text, "UTC"),
    "DECIMAL": Decimal,
}
