"""Arrays, maps and structs."""

# ruff: noqa: E501  rows of a table read best on one line

from collections.abc import Callable, Sequence

from sqlglot import exp

from gateway.dialects.portability.functions.conditionals import together_type
from gateway.dialects.portability.functions.registry import Call, scalar, typed
from gateway.dialects.portability.typed import DIVIDES, RAISES, READS, UNKNOWN, NotPortableError, Typed, flags_of
from gateway.dialects.portability.types import (
    BIGINT,
    BOOLEAN,
    FRACTIONAL,
    INT,
    INTEGRAL,
    STRING,
    VOID,
    Type,
    array,
    common,
    is_atomic,
    quote,
    struct,
)

_NULL_IF_ANY = "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE {body} END"


def _element(arguments: Sequence[Typed]) -> Type:
    return arguments[0].type.parts[0]


def _plain_elements(call: Call) -> Type:
    """Return the element type; floats and nested values compare differently inside lists."""
    element = call[0].type.parts[0]
    if not is_atomic(element) or element in FRACTIONAL:
        raise call.refuse(f"{call.node.name.lower()}({call[0].type})", "such elements compare differently")
    return element


def _value(call: Call, index: int = 1) -> str:
    element = _plain_elements(call)
    value = call[index]
    met = common(element, value.type)
    if met != element or value.type == VOID:
        raise call.refuse(f"{call.node.name.lower()}({call[0].type}, {value.type})", "types that do not meet")
    return call.walk.cast(value, element, call.node).sql


def _array(call: Call) -> str:
    element = call.type.parts[0]
    if element == VOID:
        raise call.refuse("array()", "an array without a type")
    return "[" + ", ".join(call.walk.cast(a, element, call.node).sql for a in call.arguments) + "]"


def _contains(call: Call) -> str:
    array_sql, value = call[0].sql, _value(call)
    return (
        f"CASE WHEN {array_sql} IS NULL OR {value} IS NULL THEN NULL WHEN list_contains({array_sql}, {value}) THEN true"
        f" WHEN len(list_filter({array_sql}, lambda hg_x: hg_x IS NULL)) > 0 THEN NULL ELSE false END"
    )


def _position(call: Call) -> str:
    array_sql, value = call[0].sql, _value(call)
    return f"CASE WHEN {array_sql} IS NULL OR {value} IS NULL THEN NULL ELSE coalesce(list_position({array_sql}, {value}), 0) END"


def _remove(call: Call) -> str:
    array_sql, value = call[0].sql, _value(call)
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE list_filter({array_sql}, lambda hg_x: hg_x IS NULL OR hg_x <> {value}) END"


def _append(call: Call) -> str:
    return f"CASE WHEN {call[0].sql} IS NULL THEN NULL ELSE list_append({call[0].sql}, {_value(call)}) END"


def _prepend(call: Call) -> str:
    return f"CASE WHEN {call[0].sql} IS NULL THEN NULL ELSE list_prepend({_value(call)}, {call[0].sql}) END"


def _over_plain(text: str) -> Callable[[Call], str]:
    def body(call: Call) -> str:
        _plain_elements(call)
        return text.format(*(argument.sql for argument in call.arguments))

    return body


def _same_arrays(text: str) -> Callable[[Call], str]:
    def body(call: Call) -> str:
        _plain_elements(call)
        if call[0].type != call[1].type:
            raise call.refuse(f"{call.node.name.lower()}", "arrays of different types")
        return _NULL_IF_ANY.format(call[0].sql, call[1].sql, body=text.format(call[0].sql, call[1].sql))

    return body


def _element_at(call: Call) -> str:
    index = call[1]
    if index.type not in INTEGRAL:
        raise call.refuse("element_at", "needs an integer")
    place = call.walk.cast(index, BIGINT).sql
    return f"hg_element({call[0].sql}, {place})"


def _sorted(call: Call) -> str:
    if call[0].type.parts[0].kind in ("array", "map", "struct"):
        raise call.refuse("sort_array", "nested values sort differently")
    ascending = call[1].value if len(call.arguments) > 1 else True
    if ascending not in (True, False):
        raise call.refuse("sort_array", "only a constant direction")
    return f"list_sort({call[0].sql}, {chr(39)}{'ASC' if ascending else 'DESC'}{chr(39)}, 'NULLS {'FIRST' if ascending else 'LAST'}')"


def _slice(call: Call) -> str:
    start, length = call[1].value, call[2].value
    if not isinstance(start, int) or not isinstance(length, int) or start < 1 or length < 0:
        raise call.refuse("slice", "only a constant place from 1 on and length")
    return f"{call[0].sql}[{start}:{start + length - 1}]"


