"""What a star stands for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from catalog.errors import ColumnNotFoundError, TableNotFoundError
from catalog.identifiers import fold
from gateway.dialects.scopes import AmbiguousNameError, Field, Scope, Visible

if TYPE_CHECKING:
    from gateway.dialects.naming import Naming


def is_star(node: object) -> bool:
    """Tell ``*`` and ``t.*`` from everything else."""
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def is_whole_star(node: object) -> bool:
    """Tell a plain ``*``, as count takes it."""
    return isinstance(node, exp.Star) and not node.args.get("except_")


def expand(naming: "Naming", node: exp.Expr, scope: Scope) -> list[tuple[exp.Expr, Field]] | None:
    """Return the columns a star stands for, bound; None when they are not all known.

    Raises: TableNotFoundError for a qualifier that means nothing; ColumnNotFoundError for a name in EXCEPT.
    """
    star = node if isinstance(node, exp.Star) else node.this
    if isinstance(node, exp.Column):
        qualifier = [part for part in node.parts if not isinstance(part, exp.Star)]
        sources = scope.qualified_sources([fold(part.name) for part in qualifier])
        if not sources:
            return _struct(naming, node, qualifier, scope)
        naming.requalify(qualifier, sources[0])
        visible = [Visible(each.name, each, source) for source in sources for each in source.fields]
        known = not any(source.open for source in sources)
    else:
        visible = scope.visible
        known = not any(source.open for source in scope.sources)
    kept = _except(naming, star, visible)
    for each in kept:
        naming.read(each)
    if not known or any(each.name is None for each in visible):
        return None
    return [_bound(each) for each in kept]


def _except(naming: "Naming", star: exp.Expr, visible: list[Visible]) -> list[Visible]:
    if not star.args.get("except_"):
        return visible
    gone: set[str] = set()
    names = {fold(each.name) for each in visible if each.name}
    for column in star.args.get("except_") or ():
        name = column.name
        if fold(name) not in names:
            raise ColumnNotFoundError(f"column {name} of EXCEPT does not exist", **naming.text.place(column))
        gone.add(fold(name))
    return [each for each in visible if each.name is None or fold(each.name) not in gone]


def _bound(visible: Visible) -> tuple[exp.Expr, Field]:
    name = visible.name or ""
    column: exp.Expr = exp.Column(
        this=exp.to_identifier(name, quoted=True), table=exp.Identifier(this=visible.source.alias, quoted=False)
    )
    if visible.other is not None:
        other = exp.Column(
            this=exp.to_identifier(visible.other.name, quoted=True),
            table=exp.Identifier(this=visible.other.source.alias, quoted=False),
        )
        both = exp.Anonymous(this="coalesce", expressions=[column, other])
        return exp.Alias(this=both, alias=exp.to_identifier(name, quoted=True)), Field(name)
    inner = visible.field
    bases = inner.bases if visible.source.prunable else ()
    return column, Field(name, inner.type, bases, inner.identity or inner)


def _struct(
    naming: "Naming", node: exp.Column, qualifier: Sequence[exp.Expr], scope: Scope
) -> list[tuple[exp.Expr, Field]] | None:
    """Expand ``s.*`` of a struct column, whose fields are known when it comes straight from a table."""
    try:
        found = scope.resolve([fold(part.name) for part in qualifier])
    except AmbiguousNameError:
        found = None
    if found is None:
        if scope.is_open or naming.work.lenient:
            return None
        shown = ".".join(part.name for part in qualifier)
        raise TableNotFoundError(f"{shown} of {shown}.* is no relation here", **naming.text.place(node))
    naming.read(found.visible)
    type_ = found.visible.field.type
    if found.rest or found.visible.other is not None or type_ is None or not pa.types.is_struct(type_):
        return None
    base, _ = _bound(found.visible)
    return [
        (exp.Dot(this=base.copy(), expression=exp.to_identifier(each.name, quoted=True)), Field(each.name, each.type))
        for each in (type_.field(index) for index in range(type_.num_fields))
    ]
