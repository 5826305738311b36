"""One query on both engines, and whether the answers are the same."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from catalog.errors import Kind, SqlError
from gateway.bound import BoundQuery
from gateway.units import plural
from gateway.verification import Difference, Verification, compare

REFERENCE, OTHER = "spark", "duckdb"

Answering = Callable[[str], pa.Table]
"""Engine name → its whole answer. Raises: SqlError."""


@dataclass(frozen=True)
class Outcome:
    """What one engine did: rows, or an error that is the answer."""

    rows: pa.Table | None
    error: SqlError | None

    def in_words(self) -> str:
        """Return the outcome on one line."""
        if self.error is not None:
            return f"error {self.error.code}: {self.error.message}"
        assert self.rows is not None
        return plural(self.rows.num_rows, "row")


def verify(bound: BoundQuery, answer: Answering, *, limit: int) -> Verification:
    """Run a query on both engines and compare; an error on both of one kind is agreement.

    Raises: SqlError for failures that are no answer: an engine that is not there, memory, a deadline.
    """
    if bound.duckdb_sql is None:
        why = "; ".join(f"{obstacle.construct}: {obstacle.reason}" for obstacle in bound.obstacles)
        return Verification(False, (), f"only {REFERENCE} may answer ({why})")
    if bound.volatile:
        return Verification(False, (), "the query is volatile: every run has another answer")
    reference, other = _outcome(answer, REFERENCE), _outcome(answer, OTHER)
    differences = _differences(reference, other, ordered=bound.ordered, limit=limit)
    if not differences:
        return Verification(True, (), f"both agree: {reference.in_words()}")
    if bound.order_dependent:
        return Verification(True, differences, "the answer depends on the order of rows, so both may be right")
    return Verification(True, differences, f"the engines differ on {REFERENCE}'s {reference.in_words()}")


def _outcome(answer: Answering, engine: str) -> Outcome:
    try:
        return Outcome(answer(engine), None)
    except SqlError as error:
        if error.kind is not Kind.USER:
            raise
        return Outcome(None, error)


def _differences(reference: Outcome, other: Outcome, *, ordered: bool, limit: int) -> tuple[Difference, ...]:
    if reference.rows is not None and other.rows is not None:
        return compare(reference.rows, other.rows, ordered=ordered, limit=limit)
    same_error = reference.error is not None and other.error is not None and reference.error.code == other.error.code
    return () if same_error else (Difference("outcome", reference.in_words(), other.in_words()),)