def _sequence(call: Call) -> str:
    start, stop = (call.walk.cast(argument, call.type.parts[0]) for argument in call.arguments[:2])
    if len(call.arguments) > 2:
        step = call[2].value
        if not isinstance(step, int) or step == 0:
            raise call.refuse("sequence", "only a constant step")
        bad = f"{start.sql} {'>' if step > 0 else '<'} {stop.sql}"
        return f"CASE WHEN {bad} THEN CAST(CAST('headgate raised: sequence boundaries' AS BIGINT)::VARCHAR AS BIGINT[]) ELSE generate_series({start.sql}, {stop.sql}, {step}) END"
    return f"generate_series({start.sql}, {stop.sql}, CASE WHEN {start.sql} <= {stop.sql} THEN 1 ELSE -1 END)"


def _integers(arguments: Sequence[Typed]) -> Type:
    return array(max((a.type for a in arguments), key=INTEGRAL.index))


def _join(call: Call) -> str:
    source, known = call[0].sql, f"{call[0].sql} IS NULL OR {call[1].sql} IS NULL"
    if len(call.arguments) > 2:
        filler = call[2].sql
        known += f" OR {filler} IS NULL"
        source = f"list_transform({source}, lambda hg_x: coalesce(hg_x, {filler}))"
    return f"CASE WHEN {known} THEN NULL ELSE coalesce(array_to_string({source}, {call[1].sql}), '') END"


scalar(
    "array",
    "any any*",
    lambda a: array(together_type(a)),
    _array,
    "$(i, 1)",
    "$(1, l)",
    "$(s, 'x')",
    "$(null, 1)",
    "$(dt)",
)
scalar("size cardinality", "array", INT, "len({0})", "$(ai)", "$(sa)")
scalar("array_size", "array", INT, "len({0})", "$(ai)")
scalar("size cardinality", "map", INT, "cardinality({0})", "$(map('a', i))")
scalar("array_contains", "array any", BOOLEAN, _contains, "$(ai, 1)", "$(ai, i)", "$(sa, 'a')", "$(ai, 9)")
scalar("array_position", "array any", BIGINT, _position, "$(ai, 1)", "$(sa, 'a')", "$(ai, i)")
scalar("array_remove", "array any", "$0", _remove, "$(ai, 1)", "$(sa, 'z')", "$(ai, i)")
scalar("array_append", "array any", "$0", _append, "$(ai, 1)", "$(sa, s)")
scalar("array_prepend", "array any", "$0", _prepend, "$(ai, 1)", "$(sa, s)")
scalar("array_compact", "array", "$0", "list_filter({0}, lambda hg_x: hg_x IS NOT NULL)", "$(ai)", "$(sa)")
scalar("array_min", "array", _element, _over_plain("list_min({0})"), "$(ai)", "$(sa)")
scalar("array_max", "array", _element, _over_plain("list_max({0})"), "$(ai)", "$(sa)")
_DISTINCT = "list_filter({0}, lambda hg_x, hg_i: list_position({0}, hg_x) = hg_i)"
scalar("array_distinct", "array", "$0", _over_plain(_DISTINCT), "$(ai)", "$(sa)", "$(array(3, 1, 3, null, 1, null))")
_UNION = "list_filter({0} || {1}, lambda hg_x, hg_i: list_position({0} || {1}, hg_x) = hg_i)"
scalar("array_union", "array array", "$0", _same_arrays(_UNION), "$(ai, array(1, null, 9))", "$(sa, sa)")
scalar(
    "array_except",
    "array array",
    "$0",
    _same_arrays(
        "list_filter({0}, lambda hg_x, hg_i: list_position({0}, hg_x) = hg_i AND list_position({1}, hg_x) IS NULL)"
    ),
    "$(ai, array(1))",
    "$(sa, array('a', null))",
)
scalar(
    "array_intersect",
    "array array",
    "$0",
    _same_arrays(
        "list_filter({0}, lambda hg_x, hg_i: list_position({0}, hg_x) = hg_i AND list_position({1}, hg_x) IS NOT NULL)"
    ),
    "$(ai, array(1, null))",
    "$(sa, array('a', null))",
)
scalar(
    "arrays_overlap",
    "array array",
    BOOLEAN,
    _same_arrays(
        "CASE WHEN len(list_filter({0}, lambda hg_x: hg_x IS NOT NULL AND list_position({1}, hg_x) IS NOT NULL)) > 0"
        " THEN true WHEN len({0}) > 0 AND len({1}) > 0 AND (list_position({0}, NULL) IS NOT NULL"
        " OR list_position({1}, NULL) IS NOT NULL) THEN NULL ELSE false END"
    ),
    "$(ai, array(1, 2))",
    "$(ai, array(null, 9))",
    "$(sa, array('a'))",
)
scalar(
    "element_at", "array any", _element, _element_at, "$(array(1, 2, 3), -1)", "$(ai, 1)", "$(array(1), 0)", raises=True
)
scalar(
    "try_element_at",
    "array integral",
    _element,
    lambda c: f"hg_try_element({c[0].sql}, {c.walk.cast(c[1], BIGINT).sql})",
    "$(ai, 1)",
    "$(ai, -1)",
    "$(ai, 9)",
    raises=True,
)
scalar(
    "get",
    "array integral",
    _element,
    "CASE WHEN {1} >= 0 AND {1} < len({0}) THEN {0}[CAST({1} AS BIGINT) + 1] END",
    "$(ai, 0)",
    "$(ai, 9)",
    "$(ai, -1)",
    "$(ai, i)",
)
scalar(
    "sort_array",
    "array boolean?",
    "$0",
    _sorted,
    "$(ai)",
    "$(ai, false)",
    "$(sa)",
    name=lambda a: f"sort_array({a[0].name}, {a[1].name if len(a) > 1 else 'true'})",
)
scalar("slice", "array int int", "$0", _slice, "$(ai, 1, 2)", "$(ai, 2, 0)", "$(sa, 2, 5)")
scalar(
    "sequence",
    "integral integral integral?",
    _integers,
    _sequence,
    "$(1, 5)",
    "$(5, 1)",
    "$(1, 10, 3)",
    "$(y, 3)",
    "$(3, 1, -1)",
    raises=True,
)
scalar("array_join", "array string string?", STRING, _join, "$(sa, ',')", "$(sa, ',', 'NULL')", "$(sa, '')")
scalar(
    "array_repeat",
    "any int",
    lambda a: array(a[0].type),
    "list_transform(range(CASE WHEN {1} < 0 THEN 0 ELSE {1} END), lambda hg_x: {0})",
    "$(i, 2)",
    "$('x', 0)",
    "$(s, -1)",
)
scalar(
    "flatten",
    "array",
    _element,
    lambda c: (
        f"CASE WHEN len(list_filter({c[0].sql}, lambda hg_x: hg_x IS NULL)) > 0 THEN NULL ELSE flatten({c[0].sql}) END"
        if c.type.kind == "array"
        else _no(c)
    ),
    "$(array(ai, ai))",
    "$(array(ai, array(1)))",
)


