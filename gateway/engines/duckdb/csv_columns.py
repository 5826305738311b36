"""One column of a CSV load: where it comes from and how its texts are read."""

from dataclasses import dataclass

from catalog.schema import Column
from gateway.engines.duckdb.text_types import Kind


@dataclass
class TextColumn:
    """One column to write."""

    column: Column
    source: str | None
    """Its folded name in the files; None is NULL everywhere."""
    kind: Kind
    fixed: bool
    """True when the table decides the type: texts that do not fit are broken rows."""


def bad_sql(index: int, one: TextColumn) -> str:
    """Return the condition, never NULL, that the table cannot hold the text of this column."""
    text = f"t{index}"
    blank = f"OR {text} IS NULL OR trim({text}) = ''" if not one.column.nullable else ""
    if one.kind.takes_all:
        return f"({text} IS NULL)" if not one.column.nullable else "false"
    return f"({one.kind.rejects(text)} {blank})"
