"""Aggregates."""

# ruff: noqa: E501  rows of a table read best on one line

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from gateway.dialects.portability import arithmetic
from gateway.dialects.portability.functions.registry import Call, aggregate, shown
from gateway.dialects.portability.typed import Typed
from gateway.dialects.portability.types import BIGINT, BOOLEAN, DOUBLE, STRING, TINYINT, Type, array, bounded, decimal

_COUNT_TYPE = decimal(20, 0)


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
    total = Typed(f"sum({call.distinct}{call[0].sql}){call.tail}", _sum_type(call.arguments), None)
    count = Typed(f"count({call.distinct}{call[0].sql}){call.tail}", _COUNT_TYPE, None)
    sum_type = _sum_type(call.arguments)
    quotient = arithmetic.exact_quotient(total, sum_type, count, _COUNT_TYPE, call.type, call.node)
    return f"CASE WHEN {count.sql} > 0 THEN {quotient} END"


aggregate(
    "count",
    "any*",
    BIGINT,
    _count,
    "$(*)",
    "$(i)",
    "$(1)",
    "$(distinct i)",
    "$(distinct i, s)",
    "$(i, s)",
    "$(distinct f)",
    "$(i) filter (where k > 3)",
)
aggregate(
    "sum",
    "integral",
    BIGINT,
    "sum({d}{0}){t}",
    "$(i)",
    "$(y)",
    "$(l)",
    "$(distinct y)",
    "$(k) filter (where i > 0)",
    raises=True,
)
aggregate("sum", "decimal", _sum_type, "sum({d}{0}){t}", "$(d)", "$(distinct d)", raises=True)
aggregate("sum", "fractional", DOUBLE, "sum({d}CAST({0} AS DOUBLE)){t}", "$(f)", "$(r)", "$(y / 2)")
aggregate(
    "avg mean",
    "integral",
    DOUBLE,
    "CAST(sum({d}{0}){t} AS DOUBLE) / nullif(count({d}{0}){t}, 0)",
    "$(i)",
    "$(l)",
    "$(distinct y)",
)
aggregate("avg mean", "decimal", _average_type, _decimal_average, "$(d)", "$(distinct d)")
aggregate("avg mean", "fractional", DOUBLE, "avg({d}CAST({0} AS DOUBLE)){t}", "$(f)", "$(y / 2)")


def _count_if(call: Call) -> str:
    return (
        f"count({call.distinct}CASE WHEN {call[0].sql} THEN 1 END){call.tail}" if not call.distinct else _refuse(call)
    )


def _named_first(function: str) -> Callable[[Sequence[Typed]], str | None]:
    return lambda arguments: f"{function}({arguments[0].name})"


def _refuse(call: Call) -> str:
    raise call.refuse("DISTINCT", "not in the portable set here")


def _two_numbers(function: str) -> str:
    return function + "({0}, {1}){t}"


def _percentile(call: Call) -> str:
    share = call[1].value
    if not isinstance(share, (int, float, Decimal)) or not 0 <= share <= 1:
        raise call.refuse("percentile", "only a constant share")
    return f"quantile_cont({call.distinct}CAST({call[0].sql} AS DOUBLE), {share}){call.tail}"


def _listed(call: Call) -> str:
    kept = f"{call[0].sql} IS NOT NULL"
    if call.tail:
        raise call.refuse("collect_list with FILTER or OVER", "not in the portable set")
    return f"coalesce(list({call.distinct}{call[0].sql}) FILTER (WHERE {kept}), [])"


def _element_list(arguments: Sequence[Typed]) -> Type:
    return array(arguments[0].type)


def _first(function: str) -> Callable[[Call], str]:
    def body(call: Call) -> str:
        ignore = call[1].value if len(call.arguments) > 1 else False
        if ignore not in (True, False):
            raise call.refuse(function, "only a constant flag")
        if ignore:
            if "OVER" in call.tail:
                return f"{function}({call[0].sql} IGNORE NULLS){call.tail}"
            if call.tail:
                raise call.refuse(f"{function} with FILTER", "not in the portable set")
            return f"{function}({call[0].sql}) FILTER (WHERE {call[0].sql} IS NOT NULL)"
        return f"{function}({call[0].sql}){call.tail}"

    return body


def _joined(call: Call) -> str:
    separator = call[1].sql if len(call.arguments) > 1 else "''"
    if len(call.arguments) > 1 and not isinstance(call[1].value, str):
        raise call.refuse("listagg", "only a constant separator")
    return f"string_agg({call.distinct}{call[0].sql}, {separator}){call.tail}"