def _no(call: Call) -> str:
    raise call.refuse("flatten", "needs an array of arrays")


# Structs.
def _struct(call: Call) -> Typed:
    names = []
    for index, node in enumerate(call.node.expressions, 1):
        inner = node.this if isinstance(node, exp.Alias) else node
        names.append(
            node.alias
            if isinstance(node, exp.Alias)
            else inner.name
            if isinstance(inner, (exp.Column, exp.Dot))
            else f"col{index}"
        )
    return _packed(names, list(call.arguments))


def _packed(names: Sequence[str], values: Sequence[Typed]) -> Typed:
    if len({name.lower() for name in names}) != len(names) or any(value.type == VOID for value in values):
        raise NotPortableError("struct", "fields of one name or without a type")
    sql = "struct_pack(" + ", ".join(f"{quote(n)} := {v.sql}" for n, v in zip(names, values, strict=True)) + ")"
    return Typed(sql, struct(names, [value.type for value in values]), None, UNKNOWN, flags_of(values))


def _named_struct(call: Call) -> Typed:
    names = [argument.value for argument in call.arguments[::2]]
    if len(call.arguments) % 2 or not all(isinstance(name, str) for name in names):
        raise call.refuse("named_struct", "needs constant names and their values")
    return _packed(names, call.arguments[1::2])


typed("named_struct", "any any any*", _named_struct, "$('x', i, 'y', s)", "$('a', d)")
typed("struct", "any any*", _struct, "$(i, s)", "$(1, 'a')")


# Maps.
def _map(call: Call) -> Typed:
    keys, values = list(call.arguments[::2]), list(call.arguments[1::2])
    if len(keys) != len(values) or not all(isinstance(key.value, (str, int)) for key in keys):
        raise call.refuse("map", "only constant keys")
    if len({key.value for key in keys}) != len(keys):
        raise call.refuse("map", "a key twice")
    keys, values = call.walk.together(keys, call.node), call.walk.together(values, call.node)
    if VOID in (keys[0].type, values[0].type):
        raise call.refuse("map", "values without a type")
    sql = f"MAP {{{', '.join(f'{k.sql}: {v.sql}' for k, v in zip(keys, values, strict=True))}}}"
    return Typed(sql, Type("map", parts=(keys[0].type, values[0].type)), None, UNKNOWN, flags_of((*keys, *values)))


