"""Choosing between values."""

from collections.abc import Callable, Sequence

from gateway.dialects.portability.functions.registry import Call, scalar
from gateway.dialects.portability.typed import NotPortableError, Typed
from gateway.dialects.portability.types import BOOLEAN, DOUBLE, FRACTIONAL, Type, common, is_atomic


def together_type(arguments: Sequence[Typed]) -> Type:
    """Return the type that arguments meet in."""
    type_ = arguments[0].type
    for argument in arguments[1:]:
        met = common(type_, argument.type)
        if met is None:
            raise NotPortableError(f"{type_} and {argument.type} together", "types that do not meet")
        type_ = met
    return type_


def _each(call: Call) -> list[str]:
    return [call.walk.cast(argument, call.type, call.node).sql for argument in call.arguments]


def _coalesce(call: Call) -> str:
    return f"coalesce({', '.join(_each(call))})"


def _extreme(function: str) -> Callable[[Call], str]:
    def body(call: Call) -> str:
        if len(call.arguments) < 2 or not is_atomic(call.type):
            raise call.refuse(function, "needs two or more plain values")
        return f"{function}({', '.join(_each(call))})"

    return body


def _nvl2(call: Call) -> str:
    yes, no = (call.walk.cast(argument, call.type, call.node).sql for argument in call.arguments[1:])
    return f"CASE WHEN {call[0].sql} IS NOT NULL THEN {yes} ELSE {no} END"


def _nullif(call: Call) -> str:
    left, right = call.walk.comparable(call[0], call[1], call.node)
    return f"CASE WHEN {left.sql} = {right.sql} THEN NULL ELSE {call[0].sql} END"


def _equal_null(call: Call) -> str:
    left, right = call.walk.comparable(call[0], call[1], call.node)
    return f"{left.sql} IS NOT DISTINCT FROM {right.sql}"


def _nan(call: Call) -> str:
    return f"coalesce(isnan({call.walk.cured(call[0]).sql}), false)"


_VALUES = (
    "$(cast(null as int), 1)",
    "$(i, 7)",
    "$(l, i)",
    "$(i, d)",
    "$(s, 'z')",
    "$(dt, date'2020-01-01')",
    "$(f, i)",
)
scalar("coalesce", "any any*", together_type, _coalesce, *_VALUES, "coalesce(i)", "coalesce(i, l, f)")
scalar("nvl ifnull", "any any", together_type, _coalesce, *_VALUES)
scalar("nvl2", "any any any", lambda a: together_type(a[1:]), _nvl2, "$(i, 1, 2)", "$(s, l, i)", "$(i, d, 1)")
scalar("nullif", "any any", "$0", _nullif, "$(i, 7)", "$(s, '')", "$(f, 0)", "$(i, l)", "$(d, 1.5)")
scalar("greatest", "orderable orderable*", together_type, _extreme("greatest"), *_VALUES, "$(i, l, 5)", "$(f, 0e0)")
scalar("least", "orderable orderable*", together_type, _extreme("least"), *_VALUES, "$(i, l, 5)", "$(f, 0e0)")
scalar("isnull", "any", BOOLEAN, "({0} IS NULL)", "$(i)", "$(s)", name=lambda a: f"({a[0].name} IS NULL)")
scalar("isnotnull", "any", BOOLEAN, "({0} IS NOT NULL)", "$(i)", name=lambda a: f"({a[0].name} IS NOT NULL)")
scalar("isnan", "fractional", BOOLEAN, _nan, "$(f)", "$(r)")
scalar(
    "nanvl",
    "fractional fractional",
    together_type,
    lambda call: f"CASE WHEN isnan({_each(call)[0]}) THEN {_each(call)[1]} ELSE {_each(call)[0]} END",
    "$(f, 1e0)",
    "$(f, f)",
)
scalar("equal_null", "any any", BOOLEAN, _equal_null, "$(i, 7)", "$(s, null)", "$(f, f)")
scalar("nullifzero", "numeric", "$0", "CASE WHEN {0} = 0 THEN NULL ELSE {0} END", "$(i)", "$(d)", "$(f)")
scalar("zeroifnull", "numeric", lambda a: together_type([a[0]]), "coalesce({0}, 0)", "$(i)", "$(f)")

__all__ = ["DOUBLE", "FRACTIONAL"]