aggregate("min", "orderable", "$0", "min({d}{0}){t}", *(f"$({c})" for c in "ilyfrdsb"), "$(dt)", "$(ts)", "$(n)")
aggregate(
    "max",
    "orderable",
    "$0",
    "max({d}{0}){t}",
    *(f"$({c})" for c in "ilyfrdsb"),
    "$(dt)",
    "$(ts)",
    "$(n)",
    "$(distinct i)",
)
aggregate("count_if", "boolean", BIGINT, _count_if, "$(b)", "$(i > 0)")
aggregate("bool_and every", "boolean", BOOLEAN, "bool_and({d}{0}){t}", "$(b)", "$(i is null)")
aggregate("bool_or any some", "boolean", BOOLEAN, "bool_or({d}{0}){t}", "$(b)", "$(i > 5)")
for _name in ("bit_and", "bit_or", "bit_xor"):
    aggregate(_name, "integral", "$0", _name + "({d}{0}){t}", "$(i)", "$(l)", "$(y)")
for _names, _duck in (
    ("stddev stddev_samp std", "stddev_samp"),
    ("stddev_pop", "stddev_pop"),
    ("variance var_samp", "var_samp"),
    ("var_pop", "var_pop"),
):
    aggregate(_names, "double", DOUBLE, f"{_duck}({{d}}{{0}}){{t}}", "$(i)", "$(y)", "$(d)", "$(k)")
for _name in ("covar_pop", "covar_samp"):
    aggregate(_name, "double double", DOUBLE, _name + "({0}, {1}){t}", "$(i, k)", "$(y, d)", distinct=False)
aggregate(
    "corr",
    "double double",
    DOUBLE,
    "CASE WHEN isnan(corr({0}, {1}){t}) THEN NULL ELSE corr({0}, {1}){t} END",
    "$(y, k)",
    "$(i, d)",
    distinct=False,
)
for _name in ("regr_count",):
    aggregate(_name, "double double", BIGINT, _name + "({0}, {1}){t}", "$(y, k)", "$(i, d)", distinct=False)
for _name in ("regr_avgx", "regr_avgy"):
    for _class in ("integral", "fractional"):
        aggregate(
            _name,
            f"{_class} {_class}",
            DOUBLE,
            _name + "({0}, {1}){t}",
            *(["$(y, k)"] if _class == "integral" else []),
            distinct=False,
        )
for _name in ("regr_sxx", "regr_syy", "regr_sxy", "regr_slope", "regr_intercept", "regr_r2"):
    aggregate(_name, "double double", DOUBLE, _name + "({0}, {1}){t}", "$(y, k)", "$(d, k)", distinct=False)
aggregate("median", "numeric", DOUBLE, "median({d}CAST({0} AS DOUBLE)){t}", "$(i)", "$(y)", "$(d)")
aggregate(
    "percentile",
    "numeric numeric",
    DOUBLE,
    _percentile,
    "$(y, 0.3)",
    "$(d, 0.5)",
    "$(i, 1)",
    "$(k, 0)",
    name=lambda a: f"percentile({a[0].name}, {a[1].name}, 1)",
)
aggregate(
    "min_by",
    "any orderable",
    "$0",
    "arg_min_null({0}, {1}){t}",
    "$(s, k)",
    "$(i, k)",
    order_dependent=True,
    distinct=False,
)
aggregate(
    "max_by",
    "any orderable",
    "$0",
    "arg_max_null({0}, {1}){t}",
    "$(s, k)",
    "$(i, k)",
    order_dependent=True,
    distinct=False,
)
aggregate(
    "try_sum",
    "integral",
    BIGINT,
    "CASE WHEN sum({d}{0}){t} BETWEEN -9223372036854775808::HUGEINT AND 9223372036854775807::HUGEINT THEN sum({d}{0}){t} END",
    "$(i)",
    "$(y)",
)
aggregate("try_sum", "fractional", DOUBLE, "sum({d}CAST({0} AS DOUBLE)){t}", "$(y / 2)")
aggregate("try_avg", "integral", DOUBLE, "CAST(sum({d}{0}){t} AS DOUBLE) / nullif(count({d}{0}){t}, 0)", "$(i)", "$(y)")
aggregate("try_avg", "fractional", DOUBLE, "avg({d}CAST({0} AS DOUBLE)){t}", "$(y / 2)")
aggregate("collect_list", "atomic", _element_list, _listed, order_dependent=True)
aggregate(
    "array_agg", "atomic", _element_list, _listed, order_dependent=True, name=lambda a: f"collect_list({a[0].name})"
)
aggregate(
    "collect_set",
    "atomic",
    _element_list,
    lambda c: _listed(replace(c, distinct="DISTINCT ")),
    order_dependent=True,
    distinct=False,
)
for _name in ("listagg", "string_agg"):
    aggregate(
        _name,
        "string string?",
        STRING,
        _joined,
        order_dependent=True,
        name=shown(_name + "({0}, {1})", "NULL"),
    )
for _name, _duck in (
    ("first", "first"),
    ("first_value", "first"),
    ("any_value", "first"),
    ("last", "last"),
    ("last_value", "last"),
):
    aggregate(
        _name,
        "any boolean?",
        "$0",
        _first(_duck),
        order_dependent=True,
        distinct=False,
        name=_named_first(_name),
    )
aggregate("grouping", "any", TINYINT, "grouping({0})", distinct=False)
