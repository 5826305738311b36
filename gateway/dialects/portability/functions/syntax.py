"""Calls with a syntax of their own: EXTRACT, TRIM, POSITION, RLIKE, INTERVAL, brackets, fields."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from gateway.dialects.portability import datetimes
from gateway.dialects.portability.typed import Typed

if TYPE_CHECKING:
    from gateway.dialects.portability.expressions import Expressions

SYNTAX: dict[type[exp.Expr], Callable[["Expressions", exp.Expr], Typed]] = {
    exp.Interval: datetimes.interval,
}
