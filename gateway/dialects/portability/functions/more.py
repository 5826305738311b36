"""Functions that fit no other family: bits, bases, choices by value, and the ones a type alone answers."""

# ruff: noqa: E501  rows of a table read best on one line

import re
from collections.abc import Callable, Sequence

from sqlglot import exp

from gateway.dialects.portability.functions.conditionals import together_type
from gateway.dialects.portability.functions.nested import LAMBDAS
from gateway.dialects.portability.functions.registry import Call, aggregate, scalar, typed, window
from gateway.dialects.portability.typed import RAISES, READS, UNKNOWN, Typed, flags_of
from gateway.dialects.portability.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    VOID,
    Type,
    array,
    duckdb_name,
    spark_name,
    struct,
    text,
)


def _distance(call: Call) -> tuple[int, int]:
    distance, width = call[1].value, 64 if call[0].type == BIGINT else 32
    if not isinstance(distance, int) or not 0 <= distance < width:
        raise call.refuse(call.node.name.lower(), "only a constant distance within the width")
    return distance, width


def _shift_left(call: Call) -> str:
    distance, width = _distance(call)
    return f"hg_wrap(CAST({call[0].sql} AS HUGEINT) * {2**distance}::HUGEINT, {2**width}::HUGEINT)"


def _shift_unsigned(call: Call) -> str:
    distance, width = _distance(call)
    if distance == 0:
        return call[0].sql
    unsigned = f"CASE WHEN {call[0].sql} < 0 THEN CAST({call[0].sql} AS HUGEINT) + {2**width}::HUGEINT ELSE CAST({call[0].sql} AS HUGEINT) END"
    return f"({unsigned}) // {2**distance}::HUGEINT"


for _name, _type in (("int int", INT), ("bigint int", BIGINT)):
    scalar("shiftleft", _name, _type, _shift_left, "$(i, 2)", "$(l, 33)", "$(i, 31)", "$(i, 0)", "$(y, 3)")
for _name, _type in (("int int", INT), ("bigint int", BIGINT)):
    scalar("shiftrightunsigned", _name, _type, _shift_unsigned, "$(i, 2)", "$(l, 33)", "$(i, 0)", "$(y, 3)")
scalar(
    "bitmap_bucket_number",
    "bigint",
    BIGINT,
    "CASE WHEN {0} > 0 THEN 1 + ({0} - 1) // 32768 ELSE {0} // 32768 END",
    "$(y)",
    "$(i)",
)
scalar(
    "bitmap_bit_position",
    "bigint",
    BIGINT,
    "CASE WHEN {0} > 0 THEN ({0} - 1) % 32768 ELSE (- {0}) % 32768 END",
    "$(y)",
    "$(i)",
)


def _typeof(call: Call) -> Typed:
    name = spark_name(call[0].type).lower()
    if call[0].type.kind == "struct":
        raise call.refuse("typeof(struct)", "its text is not known")
    name = re.sub(r", ", ",", name)
    return Typed(text(name), STRING, None, name)


typed("typeof", "any", _typeof, "$(i)", "$(d)", "$(ai)", "$(ts)", "$(1.50)", "$(map('a', 1))", "$(n)", "$(null)")


def _decode(call: Call) -> str:
    pairs = list(call.arguments[1:])
    default = pairs.pop() if len(pairs) % 2 else None
    branches = ""
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        a, b = call.walk.comparable(call[0], key, call.node)
        branches += f" WHEN {a.sql} IS NOT DISTINCT FROM {b.sql} THEN {call.walk.cast(value, call.type, call.node).sql}"
    last = f" ELSE {call.walk.cast(default, call.type, call.node).sql}" if default is not None else ""
    return f"CASE{branches}{last} END"


def _decoded(arguments: Sequence[Typed]) -> Type:
    pairs = arguments[1:]
    return together_type([*pairs[1::2], *([pairs[-1]] if len(pairs) % 2 else [])])


