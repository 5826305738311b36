"""Resolve the names inside expressions: columns, fields, functions, parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlglot import exp

from catalog.errors import ColumnNotFoundError
from catalog.identifiers import Namespace, fold, quote
from catalog.schema import type_name
from gateway.bound import BindingContext, Obstacle, Resolver
from gateway.dialects import denied, reader, stars, substitution
from gateway.dialects.edits import Edits
from gateway.dialects.parameters import Parameters
from gateway.dialects.reader import Place
from gateway.dialects.scopes import AmbiguousNameError, Base, Found, Reference, Scope, Source, Visible, nearest
from gateway.errors import AmbiguousColumnError, NotAllowedError, NotSupportedError


@dataclass
class Work:
    """What all texts of one statement share while it is bound."""

    resolver: Resolver
    context: BindingContext
    parameters: Parameters
    lenient: bool = False
    """True when the tree is not the text's own shape: names that are not found are left to Spark."""
    obstacles: list[Obstacle] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    relations: dict[object, str] = field(default_factory=dict)
    aliases: set[str] = field(default_factory=set)
    pushes: list[tuple[Base, Any]] = field(default_factory=list)
    """A filter and the table it may be applied to."""
    counts: dict[str, int] = field(default_factory=dict)
    instant: bool = False
    hint: str | None = None
    recursive: bool = False

    def alias(self, wanted: str) -> str:
        """Return the wanted alias, or one like it, that nothing else in the statement has."""
        alias, number = wanted, 1
        while fold(alias) in self.aliases:
            number += 1
            alias = f"{wanted}_{number}"
        self.aliases.add(fold(alias))
        return alias

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by


@dataclass
class Text:
    """One text that takes part: the user's or a view's."""

    text: str
    edits: Edits
    namespace: Namespace
    view: str | None = None
    """Display name of the view whose text it is."""
    aliases: set[str] = field(default_factory=set)
    """Folded aliases that headgate gave to tables in it."""

    def place(self, node: Any) -> Place:
        """Return line and column of a node as keyword arguments of an error; none for a view's text."""
        start = first_offset(node)
        if self.view is not None or start is None:
            return Place()
        line, column = reader.place(self.text, start)
        return Place(line=line, column=column)


def first_offset(node: Any) -> int | None:
    """Return the offset of the first character that is known of a node."""
    if not isinstance(node, exp.Expr):
        return None
    offsets = [each.meta["start"] for each in node.walk() if each._meta and "start" in each.meta]
    return min(offsets) if offsets else None


Fallback = Callable[[exp.Column, str], exp.Expr | None]
"""What a name of one part means that no relation has: a copy of the expression, or None."""


