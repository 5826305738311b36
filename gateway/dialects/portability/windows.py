"""OVER: partitions, order and frames."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from gateway.dialects.portability.typed import NotPortableError, flags_of
from gateway.dialects.portability.types import FRACTIONAL

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions
    from gateway.dialects.portability.functions.registry import Function

RANKS = ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile")
_NESTED = ("array", "map", "struct")


@dataclass(frozen=True, slots=True)
class Frame:
    """The inside of OVER in both tongues."""

    sql: str
    """`` OVER (…)``; empty without OVER."""
    name: str | None
    flags: int


def frame(walk: "Expressions", node: exp.Window, function: "Function", shift: int | None = None) -> Frame:
    """Return what stands after OVER for one function; ``shift`` is the distance LEAD and LAG look."""
    node = _defined(walk, node)
    for key, part in node.args.items():
        if part and key not in ("this", "partition_by", "order", "spec", "over", "alias"):
            raise NotPortableError(f"OVER with {key}", "not in the portable set", node)
    partitions = walk.all(node.args.get("partition_by") or ())
    order = node.args.get("order")
    items = order.expressions if order is not None else []
    keys = [walk(item.this) for item in items]
    if any(value.type.kind in _NESTED for value in (*partitions, *keys)):
        raise NotPortableError("OVER", "nested values compare differently", node)
    sql, names = [], []
    if partitions:
        sql.append("PARTITION BY " + ", ".join(walk_normal(value) for value in partitions))
        names.append("PARTITION BY " + ", ".join(str(value.name) for value in partitions))
    if items:
        sql.append("ORDER BY " + ", ".join(k.sql + _direction(i) for k, i in zip(keys, items, strict=True)))
        names.append("ORDER BY " + ", ".join(f"{k.name}{_direction(i)}" for k, i in zip(keys, items, strict=True)))
    bounds_sql, bounds_name = _bounds(node, function, bool(items), shift)
    sql.append(bounds_sql)
    names.append(bounds_name)
    _check(walk, function, node, bool(items))
    text = " ".join(part for part in sql if part)
    return Frame(f" OVER ({text})", " ".join(names), flags_of((*partitions, *keys)))


def walk_normal(value: "object") -> str:
    from gateway.dialects.portability.expressions import normal_float

    return normal_float(value).sql  # type: ignore[arg-type]


def _defined(walk: "Expressions", node: exp.Window) -> exp.Window:
    """Return the window itself, or the one of the WINDOW clause it names."""
    alias = node.args.get("alias")
    if alias is None:
        return node
    if node.args.get("partition_by") or node.args.get("order") or node.args.get("spec"):
        raise NotPortableError("OVER", "a named window with additions", node)
    found = walk.scope.windows.get(alias.name.lower())
    if found is None or found.args.get("alias"):
        raise NotPortableError(alias.name, "an unknown window", node)
    return found


def _direction(item: exp.Expr) -> str:
    descending = bool(item.args.get("desc"))
    first = bool(item.args.get("nulls_first"))
    return f" {'DESC' if descending else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"


def _check(walk: "Expressions", function: "Function", node: exp.Window, ordered: bool) -> None:
    ranked = function.kind == "window" and function.name not in ("first_value", "last_value", "nth_value")
    if ranked and not ordered:
        raise NotPortableError(f"{function.name}() OVER without ORDER BY", "an error in Spark", node)
    if node.args.get("spec") is not None and ranked:
        raise NotPortableError(f"{function.name}() with a frame", "Spark gives it a frame of its own", node)
    if function.name in (
        "row_number",
        "ntile",
        "lag",
        "lead",
        "first",
        "last",
        "first_value",
        "last_value",
        "nth_value",
        "any_value",
    ):
        walk.facts.order_dependent = True  # rows that tie may come in any order
    spec = node.args.get("spec")
    if spec is not None and (spec.args.get("kind") or "").upper() == "ROWS":
        walk.facts.order_dependent = True


def _bounds(node: exp.Window, function: "Function", ordered: bool, shift: int | None) -> tuple[str, str]:
    if function.name in ("lag", "lead"):
        at = 0 if shift is None else (shift if function.name == "lead" else -shift)
        return "", f"ROWS BETWEEN {at} FOLLOWING AND {at} FOLLOWING"
    if function.name == "cume_dist":
        return "", "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    if function.name in RANKS:
        return "", "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    spec = node.args.get("spec")
    if spec is None:
        if ordered:
            text = "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
            return text, text
        text = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
        return "", text
    if spec.args.get("exclude"):
        raise NotPortableError("EXCLUDE", "not in Spark", node)
    kind = str(spec.args.get("kind") or "").upper()
    if kind not in ("ROWS", "RANGE"):
        raise NotPortableError(kind, "not in the portable set", node)
    start = _bound(spec, "start", kind, node)
    end = _bound(spec, "end", kind, node) if spec.args.get("end") else "CURRENT ROW"
    text = f"{kind} BETWEEN {start} AND {end}"
    return text, text


def _bound(spec: exp.Expr, key: str, kind: str, node: exp.Expr) -> str:
    value, side = spec.args.get(key), str(spec.args.get(f"{key}_side") or "").upper()
    if isinstance(value, str) and value.upper() == "CURRENT ROW":
        return "CURRENT ROW"
    if isinstance(value, str) and value.upper() == "UNBOUNDED":
        return f"UNBOUNDED {side}"
    if kind == "ROWS" and isinstance(value, exp.Literal) and value.name.isdigit():
        return f"{value.name} {side}"
    raise NotPortableError(f"{kind} with a computed bound", "not in the portable set", node)


__all__ = ["FRACTIONAL", "Frame", "frame"]
