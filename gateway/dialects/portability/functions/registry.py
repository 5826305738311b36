"""The table of functions: how a row is written and how a call finds its row.

A row is ``scalar("lpad", "string int string", "string", "lpad({0}, {1}, {2})")``: names, parameters, result, DuckDB text.
Parameters are separated by blanks; one ending in ``?`` may be missing, one ending in ``*`` may repeat. The text's
DuckDB type is
made the reference type by a cast around it, so a row need not care. ``{0}`` is the first argument; ``{t}`` in an
aggregate is
where FILTER and OVER go, ``{d}`` where DISTINCT goes.
"""

# ruff: noqa: E501  rows of a table read best on one line

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sqlglot import exp

from gateway.dialects.portability.typed import NotPortableError, Typed
from gateway.dialects.portability.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    FRACTIONAL,
    INT,
    INTEGRAL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    VOID,
    Type,
    is_atomic,
    is_decimal,
    is_numeric,
)

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions

SCALAR, AGGREGATE, WINDOW = "scalar", "aggregate", "window"
Body: TypeAlias = str | Callable[["Call"], str | Typed]
Result: TypeAlias = Type | Callable[[Sequence[Typed]], Type]


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose arguments have the types of its row."""

    arguments: Sequence[Typed]
    type: Type
    walk: "Expressions"
    node: exp.Expr
    distinct: str = ""
    """``DISTINCT `` or nothing."""
    tail: str = ""
    """FILTER and OVER of an aggregate."""

    def __getitem__(self, index: int) -> Typed:
        return self.arguments[index]

    def refuse(self, construct: str, reason: str) -> NotPortableError:
        return NotPortableError(construct, reason, self.node)


@dataclass(frozen=True, slots=True)
class Row:
    """One signature of one function."""

    parameters: tuple[str, ...]
    result: Result
    body: Body
    raises: bool = False
    """An error may come from other than arithmetic overflow."""
    name: Callable[[Sequence[Typed]], str | None] | None = None
    """Spark's name of the call where it is not ``f(a, b)``."""
    order_dependent: bool = False
    distinct: bool = True
    """DISTINCT may stand in the call."""


@dataclass
class Function:
    """A function by one of its names."""

    name: str
    kind: str
    rows: list[Row]
    examples: list[str]
    native: bool = False


TABLE: dict[str, Function] = {}
_CLASSES: dict[str, Callable[[Type], bool]] = {
    "any": lambda _: True,
    "atomic": is_atomic,
    "numeric": is_numeric,
    "number": lambda type_: is_numeric(type_) or type_ == VOID,
    "integral": lambda type_: type_ in INTEGRAL,
    "decimal": is_decimal,
    "fractional": lambda type_: type_ in FRACTIONAL,
    "array": lambda type_: type_.kind == "array",
    "map": lambda type_: type_.kind == "map",
    "struct": lambda type_: type_.kind == "struct",
    "orderable": lambda type_: is_atomic(type_) or type_ == VOID,
}
_TARGETS: dict[str, Type] = {
    "string": STRING,
    "int": INT,
    "bigint": BIGINT,
    "double": DOUBLE,
    "float": FLOAT,
    "boolean": BOOLEAN,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "timestamp_ntz": TIMESTAMP_NTZ,
    "binary": BINARY,
}


def _define(kind: str, names: str, body: Body, examples: Sequence[str], row: Row) -> None:
    for name in names.split():
        function = TABLE.setdefault(name, Function(name, kind, [], []))
        function.rows.append(row)
        function.examples.extend(example.replace("$(", name + "(") for example in examples)
        function.native = function.native or (isinstance(body, str) and body.startswith(name + "("))


def _result(result: "Result | str") -> Result:
    if not isinstance(result, str):
        return result
    if result in _TARGETS:
        return _TARGETS[result]
    index = int(result[1:]) if result[0] == "$" else None
    if index is None:
        raise ValueError(result)
    return lambda arguments: arguments[index].type


def shown(template: str, *defaults: str) -> Callable[[Sequence[Typed]], str]:
    """Return what names a call: ``shown("LOCATE({0}, {1}, {2})", "1")``; defaults stand for the last arguments."""

    def name(arguments: Sequence[Typed]) -> str:
        names = [str(argument.name) for argument in arguments]
        missing = template.count("{") - len(names)
        return template.format(*names, *(defaults[-missing:] if missing > 0 else ()))

    return name


