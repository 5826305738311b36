"""Functions that need OVER."""

from collections.abc import Callable, Sequence

from gateway.dialects.portability.functions.registry import Call, window
from gateway.dialects.portability.typed import Typed
from gateway.dialects.portability.types import BIGINT, DOUBLE, INT

window("row_number", "", INT, "row_number(){t}")
window("rank", "", INT, "rank(){t}", name=lambda _: "RANK()")
window("dense_rank", "", INT, "dense_rank(){t}", name=lambda _: "DENSE_RANK()")
window("percent_rank", "", DOUBLE, "percent_rank(){t}", name=lambda _: "PERCENT_RANK()")
window("cume_dist", "", DOUBLE, "cume_dist(){t}")


def _ntile(call: Call) -> str:
    if not isinstance(call[0].value, int) or call[0].value < 1:
        raise call.refuse("ntile()", "needs a positive constant")
    return f"ntile({call[0].sql}){call.tail}"


def _shifted(function: str) -> Callable[[Call], str]:
    def body(call: Call) -> str:
        shift = call[1] if len(call.arguments) > 1 else None
        if shift is not None and not isinstance(shift.value, int):
            raise call.refuse(f"{function}()", "needs a constant distance")
        distance = shift.value if shift is not None else 1
        default = ""
        if len(call.arguments) > 2:
            default = f", {call.walk.cast(call[2], call.type, call.node).sql}"
        return f"{function}({call[0].sql}, {distance}{default}){call.tail}"

    return body


def _shifted_name(function: str) -> Callable[[Sequence[Typed]], str | None]:
    def name(arguments: Sequence[Typed]) -> str | None:
        shift = arguments[1].name if len(arguments) > 1 else "1"
        default = arguments[2].name if len(arguments) > 2 else "NULL"
        return f"{function}({arguments[0].name}, {shift}, {default})"

    return name


window("ntile", "int", INT, _ntile)
for _function in ("lag", "lead"):
    window(_function, "any int? any?", "$0", _shifted(_function), name=_shifted_name(_function))

__all__ = ["BIGINT"]
