"""OVER: partitions, order and frames."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from gateway.dialects.portability.typed import NotPortableError, Typed, flags_of

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions
    from gateway.dialects.portability.functions.registry import Function


@dataclass(frozen=True, slots=True)
class Frame:
    """The inside of OVER in both tongues."""

    sql: str
    """`` OVER (…)``."""
    name: str | None
    flags: int


_RANKS = ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile")


def frame(walk: "Expressions", node: exp.Window, function: "Function") -> Frame:
    """Return what stands after OVER for one function."""
    raise NotPortableError("OVER", "not in the portable set yet", node)


__all__ = ["Frame", "Typed", "flags_of", "frame"]