typed("map", "any any any*", _map, "$('a', i)", "$('a', i, 'b', 2)", "$(1, s)")
scalar("map_keys", "map", lambda a: array(a[0].type.parts[0]), "map_keys({0})", "$(map('a', i))")
scalar("map_values", "map", lambda a: array(a[0].type.parts[1]), "map_values({0})", "$(map('a', i))")
scalar(
    "map_contains_key",
    "map any",
    BOOLEAN,
    lambda c: f"list_contains(map_keys({c[0].sql}), {c.walk.cast(c[1], c[0].type.parts[0], c.node).sql})",
    "$(map('a', 1), 'a')",
    "$(map('a', 1), 'b')",
)
scalar(
    "element_at try_element_at",
    "map any",
    lambda a: a[0].type.parts[1],
    lambda c: f"map_extract_value({c[0].sql}, {c.walk.cast(c[1], c[0].type.parts[0], c.node).sql})",
    "$(map('a', i), 'a')",
    "$(map('a', i), 'b')",
)


# Lambdas.
def _with_lambda(call: Call, result: Callable[[Typed], Type], text: str) -> Typed:
    source, node = call[0], call.node.expressions[1]
    if not isinstance(node, exp.Lambda) or len(node.expressions) not in (1, 2):
        raise call.refuse(call.node.name.lower(), "needs a lambda")
    names = [part.name for part in node.expressions]
    variables = {
        names[0].lower(): Typed(quote(f"hg_{names[0]}"), source.type.parts[0], "namedlambdavariable()", UNKNOWN, READS)
    }
    bound = [quote(f"hg_{names[0]}")]
    if len(names) == 2:
        variables[names[1].lower()] = Typed(
            f"CAST({quote(f'hg_{names[1]}')} - 1 AS INTEGER)", INT, "namedlambdavariable()", UNKNOWN, READS
        )
        bound.append(quote(f"hg_{names[1]}"))
    saved = call.walk.scope.lambdas
    call.walk.scope.lambdas = (variables, *saved)
    try:
        inner = call.walk(node.this)
    finally:
        call.walk.scope.lambdas = saved
    if call.node.name.lower() != "transform":
        inner = call.walk.cast(inner, BOOLEAN) if inner.type in (BOOLEAN, VOID) else _not_boolean(call)
    shown = ", ".join(["namedlambdavariable()"] * len(names))
    name = (
        f"{call.node.name.lower()}({source.name}, lambdafunction({inner.name}, {shown}))"
        if source.name and inner.name
        else None
    )
    sql = text.format(source=source.sql, variables=", ".join(bound), inner=inner.sql)
    return Typed(sql, result(inner), name, UNKNOWN, source.flags | inner.flags)


def _not_boolean(call: Call) -> Typed:
    raise call.refuse(call.node.name.lower(), "the lambda gives no boolean")


_MAPPED = "list_transform({source}, lambda {variables}: {inner})"
LAMBDAS: dict[str, Callable[[Call], Typed]] = {
    "transform": lambda c: _with_lambda(c, lambda inner: array(inner.type), _MAPPED),
    "filter": lambda c: _with_lambda(c, lambda _: c[0].type, "list_filter({source}, lambda {variables}: {inner})"),
    "exists": lambda c: _with_lambda(
        c,
        lambda _: BOOLEAN,
        "CASE WHEN {source} IS NULL THEN NULL WHEN list_contains("
        + _MAPPED
        + ", true) THEN true WHEN list_position("
        + _MAPPED
        + ", NULL) IS NOT NULL THEN NULL ELSE false END",
    ),
    "forall": lambda c: _with_lambda(
        c,
        lambda _: BOOLEAN,
        "CASE WHEN {source} IS NULL THEN NULL WHEN list_contains("
        + _MAPPED
        + ", false) THEN false WHEN list_position("
        + _MAPPED
        + ", NULL) IS NOT NULL THEN NULL ELSE true END",
    ),
}
"""Functions whose second argument is a lambda; their examples are in ``registry``'s table."""
for _name in LAMBDAS:
    typed(
        _name,
        "array any",
        LAMBDAS[_name],
        *{
            "transform": ("$(ai, x -> x + 1)", "$(ai, (x, j) -> x + j)", "$(sa, x -> upper(x))", "$(ai, x -> x > k)"),
            "filter": ("$(ai, x -> x > 1)", "$(sa, x -> x is null)", "$(ai, (x, j) -> j > 0)"),
        }.get(_name, ("$(ai, x -> x > 1)", "$(sa, x -> x = 'a')", "$(ai, x -> x is null)")),
    )

__all__ = ["DIVIDES", "LAMBDAS", "RAISES"]
