"""An expression in both tongues: its DuckDB text, its reference type, and the name Spark would print for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlglot import exp

from gateway.bound import Obstacle
from gateway.dialects.portability.types import Type


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""The value of an expression that is no constant."""

NO_NAME: Final = "\0"
"""Stands in a name for a part whose text in Spark is not known, so that whatever is built from it is not known
either."""

RAISES: Final = 1
"""Evaluating it may fail for some rows."""
COLUMN: Final = 2
"""It reads a column of its own query outside every aggregate."""
AGGREGATE: Final = 4
WINDOW: Final = 8
GENERATOR: Final = 16
DIVIDES: Final = 32
"""It may fail for another reason than arithmetic overflow."""
NULLS: Final = 128
"""A constant NULL makes it NULL."""
READS: Final = 64
"""It depends on rows: a column, a variable, an aggregate, a subquery. What does not is computed ahead of any row."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One translated expression. Its DuckDB text has exactly the DuckDB form of its type."""

    sql: str
    """DuckDB text that can stand as an operand or argument."""
    type: Type
    name: str | None
    """Spark's text of it, which names an unaliased column; holds NO_NAME when unknown."""
    value: Any = UNKNOWN
    """The constant, as int, Decimal, float, str, bool, bytes, date or None; UNKNOWN when not known."""
    flags: int = 0
    bare_column: bool = False
    """A column and nothing else: a float one needs a cure against footer statistics in predicates."""

    def __post_init__(self) -> None:
        if self.name is None:
            object.__setattr__(self, "name", NO_NAME)

    @property
    def constant(self) -> bool:
        return self.value is not UNKNOWN

    def named(self, name: str | None) -> "Typed":
        return replace(self, name=name)


def flags_of(parts: Iterable[Typed]) -> int:
    """Return what holds for an expression made of these parts."""
    found = 0
    for part in parts:
        found |= part.flags
    return found


def hides_an_error(arguments: Sequence[Typed]) -> bool:
    """Return whether DuckDB may answer NULL because of a constant NULL without trying what else could fail."""
    for index, argument in enumerate(arguments):
        if argument.value is None or argument.flags & NULLS:
            others = (*arguments[:index], *arguments[index + 1 :])
            if any(other.flags & RAISES for other in others):
                return True
    return False


class NotPortableError(Exception):
    """A construct without a place in the portable set. Caught inside the package; becomes an Obstacle."""

    def __init__(self, construct: str, reason: str, node: exp.Expr | None = None) -> None:
        super().__init__(construct, reason)
        self.construct = construct
        self.reason = reason
        self.node = node

    def obstacle(self) -> Obstacle:
        line, column = position(self.node)
        return Obstacle(self.construct, self.reason, line, column)


def position(node: exp.Expr | None) -> tuple[int | None, int | None]:
    """Return line and column, from 1, of the first token known of a node; None when nothing is known."""
    if node is None:
        return None, None
    for child in node.walk():
        meta = child.meta
        if "line" in meta:
            return meta["line"], max(meta.get("col", 1) - (meta.get("end", 0) - meta.get("start", 0)), 1)
    return None, None