class Naming:
    """Resolves the names of expressions in one text."""

    def __init__(self, work: Work, text: Text, subquery: Callable[[exp.Expr, Scope], None]) -> None:
        self.work = work
        self.text = text
        self.subquery = subquery
        self.found: dict[int, Found] = {}
        """By identity of the bound column node: what it means here."""
        self._kept: list[exp.Expr] = []

    def resolve(
        self, root: exp.Expr, scope: Scope, fallback: Fallback | None = None, first: Fallback | None = None
    ) -> None:
        """Resolve every name below a node in place; the node itself may be replaced in its parent.

        ``first`` is asked for names of one part before the scope, ``fallback`` after it.
        """
        pending: list[Any] = [root]
        columns: list[Any] = []
        while pending:
            node = pending.pop()
            kind = type(node)
            if kind is exp.Column:
                columns.append(node)
            elif kind in _LEAVES:
                continue
            elif kind in _QUERIES:
                self.subquery(node, scope)
            elif kind is exp.Anonymous:
                self._call(node, scope)
                pending.extend(node.expressions)
            elif kind is exp.Placeholder or kind is exp.Parameter:
                self._parameter(node)
            elif kind is exp.Kwarg:
                pending.append(node.expression)
            else:
                self._note(node)
                pending.extend(node.iter_expressions(reverse=True))
        for column in columns:
            self.column(column, scope, fallback, first)

    def _note(self, node: exp.Expr) -> None:
        if isinstance(node, exp.Window):
            self.work.count("windows")
        elif isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
            raise NotSupportedError(
                f"there are no functions in schemas: {node.expression.name}", **self.text.place(node.expression)
            )
        elif isinstance(node, exp.QueryTransform):
            raise NotAllowedError("TRANSFORM scripts are not allowed", **self.text.place(node))

    # Columns.

    def column(
        self, node: exp.Column, scope: Scope, fallback: Fallback | None = None, first: Fallback | None = None
    ) -> None:
        """Give one column its meaning."""
        if isinstance(node.this, exp.Star):
            raise NotSupportedError("a star cannot stand here", **self.text.place(node))
        parts = node.parts
        names = [fold(part.name) for part in parts]
        if first is not None and len(names) == 1 and (meant := first(node, names[0])) is not None:
            node.replace(meant)
            return
        try:
            found = scope.resolve(names)
        except AmbiguousNameError as ambiguous:
            raise AmbiguousColumnError(
                f"{node.sql(dialect=None)} is ambiguous", hint=f"it could be {ambiguous}", **self.text.place(node)
            ) from None
        if found is not None:
            self.apply(node, parts, found)
        elif not self._otherwise(node, names, fallback):
            self._missing(node, parts, scope)

    def _otherwise(self, node: exp.Column, names: Sequence[str], fallback: Fallback | None) -> bool:
        if len(names) == 1 and fallback is not None and (meant := fallback(node, names[0])) is not None:
            node.replace(meant)
            return True
        if len(names) == 1 and names[0] in substitution.WITHOUT_PARENTHESES and not node.this.quoted:
            self._statement_value(node, names[0])
            return True
        return False

    def _missing(self, node: exp.Column, parts: Sequence[Any], scope: Scope) -> None:
        shown = ".".join(part.name for part in parts)
        if self.work.lenient or scope.is_open:
            self.work.obstacles.append(Obstacle(shown, "its relation is known only to Spark", **self.text.place(node)))
            return
        raise ColumnNotFoundError(
            f"column {shown} does not exist", hint=nearest(parts[-1].name, scope.names()), **self.text.place(node)
        )

    def apply(self, node: exp.Column, parts: Sequence[Any], found: Found) -> exp.Expr:
        """Write what a column means into the tree and, where its qualifier no longer holds, into the text."""
        visible = found.visible
        self.read(visible)
        place = len(parts) - 1 - found.rest
        if found.rest and not _has_fields(visible.field.type):
            raise ColumnNotFoundError(
                f"{parts[place].name} is {type_name(visible.field.type)} and has no field {parts[place + 1].name}",
                **self.text.place(node),
            )
        self.requalify(parts[:place], visible.source)
        written = parts[place]
        bound = _qualified(visible.source.alias, written)
        result: exp.Expr = bound
        if visible.other is not None:
            other = visible.other
            result = exp.Anonymous(this="coalesce", expressions=[bound, _qualified(other.source.alias, written)])
            result.meta["name"] = written.name
        elif not found.rest:
            self.found[id(bound)] = found
            self._kept.append(bound)
        for part in parts[place + 1 :]:
            result = exp.Dot(this=result, expression=part)
        node.replace(result)
        return result

    @staticmethod
    def read(visible: Visible) -> None:
        """Count the table columns behind a field as read."""
        for each in (visible, visible.other):
            if each is not None and each.field.reads is not None:
                each.field.reads.reference.columns.add(each.field.reads.column)

    def requalify(self, qualifier: Sequence[Any], source: Source) -> None:
        """Put the alias that the text has now in the place of a qualifier that no longer holds."""
        if not qualifier or source.text_alias is None:
            return
        if len(qualifier) == 1 and fold(qualifier[0].name) == fold(source.text_alias):
            return
        start, end = qualifier[0].meta.get("start"), qualifier[-1].meta.get("end")
        if start is not None and end is not None:
            self.text.edits.replace(start, end + 1, quote(source.text_alias))

    # Functions and parameters.

    def _call(self, node: exp.Anonymous, scope: Scope) -> None:
        name = fold(node.name)
        reason = denied.FUNCTIONS.get(name)
        if reason is not None:
            raise NotAllowedError(f"{node.name} is not allowed: {reason}", **self.text.place(node))
        if name in denied.FILE_FUNCTIONS and name not in _HARMLESS:
            raise NotAllowedError(f"{node.name} is not allowed: statements read tables only", **self.text.place(node))
        arguments = node.expressions
        if not arguments and name in substitution.STATEMENT_VALUES:
            self._statement_value(node, name)
        elif name == "count" and len(arguments) == 1 and stars.is_whole_star(arguments[0]):
            return
        elif any(stars.is_star(each) for each in arguments):
            self._star_arguments(node, scope)

    def _star_arguments(self, node: exp.Anonymous, scope: Scope) -> None:
        """Expand stars among the arguments of a call; the columns are bound already, so the walk must not see them."""
        self.work.obstacles.append(Obstacle("a star as argument", "not in the portable set", **self.text.place(node)))
        for each in node.expressions:
            if stars.is_star(each):
                stars.expand(self, each, scope)
        node.set("expressions", [each for each in node.expressions if not stars.is_star(each)])

    def _statement_value(self, node: exp.Expr, name: str) -> None:
        self.work.instant |= name in substitution.INSTANTS
        written = substitution.STATEMENT_VALUES[name](self.work.context)
        value = literal_tree(written)
        shown = substitution.SPARK_NAMES.get(name, f"{name}()")
        if isinstance(node, exp.Column) and name.endswith("user"):
            shown = "current_user()"
        value.meta["name"] = shown
        start = first_offset(node)
        if start is not None:
            edits = self.text.edits
            index = edits.index_at(start)
            end = edits.closing(index + 1) if isinstance(node, exp.Anonymous) else index
            top = isinstance(node.parent, exp.Select) and node.arg_key == "expressions"
            edits.replace(start, edits.tokens[end].end + 1, f"{written} AS `{shown}`" if top else written)
        if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
            value = exp.Alias(this=value, alias=exp.to_identifier(shown, quoted=True))
        node.replace(value)

    def _parameter(self, node: exp.Expr) -> None:
        start, end, written = self.work.parameters.take(node, self.text.place(node))
        self.text.edits.replace(start, end, written)
        node.replace(literal_tree(written))


