"""Functions of numbers."""

# ruff: noqa: E501  rows of a table read best on one line

from collections.abc import Callable, Sequence

from gateway.dialects.portability.functions.registry import Call, scalar, shown, typed
from gateway.dialects.portability.typed import DIVIDES, RAISES, UNKNOWN, Typed
from gateway.dialects.portability.types import (
    BIGINT,
    DOUBLE,
    INT,
    SMALLINT,
    TINYINT,
    VOID,
    Type,
    bounded,
    decimal,
    duckdb_name,
)

_NAN = "CAST('nan' AS DOUBLE)"
_INF = "CAST('inf' AS DOUBLE)"


def _whole(arguments: Sequence[Typed]) -> Type:
    type_ = arguments[0].type
    return type_ if type_.scale == 0 else bounded(type_.precision - type_.scale + 1, 0)


def _places(arguments: Sequence[Typed]) -> int | None:
    if len(arguments) == 1:
        return 0
    return arguments[1].value if isinstance(arguments[1].value, int) else None


def _rounded(arguments: Sequence[Typed]) -> Type:
    type_, places = arguments[0].type, _places(arguments) or 0
    digits = type_.precision - type_.scale + 1
    if places < 0:
        return decimal(min(max(digits, -places + 1), 38), 0)
    scale = min(type_.scale, places)
    return decimal(min(digits + scale, 38), scale)


def _round_decimal(call: Call) -> str:
    places = _places(call.arguments)
    if places is None or places < 0:
        raise call.refuse("round", "only a constant number of places from 0 on")
    return f"round({call[0].sql}, {places})" if places < call[0].type.scale else call[0].sql


def _round_double(call: Call) -> str:
    places = _places(call.arguments)
    if places is None or not 0 <= places <= 15:
        raise call.refuse("round", "only a constant number of places from 0 to 15")
    x = call[0].sql
    # Spark rounds the shortest decimal text of the double, half up.
    exact = f"CAST(CAST(CAST(CAST({x} AS VARCHAR) AS DECIMAL(38,{places})) AS VARCHAR) AS DOUBLE)"
    return f"CASE WHEN NOT isfinite({x}) OR abs({x}) >= 1e16 THEN {x} ELSE {exact} END"


def _round_integer(call: Call) -> str:
    places = _places(call.arguments)
    if places is None or places < 0:
        raise call.refuse("round", "only a constant number of places from 0 on")
    return call[0].sql


def _round_name(arguments: Sequence[Typed]) -> str | None:
    return f"round({arguments[0].name}, {arguments[1].name if len(arguments) > 1 else 0})"


def _operated(symbol: str, arguments: Sequence[Typed], call: Call) -> Typed:
    from gateway.dialects.portability.expressions import number_operation

    return number_operation(call.walk, symbol, arguments[0], arguments[1], call.node)


def _pmod(call: Call) -> str:
    rest = call.walk.cast(_operated("%", call.arguments, call), call.type, call.node)
    both = [call.walk.cast(argument, call.type, call.node) for argument in call.arguments]
    again = _operated("%", [_operated("+", [rest, both[1]], call), both[1]], call)
    return f"CASE WHEN {rest.sql} < 0 THEN {call.walk.cast(again, call.type).sql} ELSE {rest.sql} END"


def _widest_integer(arguments: Sequence[Typed]) -> Type:
    return max((a.type for a in arguments), key=(TINYINT, SMALLINT, INT, BIGINT).index)


def _shift_right(call: Call) -> str:
    distance, width = call[1].value, 64 if call[0].type == BIGINT else 32
    if not isinstance(distance, int) or not 0 <= distance < width:
        raise call.refuse("shiftright", "only a constant distance within the width")
    return f"({call[0].sql} >> {distance})"


def _outside(condition: str, value: str, function: str) -> str:
    return f"CASE WHEN {condition} THEN {value} ELSE {function} END"


