"""Aggregates."""

from collections.abc import Sequence

from gateway.dialects.portability import arithmetic
from gateway.dialects.portability.functions.registry import Call, aggregate
from gateway.dialects.portability.typed import Typed
from gateway.dialects.portability.types import BIGINT, DOUBLE, Type, bounded, decimal

_COUNT_TYPE = decimal(20, 0)


def _count_name(arguments: Sequence[Typed]) -> str | None:
    return None


def _count(call: Call) -> str:
    if call.distinct and len(call.arguments) > 1:
        row = ", ".join(argument.sql for argument in call.arguments)
        known = " AND ".join(f"{argument.sql} IS NOT NULL" for argument in call.arguments)
        return f"count(DISTINCT CASE WHEN {known} THEN row({row}) END){call.tail}"
    if len(call.arguments) > 1:
        known = " AND ".join(f"{argument.sql} IS NOT NULL" for argument in call.arguments)
        return f"count(CASE WHEN {known} THEN 1 END){call.tail}"
    return f"count({call.distinct}{call[0].sql}){call.tail}"


def _sum_type(arguments: Sequence[Typed]) -> Type:
    type_ = arguments[0].type
    return bounded(type_.precision + 10, type_.scale)


def _average_type(arguments: Sequence[Typed]) -> Type:
    type_ = arguments[0].type
    return bounded(type_.precision + 4, type_.scale + 4)


def _decimal_average(call: Call) -> str:
    type_ = call[0].type
    total = Typed(f"sum({call.distinct}{call[0].sql}){call.tail}", _sum_type(call.arguments), None)
    count = Typed(f"count({call.distinct}{call[0].sql}){call.tail}", _COUNT_TYPE, None)
    sum_type = _sum_type(call.arguments)
    if type_.precision + 10 + 4 > 38:
        raise call.refuse(f"avg({type_})", "its sum may need more than 38 digits")
    quotient = arithmetic.exact_quotient(total, sum_type, count, _COUNT_TYPE, call.type, call.node)
    return f"CASE WHEN {count.sql} > 0 THEN {quotient} END"


aggregate("count", "any*", BIGINT, _count)
aggregate("sum", "integral", BIGINT, "sum({d}{0}){t}", raises=True)
aggregate("sum", "decimal", _sum_type, "sum({d}{0}){t}", raises=True)
aggregate("sum", "fractional", DOUBLE, "sum({d}CAST({0} AS DOUBLE)){t}")
aggregate("avg mean", "integral", DOUBLE, "CAST(sum({d}{0}){t} AS DOUBLE) / nullif(count({d}{0}){t}, 0)")
aggregate("avg mean", "decimal", _average_type, _decimal_average)
aggregate("avg mean", "fractional", DOUBLE, "avg({d}CAST({0} AS DOUBLE)){t}")
aggregate("min", "orderable", "$0", "min({0}){t}")
aggregate("max", "orderable", "$0", "max({0}){t}")