_LEAVES = frozenset((exp.Literal, exp.Identifier, exp.Null, exp.Boolean, exp.Var, exp.DataType, exp.Star, exp.Hint))
_QUERIES = frozenset((exp.Select, exp.Subquery, exp.Union, exp.Except, exp.Intersect))
_HARMLESS = frozenset(("json", "csv", "query", "getenv"))  # no scalar functions of Spark; it says so itself


def _qualified(alias: str, name: Any) -> exp.Column:
    column = exp.Column(this=name, table=exp.Identifier(this=alias, quoted=False))
    if name._meta:
        column.meta.update({key: name.meta[key] for key in ("line", "col", "start", "end") if key in name.meta})
    return column


def _has_fields(type_: pa.DataType | None) -> bool:
    """Tell whether ``x.name`` may mean something for an x of that type; yes when it is not known."""
    if type_ is None or pa.types.is_struct(type_) or pa.types.is_map(type_):
        return True
    return pa.types.is_list(type_) and _has_fields(type_.value_type)


def literal_tree(written: str) -> exp.Expr:
    """Return the tree of a literal that headgate wrote itself."""
    select = reader.parse_tree(f"SELECT {written}", "spark")
    assert isinstance(select, exp.Select)
    value = select.expressions[0]
    value.pop()
    for each in value.walk():
        if each._meta:
            for key in ("start", "end", "line", "col"):
                each.meta.pop(key, None)
    return value if isinstance(value, exp.Expr) else exp.Null()
