"""The user's own text with some of its spans replaced.

Comments become blanks on the way: Spark must not read as code what headgate read as a comment.
"""

import bisect
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot.tokenizer_core import Token, TokenType


@dataclass
class Edits:
    """Replacements in one text, whose tokens are known."""

    text: str
    tokens: Sequence[Token]
    replacements: list[tuple[int, int, str]] = field(default_factory=list)
    """Start, end (exclusive) and what stands there instead; they never overlap."""

    def __post_init__(self) -> None:
        self._starts = [token.start for token in self.tokens]

    def replace(self, start: int, end: int, replacement: str) -> None:
        self.replacements.append((start, end, replacement))

    def insert(self, position: int, addition: str) -> None:
        self.replacements.append((position, position, addition))

    def index_at(self, offset: int) -> int:
        """Return the index of the token that begins at a character."""
        index = bisect.bisect_left(self._starts, offset)
        assert index < len(self._starts), "a node points outside the text"
        return index

    def closing(self, index: int) -> int:
        """Return the index of the parenthesis that closes the one at ``index``."""
        depth = 0
        for position in range(index, len(self.tokens)):
            kind = self.tokens[position].token_type
            depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
            if depth == 0:
                return position
        return len(self.tokens) - 1

    def result(self) -> str:
        """Return the text with its replacements made, comments blank, from the first token to the last."""
        if not self.tokens:
            return ""
        pieces: list[str] = []
        position = self.tokens[0].start
        end = self.tokens[-1].end + 1
        for start, stop, replacement in sorted(self.replacements, key=lambda each: (each[0], each[1])):
            pieces.append(self._kept(position, start))
            pieces.append(replacement)
            position = max(position, stop)
        pieces.append(self._kept(position, end))
        return "".join(pieces)

    def _kept(self, start: int, end: int) -> str:
        """Return the tokens of a span as written; what lies between tokens becomes blanks and line ends."""
        pieces: list[str] = []
        index = bisect.bisect_right(self._starts, start) - 1
        if index < 0 or self.tokens[index].end < start:
            index += 1
        position = start
        while index < len(self.tokens) and self.tokens[index].start < end:
            token = self.tokens[index]
            pieces.append(_blank(self.text[position : token.start]))
            stop = min(token.end + 1, end)
            pieces.append(_inert(self.text[max(token.start, position) : stop]))
            position = stop
            index += 1
        pieces.append(_blank(self.text[position:end]))
        return "".join(pieces)


def _blank(gap: str) -> str:
    if not gap or gap.isspace():
        return gap
    return "".join(char if char in "\r\n" else " " for char in gap)


def _inert(text: str) -> str:
    """Keep Spark from replacing ``${…}`` inside a quote by a setting or an environment variable."""
    if "${" not in text:
        return text
    if text[0] in "rR":
        text = text[1] + text[2:-1].replace("\\", "\\\\") + text[-1]
    return _VARIABLE.sub(lambda found: found.group(1) + "\\u0024", text) if text[0] in "'\"" else text


_VARIABLE = re.compile(r"((?<!\\)(?:\\\\)*)\\?\$(?=\{)")
"""A dollar before a brace, its own backslash included, and the whole escapes before it."""
