"""Filters that the catalog can reason about before anything is read.

A small, closed language: the conjuncts of a WHERE that compare one column of one
table to literals. Whatever cannot be said in it is left out, which only keeps files.
"""

import datetime
import decimal
from dataclasses import dataclass
from enum import Enum

Literal = bool | int | float | decimal.Decimal | str | bytes | datetime.date | datetime.datetime
"""A value of the column's own type: aware datetimes for TIMESTAMP, naive for TIMESTAMP_NTZ."""


class Operator(Enum):
    EQ = "="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    NE = "<>"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``column operator literal``; true for no row where the column is NULL.

    NaN is larger than every number and equal to itself; -0.0 equals 0.0 (Spark SQL, "NaN Semantics").
    """

    column: str
    operator: Operator
    literal: Literal


@dataclass(frozen=True, slots=True)
class In:
    """``column IN (literals)``; literals are not NULL."""

    column: str
    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class StartsWith:
    """``column LIKE 'prefix%'`` on strings, compared by bytes."""

    column: str
    prefix: str


@dataclass(frozen=True, slots=True)
class IsNull:
    column: str


@dataclass(frozen=True, slots=True)
class IsNotNull:
    column: str


@dataclass(frozen=True, slots=True)
class And:
    """True when all are; the empty one is always true."""

    terms: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when one is; the empty one is never true."""

    terms: tuple["Predicate", ...]


Predicate = Comparison | In | StartsWith | IsNull | IsNotNull | And | Or

ALWAYS = And(())
"""Accepts every row."""
NEVER = Or(())
"""Accepts no row."""
