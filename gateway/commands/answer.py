"""What a statement that is no query answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.identifiers import fold


@dataclass(frozen=True)
class Answer:
    """Rows, or a message, or a count of changed rows with its message."""

    message: str | None = None
    """What was done, in the words of the statement: ``CREATE TABLE``."""
    rows: pa.Table | None = None
    update_count: int | None = None
    """Rows inserted or deleted."""
    engine: str = "catalog"
    """Who answered; ``catalog`` when no engine was needed."""
    reason: str = "answered from the catalog"


def table(columns: Sequence[tuple[str, pa.DataType]], rows: Iterable[Sequence[object]]) -> pa.Table:
    """Return rows as a table of those columns."""
    schema = pa.schema(list(columns))
    collected = [[] for _ in columns]  # type: list[list[object]]
    for row in rows:
        for column, value in zip(collected, row, strict=True):
            column.append(value)
    arrays = [pa.array(column, field.type) for column, field in zip(collected, schema, strict=True)]
    return pa.table(arrays, schema=schema)


def like(pattern: str | None, name: str) -> bool:
    """Return True when a name matches a LIKE pattern, case-insensitively; Spark's ``*`` and ``|`` count too."""
    if pattern is None:
        return True
    return any(_matches(fold(alternative), fold(name)) for alternative in pattern.split("|"))


def _matches(pattern: str, name: str) -> bool:
    """Match with ``%`` and ``*`` for any run and ``_`` for one character.

    ``_`` matches itself as well, as every character does, so Spark's literal underscore is covered.
    """
    positions = {0}
    for character in pattern:
        if character in "%*":
            positions = {end for start in positions for end in range(start, len(name) + 1)}
        else:
            positions = {start + 1 for start in positions if start < len(name) and character in ("_", name[start])}
    return len(name) in positions
