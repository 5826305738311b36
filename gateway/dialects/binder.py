"""Walk a query's tree and give every name in it its meaning, by Spark's rules.

The tree becomes the *bound tree*, which the portable set reads:

- tables are ``exp.Table`` of a relation name, whose alias is unique in the whole query; WITH entries too have unique
  names; views stand in as subqueries;
- columns are qualified by that alias and keep the name as the user wrote it; fields of structs are ``exp.Dot``;
- stars are expanded, USING and NATURAL are ON conditions, aliases in GROUP BY, HAVING, QUALIFY and other projections
  are replaced by what they stand for, and an ORDER BY item that is an output column is its ordinal;
- projections without alias stay so; ``meta["name"]`` is Spark's name of a node that stands in for another.

What cannot be resolved with certainty becomes an obstacle, and Spark answers. On the way every text that takes part
gets its edits for Spark (edits.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.identifiers import fold
from gateway.bound import Obstacle
from gateway.dialects import clauses, predicates
from gateway.dialects.from_clause import FromClause
from gateway.dialects.naming import Naming, Text, Work
from gateway.dialects.reader import Place
from gateway.dialects.scopes import Base, Field, Scope, Source
from gateway.errors import NotSupportedError, SqlSyntaxError


@dataclass(eq=False)
class Cte:
    """One entry of WITH."""

    unique: str
    """Its name in the bound tree."""
    fields: list[Field]
    references: int = 0
    recursive: bool = False
    open: bool = False


class Binder:
    """Binds the queries of one text."""

    def __init__(self, work: Work, text: Text, views: tuple[object, ...] = ()) -> None:
        self.work = work
        self.text = text
        self.views = views
        """The views that this text is inside of, to find cycles."""
        self.naming = Naming(work, text, self.subquery)
        self.from_clause = FromClause(self)
        self.ctes: Mapping[str, Cte] = {}

    def obstacle(self, construct: str, reason: str, node: exp.Expr | None = None) -> None:
        """Note a construct that only Spark answers."""
        self.work.obstacles.append(Obstacle(construct, reason, **self.text.place(node)))

    def subquery(self, node: exp.Expr, scope: Scope) -> None:
        """Bind a query inside an expression."""
        self.work.count("subqueries")
        self.query(node, scope)

    def query(self, node: exp.Expr, outer: Scope | None) -> list[Field]:
        """Bind a query in place and return its output columns."""
        saved = self.ctes
        self._with(node, outer)
        try:
            if isinstance(node, exp.Select):
                return self._select(node, outer)
            if isinstance(node, exp.SetOperation):
                return self._set_operation(node, outer)
            if isinstance(node, exp.Subquery):
                return self._parenthesized(node, outer)
            if isinstance(node, exp.Values):
                return self.from_clause.values_fields(node, outer)
        finally:
            self.ctes = saved
        raise NotSupportedError(f"{type(node).__name__.upper()} is not a query", **self.text.place(node))

    # WITH.

    def _with(self, node: exp.Expr, outer: Scope | None) -> None:
        with_ = node.args.get("with_")
        if with_ is None:
            return
        names: set[str] = set()
        for entry in with_.expressions:
            name = entry.alias
            if fold(name) in names:
                raise SqlSyntaxError(f"WITH names {name} twice", **self.text.place(entry.args["alias"]))
            names.add(fold(name))
            self._entry(entry, bool(with_.args.get("recursive")), outer)

    def _entry(self, entry: exp.CTE, recursive: bool, outer: Scope | None) -> None:
        alias = entry.args["alias"]
        name = alias.name
        listed = [column.name for column in alias.args.get("columns") or ()]
        cte = Cte(self.work.alias(name), [Field(each) for each in listed])
        if recursive and isinstance(entry.this, exp.Union):
            self._recursive(entry, cte, listed)
        fields = self.query(entry.this, outer)
        cte.fields = renamed(fields, listed, self.text.place(alias))
        if cte.recursive:
            cte.fields = [Field(each.name) for each in cte.fields]
        alias.set("this", exp.to_identifier(cte.unique))
        self.ctes = {**self.ctes, fold(name): cte}

    def _recursive(self, entry: exp.CTE, cte: Cte, listed: Sequence[str]) -> None:
        """Let the entry see itself; without a column list its names are those of its first branch."""
        cte.recursive = True
        if not listed:
            first = entry.this.this
            names = [projection.alias_or_name or None for projection in getattr(first, "selects", ())]
            cte.fields = [Field(each) for each in names]
            cte.open = None in names or "*" in names
        self.work.recursive = True
        self.ctes = {**self.ctes, fold(entry.alias): cte}

    # Queries.

    def _parenthesized(self, node: exp.Subquery, outer: Scope | None) -> list[Field]:
        fields = self.query(node.this, outer)
        if any(node.args.get(key) for key in clauses.MODIFIERS):
            fields = clauses.order_output(self, node, fields)
        return fields

    def _set_operation(self, node: exp.SetOperation, outer: Scope | None) -> list[Field]:
        self.work.count("set_operations")
        left = self.query(node.this, outer)
        right = self.query(node.expression, outer)
        if node.args.get("by_name"):
            self.obstacle("BY NAME", "columns are matched by name", node)
        elif len(left) != len(right) and not self.work.lenient and not self._has_star(node):
            raise SqlSyntaxError(
                f"the sides of {type(node).__name__.upper()} have {len(left)} and {len(right)} columns",
                **self.text.place(node.expression),
            )
        fields = [
            Field(mine.name, mine.type, mine.bases + theirs.bases if _same(mine, theirs) else ())
            for mine, theirs in zip(left, right, strict=False)
        ]
        return clauses.order_output(self, node, fields)

    @staticmethod
    def _has_star(node: exp.Expr) -> bool:
        return node.find(exp.Star) is not None

    def _select(self, node: exp.Select, outer: Scope | None) -> list[Field]:
        node.args.pop("hint", None)  # ENGINE is read from the text; the others are Spark's
        scope = self.from_clause.bind(node, outer)
        windows = self.work.counts.get("windows", 0)
        where = node.args.get("where")
        if where is not None:
            self.naming.resolve(where, scope)
            self.push(where.this)
        self._count_cross_joins(node, scope.sources)
        fields = clauses.Select(self, node, scope).bind()
        if self.work.counts.get("windows", 0) != windows or any(node.args.get(key) for key in _OPAQUE):
            return [Field(each.name, each.type, (), each.identity) for each in fields]
        return fields

    # Filters.

    def push(self, condition: exp.Expr, only: Sequence[object] | None = None) -> None:
        """Note what the terms of a condition say about single tables.

        ``only`` are the relations that a term may be applied to; None takes those of the scope that may be filtered
        before they are joined.
        """
        for term in predicates.conjuncts(condition):
            targets: set[int] = set()
            columns = list(term.find_all(exp.Column))
            found = [self.naming.found.get(id(each)) for each in columns]
            if not columns or any(each is None or each.outer for each in found):
                continue
            sources = {id(each.visible.source): each.visible.source for each in found if each is not None}
            if len(sources) != 1:
                continue
            source = next(iter(sources.values()))
            if not (source.prunable if only is None else source in only):
                continue
            fields = {id(column): each.visible.field for column, each in zip(columns, found, strict=True) if each}
            for base in next(iter(fields.values())).bases:
                if id(base.reference) not in targets:
                    targets.add(id(base.reference))
                    self._push_to(term, base, fields)

    def _push_to(self, term: exp.Expr, base: Base, fields: Mapping[int, Field]) -> None:
        def lookup(node: exp.Expr) -> predicates.Subject | None:
            each = fields.get(id(node))
            if each is None or each.type is None:
                return None
            column = next((one.column for one in each.bases if one.reference is base.reference), None)
            return predicates.Subject(column, each.type) if column is not None else None

        predicate = predicates.convert(term, lookup, self.work.context.time_zone)
        if predicate is not None:
            self.work.pushes.append((base, predicate))

    def _count_cross_joins(self, node: exp.Select, sources: Sequence[Source]) -> None:
        """Count the relations that no equality ties to another."""
        groups = {id(source): id(source) for source in sources}
        if len(groups) < 2:
            return

        def root(key: int) -> int:
            while groups[key] != key:
                key = groups[key]
            return key

        conditions = [join.args.get("on") for join in node.args.get("joins") or ()]
        where = node.args.get("where")
        for condition in [*conditions, where]:
            for equality in condition.find_all(exp.EQ) if condition is not None else ():
                tied = [self.naming.found.get(id(column)) for column in equality.find_all(exp.Column)]
                keys = [id(each.visible.source) for each in tied if each is not None]
                known = [key for key in keys if key in groups]
                for key in known[1:]:
                    groups[root(key)] = root(known[0])
        self.work.count("cross_joins", len({root(key) for key in groups}) - 1)


_OPAQUE = ("limit", "offset", "qualify", "sample")


def _same(left: Field, right: Field) -> bool:
    return left.type is not None and left.type == right.type and bool(left.bases) and bool(right.bases)


def renamed(fields: list[Field], names: Sequence[str], place: Place) -> list[Field]:
    """Return the fields under a list of column aliases; without one as they are.

    Raises: SqlSyntaxError when the numbers differ.
    """
    if not names:
        return fields
    if len(names) != len(fields):
        raise SqlSyntaxError(f"{len(names)} column names for {len(fields)} columns", **place)
    return [Field(name, each.type, each.bases, each.identity) for name, each in zip(names, fields, strict=True)]