scalar("abs", "numeric", "$0", "abs({0})", "$(i)", "$(l)", "$(d)", "$(f)", "$(r)", raises=True)
_SIGN = "CASE WHEN isnan({0}) THEN {0} ELSE sign({0}) END"
scalar("sign", "double", DOUBLE, _SIGN, "$(i)", "$(d)", "$(f)")
scalar("signum", "double", DOUBLE, _SIGN, "$(i)", "$(d)", "$(f)", name=lambda a: f"SIGNUM({a[0].name})")
scalar("negative", "numeric", "$0", "(- {0})", "$(i)", "$(d)", "$(f)", name=lambda a: f"negative({a[0].name})")
scalar("positive", "numeric", "$0", "{0}", "$(i)", "$(f)", name=lambda a: f"(+ {a[0].name})")
for _name, _shown in (("ceil", "CEIL"), ("ceiling", "ceiling"), ("floor", "FLOOR")):
    _function = "floor" if _name == "floor" else "ceil"
    _label = shown(_shown + "({0})")
    scalar(_name, "integral", BIGINT, "{0}", "$(i)", "$(l)", name=_label)
    scalar(_name, "decimal", _whole, _function + "({0})", "$(d)", "$(-1.5)", name=_label)
    scalar(
        _name,
        "fractional",
        BIGINT,
        f"CASE WHEN isnan({{0}}) THEN 0 ELSE hg_double_to_bigint({_function}(CAST({{0}} AS DOUBLE))) END",
        "$(f)",
        "$(-0.5e0)",
        raises=True,
        name=_label,
    )
scalar("round", "integral int?", "$0", _round_integer, "$(i)", "$(l, 2)", name=_round_name)
scalar(
    "round",
    "decimal int?",
    _rounded,
    _round_decimal,
    "$(d)",
    "$(d, 1)",
    "$(d, 5)",
    "$(2.5)",
    "$(-2.5)",
    name=_round_name,
)
scalar("round", "double int?", DOUBLE, _round_double, "$(f)", "$(f, 2)", "$(2.675e0, 2)", "$(-2.5e0)", name=_round_name)
scalar(
    "sqrt",
    "double",
    DOUBLE,
    _outside("{0} < 0", _NAN, "sqrt({0})"),
    "$(f)",
    "$(i)",
    name=lambda a: f"SQRT({a[0].name})",
)
scalar("cbrt", "double", DOUBLE, "cbrt({0})", "$(f)", name=lambda a: f"CBRT({a[0].name})")
scalar("exp", "double", DOUBLE, "exp({0})", "$(f)", name=lambda a: f"EXP({a[0].name})")
scalar(
    "expm1",
    "double",
    DOUBLE,
    "CASE WHEN abs({0}) < 1 THEN 2 * exp({0} / 2) * sinh({0} / 2) ELSE exp({0}) - 1 END",
    "$(f)",
    "$(1e-9)",
    name=lambda a: f"EXPM1({a[0].name})",
)
scalar("ln", "double", DOUBLE, _outside("{0} <= 0", "NULL", "ln({0})"), "$(f)", "$(i)")
scalar(
    "log", "double", DOUBLE, _outside("{0} <= 0", "NULL", "ln({0})"), "$(f)", name=lambda a: f"LOG(E(), {a[0].name})"
)
scalar(
    "log",
    "double double",
    DOUBLE,
    _outside("{0} <= 0 OR {1} <= 0", "NULL", "hg_ratio(ln({1}), ln({0}))"),
    "$(2, f)",
    "$(f, 3)",
    "$(1, 5)",
    name=lambda a: f"LOG({a[0].name}, {a[1].name})",
)
scalar(
    "log10", "double", DOUBLE, _outside("{0} <= 0", "NULL", "log10({0})"), "$(f)", name=lambda a: f"LOG10({a[0].name})"
)
scalar("log2", "double", DOUBLE, _outside("{0} <= 0", "NULL", "log2({0})"), "$(f)", name=lambda a: f"LOG2({a[0].name})")
scalar(
    "log1p",
    "double",
    DOUBLE,
    "CASE WHEN {0} <= -1 THEN NULL WHEN abs({0}) < 0.5e0 THEN 2 * atanh({0} / (2 + {0})) ELSE ln(1 + {0}) END",
    "$(f)",
    "$(1e-9)",
    name=lambda a: f"LOG1P({a[0].name})",
)
_POW = "CASE WHEN {0} = 0 AND {1} < 0 THEN CASE WHEN signbit({0}) THEN CAST('headgate beyond: -0.0' AS DOUBLE) ELSE CAST('inf' AS DOUBLE) END ELSE pow({0}, {1}) END"
scalar(
    "power",
    "double double",
    DOUBLE,
    _POW,
    "$(f, 2)",
    "$(2, i)",
    "$(0, -1)",
    name=lambda a: f"POWER({a[0].name}, {a[1].name})",
)
scalar("pow", "double double", DOUBLE, _POW, "$(f, 2)", "$(2, i)", "$(f, 0.5)", "$(0, -1)", "$(-8e0, 0.5e0)")
for _name in ("sin", "cos", "tan"):
    scalar(
        _name,
        "double",
        DOUBLE,
        _outside("isinf({0})", _NAN, f"{_name}({{0}})"),
        "$(f)",
        name=shown(_name.upper() + "({0})"),
    )