def scalar(
    names: str,
    parameters: str,
    result: "Result | str",
    body: Body,
    *examples: str,
    raises: bool = False,
    name: Callable[[Sequence[Typed]], str | None] | None = None,
) -> None:
    """Add a row for a scalar function under each of its names; ``$`` in an example stands for the name."""
    row = Row(tuple(parameters.split()), _result(result), body, raises, name)
    _define(SCALAR, names, body, examples, row)


def typed(
    names: str,
    parameters: str,
    body: "Callable[[Call], Typed]",
    *examples: str,
    raises: bool = False,
    name: Callable[[Sequence[Typed]], str | None] | None = None,
) -> None:
    """Add a row for a scalar function whose body also decides its type."""
    row = Row(tuple(parameters.split()), VOID, body, raises, name)
    _define(SCALAR, names, body, examples, row)


def aggregate(
    names: str,
    parameters: str,
    result: "Result | str",
    body: Body,
    *examples: str,
    raises: bool = False,
    order_dependent: bool = False,
    distinct: bool = True,
    name: Callable[[Sequence[Typed]], str | None] | None = None,
) -> None:
    """Add a row for an aggregate function."""
    row = Row(tuple(parameters.split()), _result(result), body, raises, name, order_dependent, distinct)
    _define(AGGREGATE, names, body, examples, row)


def window(
    names: str,
    parameters: str,
    result: "Result | str",
    body: Body,
    *examples: str,
    name: Callable[[Sequence[Typed]], str | None] | None = None,
) -> None:
    """Add a row for a function that needs OVER."""
    row = Row(tuple(parameters.split()), _result(result), body, False, name)
    _define(WINDOW, names, body, examples, row)


def find(
    function: Function, arguments: Sequence[Typed], walk: "Expressions", node: exp.Expr
) -> tuple[Row, list[Typed]]:
    """Return the first row that takes the arguments, and the arguments cast to its parameters.

    Raises: NotPortableError when no row does.
    """
    for exact in (True, False):
        for row in function.rows:
            fitted = _fit(row, arguments, walk, node, exact)
            if fitted is not None:
                return row, fitted
    types = ", ".join(str(argument.type) for argument in arguments)
    raise NotPortableError(f"{function.name}({types})", "no such signature in the portable set", node)


def _fit(row: Row, arguments: Sequence[Typed], walk: "Expressions", node: exp.Expr, exact: bool) -> list[Typed] | None:
    parameters = list(row.parameters)
    if parameters and parameters[-1].endswith("*"):
        parameters[-1:] = [parameters[-1][:-1]] * max(len(arguments) - len(parameters) + 1, 0)
    required = sum(not parameter.endswith("?") for parameter in parameters)
    if not required <= len(arguments) <= len(parameters):
        return None
    fitted = []
    for argument, parameter in zip(arguments, parameters, strict=False):
        value = _argument(argument, parameter.rstrip("?"), walk, node, exact)
        if value is None:
            return None
        fitted.append(value)
    return fitted


def _argument(argument: Typed, parameter: str, walk: "Expressions", node: exp.Expr, exact: bool) -> Typed | None:
    accepts = _CLASSES.get(parameter)
    if accepts is not None:
        if accepts(argument.type):
            return argument
        if not exact and parameter in ("numeric", "fractional") and argument.type in (STRING, VOID):
            return walk.cast(argument, DOUBLE, node)
        return None
    target = _TARGETS[parameter]
    if argument.type == target or argument.type == VOID:
        return walk.cast(argument, target, node)
    if exact or not _implicit(argument.type, target):
        return None
    return walk.cast(argument, target, node)


def _implicit(source: Type, target: Type) -> bool:
    """Return whether a function argument is cast silently (AnsiTypeCoercion.implicitCast)."""
    if source == STRING:
        return is_atomic(target) and target != BINARY
    if is_numeric(source) and is_numeric(target):
        return True
    if target == STRING:
        return is_atomic(source) and source != BINARY
    datetimes = (DATE, TIMESTAMP, TIMESTAMP_NTZ)
    return source in datetimes and target in datetimes
