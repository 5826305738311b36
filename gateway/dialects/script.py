"""Where one statement of a script ends and the next begins.

Knows quotes and comments and nothing else, so that it can be called on every key stroke and on half-written text;
sqlglot is not needed for it.
"""

import bisect
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """One statement with the blanks and comments around it."""

    text: str
    """As written, the closing semicolon included; the texts of a script put together are the script."""
    offset: int
    """Of ``text`` in the script, in characters from 0."""
    line: int
    """Of the first character of ``text`` in the script, from 1."""
    column: int
    """Of the first character of ``text`` in its line, from 1."""
    terminated: bool
    """A semicolon ends it; False while it is being written."""


@dataclass(frozen=True)
class Lexis:
    """What a dialect takes for quotes and comments."""

    backslash: frozenset[str]
    """Quotes inside which a backslash escapes."""
    quotes: str
    dollar: bool = False
    """``$tag$ … $tag$`` quotes."""
    nested: bool = True
    """Bracketed comments nest."""
    raw: bool = False
    """``r'…'`` has no escapes."""
    escape_prefix: bool = False
    """``E'…'`` has backslash escapes."""
    hash_comment: bool = False
    """``#`` begins a comment."""
    continued: bool = False
    """A ``--`` comment whose line ends in a backslash goes on (Spark's SqlBaseLexer.g4, SIMPLE_COMMENT)."""


_LEXIS = {
    "spark": Lexis(backslash=frozenset("'\""), quotes="'\"`", raw=True, continued=True),
    "duckdb": Lexis(backslash=frozenset(), quotes="'\"", dollar=True, escape_prefix=True),
    "postgres": Lexis(backslash=frozenset(), quotes="'\"", dollar=True, escape_prefix=True),
    "mysql": Lexis(backslash=frozenset("'\""), quotes="'\"`", nested=False, hash_comment=True),
}
_STANDARD = Lexis(backslash=frozenset(), quotes="'\"", nested=False)
_DOLLAR = re.compile(r"\$(?:[A-Za-z_\x80-\uffff][A-Za-z0-9_\x80-\uffff]*)?\$")
_BRACKET = re.compile(r"/\*|\*/")


def lexis(dialect: str) -> Lexis:
    """Return the quotes and comments of a dialect; the standard's where nothing else is known."""
    return _LEXIS.get(dialect, _STANDARD)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters that means one thing to the splitter."""

    kind: str
    """``blank``, ``comment``, ``quoted``, ``semicolon`` or ``code``."""
    start: int
    end: int
    closed: bool = True
    """False when the text ends inside a quote or comment."""


def pieces(script: str, dialect: str = "spark") -> list[Piece]:
    """Return the script cut into pieces, every character in exactly one."""
    rules = lexis(dialect)
    code = re.compile(_code_pattern(rules))
    found: list[Piece] = []
    position, size = 0, len(script)
    while position < size:
        piece = _next(script, position, rules, code)
        found.append(piece)
        position = piece.end
    return found


def _code_pattern(rules: Lexis) -> str:
    stops = re.escape(rules.quotes) + r";\s/\-" + (r"\$" if rules.dollar else "") + ("#" if rules.hash_comment else "")
    return f"[^{stops}]+"


def _next(script: str, start: int, rules: Lexis, code: re.Pattern[str]) -> Piece:
    char = script[start]
    if char.isspace():
        return Piece("blank", start, _blank_end(script, start))
    if char == ";":
        return Piece("semicolon", start, start + 1)
    if script.startswith("--", start) or (char == "#" and rules.hash_comment):
        return Piece("comment", start, _line_end(script, start, rules.continued))
    if script.startswith("/*", start):
        end = _bracket_end(script, start, rules.nested)
        return Piece("comment", start, end or len(script), end is not None)
    if char in rules.quotes:
        return _quoted(script, start, rules)
    if char == "$" and rules.dollar and (tag := _DOLLAR.match(script, start)):
        end = script.find(tag.group(), tag.end())
        return Piece("quoted", start, end + len(tag.group()) if end >= 0 else len(script), end >= 0)
    run = code.match(script, start)
    return Piece("code", start, run.end() if run else start + 1)


def _blank_end(script: str, start: int) -> int:
    end = start + 1
    while end < len(script) and script[end].isspace():
        end += 1
    return end


def _line_end(script: str, start: int, continued: bool) -> int:
    end = script.find("\n", start)
    while continued and end > 0 and script[end - 1] == "\\":
        end = script.find("\n", end + 1)
    return end + 1 if end >= 0 else len(script)


def _bracket_end(script: str, start: int, nested: bool) -> int | None:
    if not nested:
        end = script.find("*/", start + 2)
        return end + 2 if end >= 0 else None
    depth, position = 1, start + 2
    while match := _BRACKET.search(script, position):
        depth += 1 if match.group() == "/*" else -1
        position = match.end()
        if depth == 0:
            return position
    return None


def _quoted(script: str, start: int, rules: Lexis) -> Piece:
    quote = script[start]
    before = script[start - 1 : start].lower()
    alone = not _is_word(script[start - 2 : start - 1])
    escaped = quote in rules.backslash and not (rules.raw and before == "r" and alone)
    escaped = escaped or (rules.escape_prefix and quote == "'" and before == "e" and alone)
    stop = re.compile(rf"\\|{quote}" if escaped else quote)
    position = start + 1
    while match := stop.search(script, position):
        if match.group() == "\\":
            position = match.end() + 1
            continue
        return Piece("quoted", start, match.end())  # a doubled quote begins the next piece; that changes nothing here
    return Piece("quoted", start, len(script), closed=False)


def _is_word(char: str) -> bool:
    return bool(char) and (char.isalnum() or char == "_")


def split(script: str, dialect: str = "spark") -> list[ScriptStatement]:
    """Return the statements of a script; blanks and comments belong to the statement they follow or lead.

    The texts put together are the script; a script of blanks and comments alone has no statement.
    Works on half-written text: an open quote or comment runs to the end and is not terminated.
    """
    cuts: list[tuple[int, bool]] = []
    content = False
    for piece in pieces(script, dialect):
        if piece.kind == "semicolon":
            if content:
                cuts.append((piece.end, True))
            elif cuts:
                cuts[-1] = (piece.end, True)
            content = False
        elif piece.kind in ("quoted", "code"):
            content = True
        end = piece.end
    if not script or (not cuts and not content):
        return []
    if content:
        cuts.append((end, False))
    else:
        cuts[-1] = (end, True)
    return _statements(script, cuts)


def _statements(script: str, cuts: list[tuple[int, bool]]) -> list[ScriptStatement]:
    lines = [0] + [match.end() for match in re.finditer("\n", script)]
    found = []
    start = 0
    for end, terminated in cuts:
        line = bisect.bisect_right(lines, start)
        found.append(ScriptStatement(script[start:end], start, line, start - lines[line - 1] + 1, terminated))
        start = end
    return found
