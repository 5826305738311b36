"""Which files may hold a row that a predicate accepts, decided for all files at once.

In doubt a file is kept: a false positive costs a read, a false negative loses rows.
Source: Iceberg table spec, "Scan Planning"; Spark SQL, "NaN Semantics".
"""

import datetime
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import PredicateTypeError
from catalog.partitions import Transform, apply
from catalog.predicates import (
    And,
    Comparison,
    In,
    IsNotNull,
    IsNull,
    Literal,
    Operator,
    Or,
    Predicate,
    StartsWith,
)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PartitionFacts:
    """One partition field in every file."""

    transform: Transform
    values: pa.Array
    """The transformed value; NULL means that the source is NULL, where present."""
    present: Mask
    """Where the file's spec has the field."""


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of one column in every file; None where nothing is."""

    name: str
    type: pa.DataType
    lower: pa.Array | None = None
    upper: pa.Array | None = None
    null_count: pa.Array | None = None
    nan_count: pa.Array | None = None
    record_count: pa.Array | None = None
    partitions: Sequence[PartitionFacts] = ()


def prune(predicate: Predicate, count: int, facts: Callable[[str], ColumnFacts | None]) -> Mask:
    """Return for each of ``count`` files whether it may hold a row that the predicate accepts.

    ``facts`` is asked once per term by column name; None means that nothing is known.
    Raises: PredicateTypeError when a literal cannot be compared to its column.
    """
    match predicate:
        case And(terms):
            mask = np.ones(count, bool)
            for term in terms:
                mask &= prune(term, count, facts)
            return mask
        case Or(terms):
            mask = np.zeros(count, bool)
            for term in terms:
                mask |= prune(term, count, facts)
            return mask
    known = facts(predicate.column)
    mask = np.ones(count, bool)
    if known is None:
        return mask
    match predicate:
        case IsNull():
            return mask & _may_be_null(known, mask)
        case IsNotNull():
            return mask & _may_be_not_null(known, mask)
        case StartsWith(_, prefix):
            _check_literal(known, prefix)
            return mask & _may_be_not_null(known, mask) & _starts_with(known, prefix, mask)
        case In(_, literals):
            return mask & _may_be_not_null(known, mask) & _is_in(known, literals, mask)
        case Comparison(_, operator, literal):
            _check_literal(known, literal)
            return mask & _may_be_not_null(known, mask) & _compare(known, operator, literal, mask)
    raise AssertionError(predicate)


def _may_be_null(known: ColumnFacts, everything: Mask) -> Mask:
    mask = everything.copy()
    if known.null_count is not None:
        mask &= _sure(pc.not_equal(known.null_count, 0))
    for part in known.partitions:
        if part.transform.kind != "void":
            mask &= ~part.present | _flags(pc.is_null(part.values))
    return mask


def _may_be_not_null(known: ColumnFacts, everything: Mask) -> Mask:
    mask = everything.copy()
    if known.null_count is not None and known.record_count is not None:
        mask &= _sure(pc.less(known.null_count, known.record_count))
    for part in known.partitions:
        if part.transform.kind != "void":
            mask &= ~part.present | _flags(pc.is_valid(part.values))
    return mask


def _is_in(known: ColumnFacts, literals: Sequence[Literal], everything: Mask) -> Mask:
    mask = np.zeros_like(everything)
    for literal in literals:
        _check_literal(known, literal)
    if len(literals) > 1000 and not pa.types.is_floating(known.type):
        # A file survives one of many literals nearly always; their hull is what can still rule it out.
        ordered = sorted(literals)
        low = _compare(known, Operator.GE, ordered[0], everything)
        return low & _compare(known, Operator.LE, ordered[-1], everything)
    for literal in literals:
        mask |= _compare(known, Operator.EQ, literal, everything)
    return mask


def _compare(known: ColumnFacts, operator: Operator, literal: Literal, everything: Mask) -> Mask:
    if pa.types.is_floating(known.type):
        return _compare_floats(known, operator, float(literal), everything)  # type: ignore[arg-type]
    mask = everything.copy()
    value = _scalar(literal, known.type)
    if value is None:
        return mask
    mask &= _by_bounds(known, operator, value, everything)
    for part in known.partitions:
        mask &= ~part.present | _by_partition(part, operator, literal, known.type)
    return mask


def _by_bounds(known: ColumnFacts, operator: Operator, value: pa.Scalar, everything: Mask) -> Mask:
    lower, upper = known.lower, known.upper
    mask = everything.copy()
    try:
        if lower is not None and operator in (Operator.EQ, Operator.LE):
            mask = mask & _sure(pc.less_equal(lower, value))
        if lower is not None and operator is Operator.LT:
            mask = mask & _sure(pc.less(lower, value))
        if upper is not None and operator in (Operator.EQ, Operator.GE):
            mask = mask & _sure(pc.greater_equal(upper, value))
        if upper is not None and operator is Operator.GT:
            mask = mask & _sure(pc.greater(upper, value))
        if lower is not None and upper is not None and operator is Operator.NE and not _may_be_cut(known.type):
            mask = mask & ~(_certain(pc.equal(lower, value)) & _certain(pc.equal(upper, value)))
    except pa.ArrowInvalid:  # decimals whose common type has more than 38 digits
        return everything.copy()
    return mask


def _may_be_cut(type_: pa.DataType) -> bool:
    """Return whether bounds of a type may be wider than its values."""
    return bool(pa.types.is_string(type_) or pa.types.is_binary(type_))


def _compare_floats(known: ColumnFacts, operator: Operator, literal: float, everything: Mask) -> Mask:
    """Prune on float bounds only where it is known that no NaN hides beside them.

    Writers leave NaN out of bounds, or let it spoil them; NaN is larger than every number.
    """
    if known.nan_count is None:
        return everything.copy()
    unsure = ~_certain(pc.equal(known.nan_count, 0))
    for bound in (known.lower, known.upper):
        if bound is not None:
            unsure |= _flags(pc.fill_null(pc.is_nan(bound), True))
    if math.isnan(literal):  # without NaN: nothing is equal to it or larger, everything is smaller
        hopeless = operator in (Operator.EQ, Operator.GE, Operator.GT)
        return unsure | np.full_like(everything, not hopeless)
    return unsure | _by_bounds(known, operator, pa.scalar(literal, pa.float64()), everything)


def _by_partition(part: PartitionFacts, operator: Operator, literal: Literal, type_: pa.DataType) -> Mask:
    """Return where the transformed values leave room for a row. Source: spec, "inclusive projection"."""
    transform, values = part.transform, part.values
    everything = np.ones(len(values), bool)
    if transform.kind == "void" or (transform.kind != "identity" and operator is Operator.NE):
        return everything
    if transform.kind == "bucket" and operator is not Operator.EQ:
        return everything
    try:
        projected = apply(transform, literal, type_)
        if projected is None:
            return everything
        if transform.kind == "identity":
            return _sure(_COMPARE[operator](values, _scalar(projected, type_)))
        target = _scalar(projected, values.type)
        unsure = _early(part, projected) | _wrapped(part)
        if operator is Operator.EQ:
            return unsure | _sure(pc.equal(values, target))
        if operator in (Operator.LT, Operator.LE):
            return unsure | (everything if _wraps(transform, projected) else _sure(pc.less_equal(values, target)))
        return unsure | (everything if _wraps(transform, projected) else _sure(pc.greater_equal(values, target)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError):
        return everything


def _early(part: PartitionFacts, projected: Literal) -> Mask:
    """Return the files one unit later, for instants before 1970.

    Older Iceberg writers rounded those towards zero. Source: Iceberg's ProjectionUtil.fixInclusiveTimeProjection.
    """
    if not part.transform.is_temporal or not isinstance(projected, int) or projected >= 0:
        return np.zeros(len(part.values), bool)
    return _sure(pc.equal(part.values, pa.scalar(projected + 1, part.values.type)))


def _wraps(transform: Transform, projected: Literal) -> bool:
    """Return whether a truncated integer was wrapped around: it is no multiple of the width then."""
    return transform.kind == "truncate" and isinstance(projected, int) and projected % transform.width != 0


def _wrapped(part: PartitionFacts) -> Mask:
    """Return the files whose truncated integer was wrapped around, near the smallest integer."""
    if part.transform.kind != "truncate" or not pa.types.is_integer(part.values.type):
        return np.zeros(len(part.values), bool)
    return np.asarray(part.values.cast(pa.int64()).fill_null(0).to_numpy() % part.transform.width != 0)


_COMPARE: dict[Operator, Callable[[pa.Array, pa.Scalar], pa.Array]] = {
    Operator.EQ: pc.equal,
    Operator.NE: pc.not_equal,
    Operator.LT: pc.less,
    Operator.LE: pc.less_equal,
    Operator.GT: pc.greater,
    Operator.GE: pc.greater_equal,
}


def _starts_with(known: ColumnFacts, prefix: str, everything: Mask) -> Mask:
    mask = everything.copy()
    if not prefix:
        return mask
    first = pa.scalar(prefix, pa.string())
    if known.upper is not None:
        mask &= _sure(pc.greater_equal(known.upper, first))
    if known.lower is not None:
        # A lower bound above every text with the prefix rules the file out.
        mask &= _sure(pc.or_(pc.less_equal(known.lower, first), pc.starts_with(known.lower, prefix)))
    for part in known.partitions:
        if part.transform.kind == "identity":
            mask &= ~part.present | _sure(pc.starts_with(part.values, prefix))
        elif part.transform.kind == "truncate":
            cut = prefix[: part.transform.width]
            mask &= ~part.present | _sure(pc.starts_with(part.values, cut))
    return mask


def _scalar(literal: Literal | None, type_: pa.DataType) -> pa.Scalar | None:
    """Return the literal to compare with, None when it cannot be said exactly (then nothing is pruned)."""
    if literal is None:
        return None
    try:
        if pa.types.is_integer(type_):
            return pa.scalar(int(literal), pa.int64()) if literal == int(literal) else None  # type: ignore[arg-type]
        if pa.types.is_decimal(type_):
            return pa.scalar(Decimal(literal))  # type: ignore[arg-type]
        return pa.scalar(literal, type_)
    except (pa.ArrowInvalid, OverflowError, ValueError, UnicodeEncodeError):
        return None


def _check_literal(known: ColumnFacts, literal: Literal) -> None:
    if not _fits(known.type, literal):
        raise PredicateTypeError(f"column {known.name!r} of type {known.type} cannot be compared to {literal!r}")


def _fits(type_: pa.DataType, literal: Literal) -> bool:
    if pa.types.is_boolean(type_):
        return isinstance(literal, bool)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return isinstance(literal, int | float | Decimal) and not isinstance(literal, bool)
    if pa.types.is_timestamp(type_):
        return isinstance(literal, datetime.datetime) and (literal.tzinfo is None) == (type_.tz is None)
    if pa.types.is_date(type_):
        return isinstance(literal, datetime.date) and not isinstance(literal, datetime.datetime)
    if pa.types.is_string(type_):
        return isinstance(literal, str)
    return isinstance(literal, bytes) if pa.types.is_binary(type_) else True


def _sure(kept: pa.Array) -> Mask:
    """Return a three-valued answer as a mask, unknown kept."""
    return _flags(pc.fill_null(kept, True))


def _certain(answer: pa.Array) -> Mask:
    """Return a three-valued answer as a mask, unknown not counted."""
    return _flags(pc.fill_null(answer, False))


def _flags(answer: pa.Array) -> Mask:
    mask: Mask = answer.to_numpy(zero_copy_only=False)
    return mask
