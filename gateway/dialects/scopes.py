"""Which columns a query can name at a place, and which one a name means there.

Spark's rules (AttributeSeq.resolve, ColumnResolutionHelper): a qualifier must match an alias or the tail of a table's
name and have the column; only then is the first part taken for a column with fields. Names compare folded.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from catalog.identifiers import fold
from catalog.predicates import Predicate
from catalog.tables import Table


@dataclass(eq=False)
class Reference:
    """One mention of a table in the query."""

    relation: str
    source: Table | pa.Table
    columns: set[str] = field(default_factory=set)
    """Display names read."""
    whole: bool = False
    """Every column counts as read."""
    filters: list[Predicate] = field(default_factory=list)
    """Each holds for every row that can matter."""


@dataclass(frozen=True, eq=False, slots=True)
class Base:
    """A column of a mentioned table that a field passes on unchanged."""

    reference: Reference
    column: str
    through: tuple[object, ...] = ()
    """The WITH entries passed; a filter may go through only if nobody else reads them."""


@dataclass(eq=False, slots=True)
class Field:
    """One output column of a relation or query."""

    name: str | None
    """As displayed; None for an expression without alias, whose name only Spark's rules know."""
    type: pa.DataType | None = None
    """Known for columns that come straight from a table."""
    bases: tuple[Base, ...] = ()
    """Where a filter on this field may be applied instead."""
    identity: object = None
    """The same for two fields that are one attribute to Spark: a column selected twice is not ambiguous."""
    reads: Base | None = None
    """The table column to count as read when the field is named."""
    value: object = None
    """Name of the column inside the relation of the bound tree, when it differs from ``name``."""


@dataclass(eq=False)
class Source:
    """One relation of a FROM clause."""

    alias: str
    """The unique name it has in the bound tree."""
    qualifiers: tuple[tuple[str, ...], ...]
    """Folded qualifiers that mean it, e.g. ``("wells",)``, ``("geo", "wells")``."""
    fields: list[Field]
    open: bool = False
    """True when its columns are not all known here; a name not found may still be one of them."""
    text_alias: str | None = None
    """What the text calls it, once relations stand in for names; None for what has no name."""
    prunable: bool = True
    """A filter over the joined rows may be applied to this relation first."""

    def __post_init__(self) -> None:
        self._index: dict[str, list[Field]] = {}
        self.unnamed = any(each.name is None for each in self.fields)
        for each in self.fields:
            if each.name is not None:
                self._index.setdefault(fold(each.name), []).append(each)

    def find(self, name: str) -> list[Field]:
        return self._index.get(name, [])


@dataclass(frozen=True, slots=True)
class Visible:
    """A field as the clauses after FROM see it."""

    name: str | None
    field: Field
    source: Source
    other: "Visible | None" = None
    """The other side of a FULL JOIN USING: the value is the first that is not NULL."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a dotted name means."""

    visible: Visible
    rest: int
    """How many trailing parts are fields of a struct."""
    outer: bool
    """Found in an enclosing query."""


class AmbiguousNameError(Exception):
    """A name means more than one column; the caller knows the place."""

    def __init__(self, candidates: Sequence[str]) -> None:
        super().__init__(", ".join(candidates))
        self.candidates = candidates


class Scope:
    """The relations of one SELECT and, outside it, those of the enclosing queries."""

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.parent = parent
        self.sources: list[Source] = []
        self.visible: list[Visible] = []
        self._by_name: dict[str, list[Visible]] | None = None

    def add(self, source: Source) -> None:
        """Make a relation and its fields visible."""
        self.sources.append(source)
        self.visible.extend(Visible(each.name, each, source) for each in source.fields)
        self._by_name = None

    def show(self, visible: list[Visible]) -> None:
        """Replace what is visible, after USING or a semi join."""
        self.visible = visible
        self._by_name = None

    @property
    def is_open(self) -> bool:
        """True when a name that is not found may still mean something."""
        if any(source.open or source.unnamed for source in self.sources):
            return True
        return self.parent is not None and self.parent.is_open

    def resolve(self, parts: Sequence[str]) -> Found | None:
        """Return what folded parts mean here or in an enclosing query; None when nothing.

        Raises: AmbiguousNameError.
        """
        scope: Scope | None = self
        while scope is not None:
            found = scope._resolve_here(parts, outer=scope is not self)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def _resolve_here(self, parts: Sequence[str], outer: bool) -> Found | None:
        for length in range(min(3, len(parts) - 1), 0, -1):
            matches = list(self._qualified(tuple(parts[:length]), parts[length]))
            if matches:
                return Found(_one(matches), len(parts) - length - 1, outer)
        matches = self._unqualified(parts[0])
        return Found(_one(matches), len(parts) - 1, outer) if matches else None

    def _qualified(self, qualifier: tuple[str, ...], name: str) -> Iterator[Visible]:
        for source in self.sources:
            if qualifier in source.qualifiers:
                for each in source.find(name):
                    yield Visible(each.name, each, source)

    def _unqualified(self, name: str) -> list[Visible]:
        if self._by_name is None:
            self._by_name = {}
            for each in self.visible:
                if each.name is not None:
                    self._by_name.setdefault(fold(each.name), []).append(each)
        return self._by_name.get(name, [])

    def qualified_sources(self, qualifier: Sequence[str]) -> list[Source]:
        """Return the relations that a folded qualifier of ``q.*`` means."""
        return [source for source in self.sources if tuple(qualifier) in source.qualifiers]

    def names(self) -> Iterator[str]:
        """Yield display names that a misspelt one may have meant."""
        scope: Scope | None = self
        while scope is not None:
            yield from (each.name for each in scope.visible if each.name)
            scope = scope.parent


def _one(matches: list[Visible]) -> Visible:
    identities = {id(each.field.identity or each.field) for each in matches}
    if len(identities) > 1:
        raise AmbiguousNameError([f"{each.source.alias}.{each.name}" for each in matches])
    return matches[0]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return a hint with the names closest to a misspelt one, or the first of those there are."""
    names = list(dict.fromkeys(known))
    by_fold = {fold(each): each for each in names}
    close = difflib.get_close_matches(fold(name), by_fold, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(by_fold[each] for each in close)}?"
    if not names:
        return None
    shown = ", ".join(names[:10])
    return f"the columns here are {shown}{', …' if len(names) > 10 else ''}"
