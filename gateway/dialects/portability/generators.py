"""LATERAL VIEW: rows out of arrays and maps."""

from typing import TYPE_CHECKING

from sqlglot import exp

from gateway.dialects.portability.typed import NotPortableError

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions, Output


def lateral_view(walk: "Expressions", node: exp.Expr, number: int) -> tuple[str, str, list["Output"]]:
    """Return the join that stands for a LATERAL VIEW, its alias and its columns."""
    raise NotPortableError("LATERAL VIEW", "not in the portable set", node)