for _name in ("sinh", "cosh", "tanh", "atan", "asinh"):
    scalar(
        _name,
        "double",
        DOUBLE,
        f"{_name}({{0}})",
        "$(f)",
        "$(0.5)",
        name=shown(_name.upper() + "({0})"),
    )
for _name in ("asin", "acos"):
    scalar(
        _name,
        "double",
        DOUBLE,
        _outside("abs({0}) > 1", _NAN, f"{_name}({{0}})"),
        "$(f)",
        "$(0.5)",
        name=shown(_name.upper() + "({0})"),
    )
scalar(
    "acosh",
    "double",
    DOUBLE,
    _outside("{0} < 1", _NAN, "acosh({0})"),
    "$(f)",
    "$(2)",
    name=lambda a: f"ACOSH({a[0].name})",
)
scalar(
    "atanh",
    "double",
    DOUBLE,
    f"CASE WHEN abs({{0}}) > 1 THEN {_NAN} WHEN abs({{0}}) = 1 THEN {_INF} * {{0}} ELSE atanh({{0}}) END",
    "$(f)",
    "$(0.5)",
    name=lambda a: f"ATANH({a[0].name})",
)
scalar(
    "cot",
    "double",
    DOUBLE,
    f"CASE WHEN isinf({{0}}) THEN {_NAN} WHEN {{0}} = 0 THEN {_INF} ELSE 1 / tan({{0}}) END",
    "$(1)",
    "$(i)",
    name=lambda a: f"COT({a[0].name})",
)
scalar(
    "sec",
    "double",
    DOUBLE,
    f"CASE WHEN isinf({{0}}) THEN {_NAN} ELSE 1 / cos({{0}}) END",
    "$(f)",
    name=lambda a: f"SEC({a[0].name})",
)
scalar(
    "csc",
    "double",
    DOUBLE,
    f"CASE WHEN isinf({{0}}) THEN {_NAN} WHEN {{0}} = 0 THEN {_INF} ELSE 1 / sin({{0}}) END",
    "$(1)",
    "$(i)",
    name=lambda a: f"CSC({a[0].name})",
)
scalar(
    "atan2",
    "double double",
    DOUBLE,
    "atan2({0}, {1})",
    "$(f, 1)",
    "$(0, -1)",
    name=lambda a: f"ATAN2({a[0].name}, {a[1].name})",
)
scalar(
    "hypot",
    "double double",
    DOUBLE,
    "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL WHEN isinf({0}) OR isinf({1}) THEN CAST('inf' AS DOUBLE) WHEN isnan({0}) OR isnan({1}) THEN CAST('nan' AS DOUBLE)"
    " WHEN {0} = 0 THEN abs({1}) ELSE greatest(abs({0}), abs({1}))"
    " * sqrt(1 + pow(least(abs({0}), abs({1})) / greatest(abs({0}), abs({1})), 2)) END",
    "$(f, 2)",
    "$(3, 4)",
    "$(0, 5)",
    name=lambda a: f"HYPOT({a[0].name}, {a[1].name})",
)
scalar("degrees", "double", DOUBLE, "degrees({0})", "$(i)", name=lambda a: f"DEGREES({a[0].name})")
scalar("radians", "double", DOUBLE, "radians({0})", "$(f)", name=lambda a: f"RADIANS({a[0].name})")
scalar("rint", "double", DOUBLE, "round_even({0}, 0)", "$(f)", "$(2.5)", "$(-0.5)")
scalar("e", "", DOUBLE, "exp(1e0)", "$()", name=lambda _: "E()")
scalar("pi", "", DOUBLE, "pi()", "$()", name=lambda _: "PI()")
scalar(
    "factorial",
    "int",
    BIGINT,
    "CASE WHEN {0} BETWEEN 0 AND 20 THEN factorial({0}) END",
    "$(i)",
    "$(20)",
    "$(21)",
    "$(-1)",
)


_BOUNDS = {TINYINT: 7, SMALLINT: 15, INT: 31, BIGINT: 63}


