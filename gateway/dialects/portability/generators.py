"""Rows out of arrays: explode and posexplode, in LATERAL VIEW and in the SELECT list."""

from typing import TYPE_CHECKING

from sqlglot import exp

from gateway.dialects.portability.typed import GENERATOR, UNKNOWN, NotPortableError, Typed
from gateway.dialects.portability.types import INT, Type, quote

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions, Output

_GENERATORS = ("explode", "explode_outer", "posexplode", "posexplode_outer")


def lateral_view(walk: "Expressions", node: exp.Expr, number: int) -> tuple[str, str, list["Output"]]:
    """Return the join that stands for a LATERAL VIEW, its alias and its columns."""
    from gateway.dialects.portability.expressions import Output

    call = node.this
    for key, part in node.args.items():
        if part and key not in ("this", "view", "outer", "alias"):
            raise NotPortableError(f"LATERAL with {key}", "not in the portable set", node)
    if not node.args.get("view"):
        raise NotPortableError("LATERAL", "not in the portable set", node)
    name, source = _source(walk, call)
    outer = bool(node.args.get("outer")) or name.endswith("_outer")
    types: list[Type] = [source.type.parts[0]]
    selected = [f"unnest({source.sql})"]
    names = ["col"]
    if name.startswith("pos"):
        types.insert(0, INT)
        names.insert(0, "pos")
        selected.insert(0, f"CAST(generate_subscripts({source.sql}, 1) - 1 AS INTEGER)")
    alias = node.args.get("alias")
    columns = alias.args.get("columns") if alias is not None else None
    if columns:
        if len(columns) != len(names):
            raise NotPortableError("LATERAL VIEW", "the number of column names", node)
        names = [column.name for column in columns]
    label = node.alias or f"hg_v{number}"
    listed = ", ".join(f"{sql} AS {quote(column)}" for sql, column in zip(selected, names, strict=True))
    join = "LEFT JOIN LATERAL" if outer else "JOIN LATERAL"
    outputs = [Output(column, type_) for column, type_ in zip(names, types, strict=True)]
    return f" {join} (SELECT {listed}) AS {quote(label)} ON true", label, outputs


def _source(walk: "Expressions", call: exp.Expr) -> tuple[str, Typed]:
    name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
    if name not in _GENERATORS or len(call.expressions) != 1:
        raise NotPortableError(name or "LATERAL VIEW", "not in the portable set", call)
    source = walk(call.expressions[0])
    if source.type.kind != "array":
        raise NotPortableError(f"{name}({source.type})", "only arrays", call)
    return name, source


def selected(walk: "Expressions", node: exp.Expr) -> Typed | None:
    """Return explode(array) as a projection; None when the node is no such call."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "explode":
        return None
    _, source = _source(walk, node)
    return Typed(f"unnest({source.sql})", source.type.parts[0], "col", UNKNOWN, source.flags | GENERATOR)