scalar(
    "decode", "any any any any*", _decoded, _decode, "$(i, 1, 'a', 'b')", "$(i, 1, 'a', 7, 'c')", "$(i, null, 0, -1)"
)
scalar(
    "if",
    "boolean any any",
    lambda a: together_type(a[1:]),
    lambda c: (
        f"CASE WHEN {c[0].sql} THEN {c.walk.cast(c[1], c.type, c.node).sql} ELSE {c.walk.cast(c[2], c.type, c.node).sql} END"
    ),
    "$(b, 1, 2)",
    "$(i > 0, s, i)",
)


def _ilike(call: Call) -> str:
    from gateway.dialects.portability.expressions import like

    return like(call.walk, call[0], call.node.expressions[1], call.node, insensitive=True).sql


scalar("ilike", "string string", BOOLEAN, _ilike, "$(s, 'A%')")
scalar(
    "url_decode",
    "string",
    STRING,
    "CASE WHEN regexp_full_match({0}, '([^%]|%[0-7][0-9A-Fa-f])*') THEN url_decode(replace({0}, '+', ' '))"
    " WHEN {0} IS NOT NULL THEN CAST(CAST('headgate beyond: ' || {0} AS BIGINT) AS VARCHAR) END",
    "$('https%3A%2F%2Fa+b')",
    "$('plain')",
)
scalar(
    "try_url_decode",
    "string",
    STRING,
    "CASE WHEN regexp_full_match({0}, '([^%]|%[0-7][0-9A-Fa-f])*') THEN url_decode(replace({0}, '+', ' '))"
    " WHEN {0} IS NOT NULL THEN CAST(CAST('headgate beyond: ' || {0} AS BIGINT) AS VARCHAR) END",
    "$('https%3A%2F%2Fa+b')",
    "$('plain')",
)
scalar(
    "unbase64",
    "string",
    BINARY,
    "CASE WHEN {0} IS NULL THEN NULL WHEN regexp_full_match({0}, '([A-Za-z0-9+/][A-Za-z0-9+/][A-Za-z0-9+/][A-Za-z0-9+/])*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/][A-Za-z0-9+/][AEIMQUYcgkosw048]=)?')"
    " THEN from_base64({0}) ELSE encode(CAST(CAST('headgate beyond: base64' AS BIGINT) AS VARCHAR)) END",
    "$('YWJj')",
    "$('')",
    "$('YQ==')",
)


def _to_binary(call: Call) -> str:
    if str(call[1].value).lower() not in ("utf-8", "utf8"):
        raise call.refuse("to_binary", "only UTF-8")
    return f"encode({call[0].sql})"


scalar("to_binary try_to_binary", "string string", BINARY, _to_binary, "$(s, 'utf-8')")


def _number(call: Call) -> str:
    places = call[1].value
    if not isinstance(places, int) or not 0 <= places <= 10:
        raise call.refuse("format_number", "only a constant number of places")
    x = f"CAST({call[0].sql} AS DOUBLE)"
    beyond = "CAST(CAST('headgate beyond: format_number' AS BIGINT) AS VARCHAR)"
    return f"CASE WHEN NOT isfinite({x}) OR abs({x}) >= 1e15 THEN {beyond} ELSE format('{{:,.{places}f}}', {x}) END"


scalar(
    "format_number",
    "fractional int",
    STRING,
    _number,
    "$(1234567.891e0, 2)",
    "$(0.5e0, 0)",
    "$(1.5e0, 0)",
    "$(-1234.5e0, 1)",
)
scalar("format_number", "integral int", STRING, _number, "$(y, 2)", "$(1234567, 0)")


def _months(call: Call) -> str:
    if len(call.arguments) > 2 and call[2].value is not True:
        raise call.refuse("months_between", "only with its rounding")
    return f"hg_months(CAST({call[0].sql} AS TIMESTAMP), CAST({call[1].sql} AS TIMESTAMP))"


scalar(
    "months_between",
    "timestamp timestamp boolean?",
    DOUBLE,
    _months,
    "$(ts, timestamp'2024-01-31 10:00:00')",
    "$('2024-02-29', '2024-01-31')",
    "$('1997-02-28 10:30:00', '1996-10-30')",
    name=lambda a: f"months_between({a[0].name}, {a[1].name}, {a[2].name if len(a) > 2 else 'true'})",
)