def _try(symbol: str) -> Callable[[Call], Typed]:
    """Return the body of try_add and kin. DuckDB's TRY is no help: common subexpressions are computed outside of it."""

    def body(call: Call) -> Typed:
        value = _operated(symbol, call.arguments, call)
        if VOID in (call[0].type, call[1].type):
            return Typed(f"CAST(NULL AS {duckdb_name(value.type)})", value.type, value.name)
        if value.flags & RAISES and symbol in "/%":
            zero = f"{call[1].sql} = 0"
            sql = f"(CASE WHEN {zero} THEN NULL ELSE {value.sql} END)"
            return Typed(sql, value.type, value.name, UNKNOWN, value.flags & ~(RAISES | DIVIDES))
        if value.type in _BOUNDS:
            bits = _BOUNDS[value.type]
            wide = f"(CAST({call[0].sql} AS HUGEINT) {symbol} CAST({call[1].sql} AS HUGEINT))"
            inside = f"{wide} BETWEEN {-(2**bits)}::HUGEINT AND {2**bits - 1}::HUGEINT"
            sql = f"(CASE WHEN {inside} THEN CAST({wide} AS {duckdb_name(value.type)}) END)"
            return Typed(sql, value.type, value.name, UNKNOWN, value.flags & ~(RAISES | DIVIDES))
        if value.flags & RAISES:
            raise call.refuse(f"try_ on {value.type}", "the result may need more than 38 digits")
        return value

    return body


for _name, _symbol in (
    ("try_add", "+"),
    ("try_subtract", "-"),
    ("try_multiply", "*"),
    ("try_divide", "/"),
    ("try_mod", "%"),
):
    typed(_name, "number number", _try(_symbol), "$(i, 7)", "$(l, l)", "$(d, 2)", "$(f, 0)", "$(i, 0)", "$(d, d)")
typed(
    "mod",
    "number number",
    lambda c: _operated("%", c.arguments, c),
    "$(i, 7)",
    "$(-7, 3)",
    "$(d, 2.5)",
    "$(f, 2)",
    "$(i, y)",
)
scalar("pmod", "integral integral", _widest_integer, _pmod, "$(i, 7)", "$(-7, 3)", "$(7, -3)", "$(l, i)", raises=True)
scalar("bit_count", "integral", INT, "bit_count(CAST({0} AS BIGINT))", "$(i)", "$(l)")
for _name, _kind in (("int int", INT), ("bigint int", BIGINT)):
    scalar("shiftright", _name, _kind, _shift_right, "$(i, 2)", "$(l, 33)", "$(y, 1)")
scalar(
    "bit_get getbit",
    "integral int",
    TINYINT,
    lambda c: f"(CAST({c[0].sql} AS BIGINT) >> {_bit(c)}) & 1",
    "$(i, 0)",
    "$(i, 3)",
    "$(l, 63)",
)


def _bit(call: Call) -> int:
    place = call[1].value
    width = {TINYINT: 8, SMALLINT: 16, INT: 32, BIGINT: 64}[call[0].type]
    if not isinstance(place, int) or not 0 <= place < width:
        raise call.refuse("bit_get", "only a constant place within the width")
    return place


__all__ = ["duckdb_name"]


def _bucket(call: Call) -> str:
    value, low, high = (argument.sql for argument in call.arguments[:3])
    number = call[3].value
    if not isinstance(number, int) or number <= 0:
        raise call.refuse("width_bucket", "only a constant number of buckets")
    return (
        f"CASE WHEN {value} IS NULL OR {low} IS NULL OR {high} IS NULL OR {low} = {high} OR isnan({value})"
        f" OR NOT isfinite({low}) OR NOT isfinite({high}) THEN NULL"
        f" WHEN {low} < {high} THEN CASE WHEN {value} < {low} THEN 0 WHEN {value} >= {high} THEN {number} + 1"
        f" ELSE CAST(trunc({number} * ({value} - {low}) / ({high} - {low})) AS BIGINT) + 1 END"
        f" ELSE CASE WHEN {value} > {low} THEN 0 WHEN {value} <= {high} THEN {number} + 1"
        f" ELSE CAST(trunc({number} * ({low} - {value}) / ({low} - {high})) AS BIGINT) + 1 END END"
    )


scalar(
    "width_bucket",
    "double double double bigint",
    BIGINT,
    _bucket,
    "$(5.3, 0.2, 10.6, 5)",
    "$(-2.1, 1.3, 3.4, 3)",
    "$(8.1, 0.0, 5.7, 4)",
    "$(f, 0, 10, 5)",
    "$(3, 10, 1, 4)",
)
scalar("bit_count", "boolean", INT, "CAST({0} AS INTEGER)", "$(b)")