_NULLS_LAST = (
    "lambdafunction((IF(((namedlambdavariable() IS NULL) AND (namedlambdavariable() IS NULL)), 0, (IF((namedlambdavariable() IS NULL),"
    " 1, (IF((namedlambdavariable() IS NULL), -1, (IF((namedlambdavariable() < namedlambdavariable()), -1, (IF((namedlambdavariable()"
    " > namedlambdavariable()), 1, 0)))))))))), namedlambdavariable(), namedlambdavariable())"
)


def _array_sort(call: Call) -> str:
    if call[0].type.parts[0].kind in ("array", "map", "struct"):
        raise call.refuse("array_sort", "nested values sort differently")
    return f"list_sort({call[0].sql}, 'ASC', 'NULLS LAST')"


scalar(
    "array_sort", "array", "$0", _array_sort, "$(ai)", "$(sa)", name=lambda a: f"array_sort({a[0].name}, {_NULLS_LAST})"
)
scalar(
    "map_entries",
    "map",
    lambda a: array(struct(("key", "value"), a[0].type.parts)),
    "map_entries({0})",
    "$(map('a', i))",
)
aggregate(
    "grouping_id", "any any*", BIGINT, lambda c: f"grouping({', '.join(a.sql for a in c.arguments)})", distinct=False
)


def _nth(call: Call) -> str:
    place = call[1].value
    if not isinstance(place, int) or place < 1:
        raise call.refuse("nth_value", "only a constant place")
    return f"nth_value({call[0].sql}, {place}){call.tail}"


window("nth_value", "any int", "$0", _nth)
for _name in ("to_timestamp_ltz",):
    scalar(
        _name,
        "string",
        TIMESTAMP,
        lambda c: c.walk.cast(c[0], TIMESTAMP, c.node).sql,
        "$('2024-02-29 01:02:03')",
        raises=True,
    )


# aggregate(array, start, (acc, x) -> merge).
def folded(call: Call, function: str) -> Typed:
    """Return the array folded from the left by a lambda of two variables."""
    node = call.node
    source, start = call.walk(node.expressions[0]), call.walk(node.expressions[1])
    merge = node.expressions[2]
    if source.type.kind != "array" or start.type == VOID or len(node.expressions) != 3 or len(merge.expressions) != 2:
        raise call.refuse(function, "not in the portable set")
    names = [part.name for part in merge.expressions]
    quoted = [f'"hg_{name}"' for name in names]
    variables = {
        names[0].lower(): Typed(quoted[0], start.type, "namedlambdavariable()", UNKNOWN, READS),
        names[1].lower(): Typed(quoted[1], source.type.parts[0], "namedlambdavariable()", UNKNOWN, READS),
    }
    if source.type.parts[0] != start.type:
        raise call.refuse(function, "an accumulator of another type than the elements")
    saved = call.walk.scope.lambdas
    call.walk.scope.lambdas = (variables, *saved)
    try:
        inner = call.walk(merge.this)
    finally:
        call.walk.scope.lambdas = saved
    if inner.type != start.type:
        raise call.refuse(function, "the merge changes the type")
    two = "namedlambdavariable(), namedlambdavariable()"
    name = f"{function}({source.name}, {start.name}, lambdafunction({inner.name}, {two}), lambdafunction({two}))"
    sql = f"list_reduce({source.sql}, lambda {quoted[0]}, {quoted[1]}: {inner.sql}, CAST({start.sql} AS {duckdb_name(start.type)}))"
    return Typed(sql, start.type, name, UNKNOWN, flags_of((source, start, inner)) | RAISES)


def _fold(function: str) -> Callable[[Call], Typed]:
    return lambda call: folded(call, function)


for _name in ("aggregate", "reduce"):
    LAMBDAS[_name] = _fold(_name)
    typed(
        _name,
        "array any any",
        LAMBDAS[_name],
        "$(ai, 0, (acc, x) -> acc + x)",
        "$(ai, 1, (acc, x) -> greatest(acc, x))",
    )

__all__ = ["INT", "exp"]
