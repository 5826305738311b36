"""Queries of a qualified tree: SELECT and its clauses, set operations, WITH, VALUES, joins.

Output columns keep their order; a relation's columns are found by folded name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.schema import Schema
from gateway.bound import BindingContext
from gateway.dialects.portability import casts
from gateway.dialects.portability.expressions import Expressions, Facts, Output, Scope, normal_float, only
from gateway.dialects.portability.generators import selected
from gateway.dialects.portability.typed import (
    AGGREGATE,
    COLUMN,
    DIVIDES,
    GENERATOR,
    NO_NAME,
    RAISES,
    UNKNOWN,
    WINDOW,
    NotPortableError,
    Typed,
)
from gateway.dialects.portability.types import (
    DAY_TIME,
    FRACTIONAL,
    VOID,
    YEAR_MONTH,
    Type,
    common,
    from_arrow,
    holds,
    quote,
)

_SELECT_PARTS = (
    "distinct",
    "expressions",
    "limit",
    "offset",
    "from_",
    "joins",
    "laterals",
    "where",
    "group",
    "having",
    "qualify",
    "windows",
    "order",
    "with_",
    "kind",
    "hint",
    "operation_modifiers",
)
_SET_PARTS = ("this", "expression", "distinct", "order", "limit", "offset", "with_", "side", "kind", "by_name")


@dataclass(frozen=True, slots=True)
class Rows:
    """A translated query."""

    sql: str
    outputs: list[Output]
    ordered: bool = False


@dataclass(frozen=True)
class Environment:
    """What the relation names in a query mean: tables and the common table expressions in sight."""

    tables: Mapping[str, Sequence[Output]]
    ctes: Mapping[str, Sequence[Output]]


def outputs_of(schema: Schema) -> list[Output]:
    """Return a table's columns; a column of a type the reference lacks gets no place and cannot be named."""
    return [Output(c.name, type_) for c in schema if (type_ := from_arrow(c.type)) is not None]


class Queries:
    """Translates the queries of one statement."""

    def __init__(self, sources: Mapping[str, Schema], context: BindingContext) -> None:
        self.sources = sources
        self.context = context
        self.facts = Facts()
        self._tables: dict[str, list[Output]] = {}

    def translate(
        self, node: exp.Expr, ctes: Mapping[str, Sequence[Output]], outer: Scope | None, *, top: bool = False
    ) -> Rows:
        """Return the query in DuckDB's words.

        Raises: NotPortableError.
        """
        if isinstance(node, exp.Subquery):
            only(node, "this", "alias", "with_")
            return self.translate(node.this, ctes, outer, top=top)
        prefix, ctes = self._with(node, ctes, outer)
        if isinstance(node, exp.Select):
            rows = _Select(self, node, ctes, outer, top).rows()
        elif isinstance(node, exp.SetOperation):
            rows = self._set_operation(node, ctes, outer, top)
        elif isinstance(node, exp.Values):
            rows = self._values(node, ctes, outer)
        elif isinstance(node, exp.Table):
            relation, columns = self.relation(node, ctes)
            listed = ", ".join(quote(column.name) for column in columns)
            rows = Rows(f"SELECT {listed} FROM {relation}", list(columns))
        else:
            raise NotPortableError(type(node).__name__, "not in the portable set", node)
        return Rows(prefix + rows.sql, rows.outputs, rows.ordered)

    def walker(self, scope: Scope, ctes: Mapping[str, Sequence[Output]]) -> Expressions:
        def query(node: exp.Expr, inner: Scope) -> tuple[str, list[Output]]:
            rows = self.translate(node, ctes, inner)
            return rows.sql, rows.outputs

        return Expressions(scope, self.context, self.facts, query)

    def relation(self, node: exp.Table, ctes: Mapping[str, Sequence[Output]]) -> tuple[str, Sequence[Output]]:
        """Return a table's text without alias and its columns."""
        name = node.name
        if node.args.get("db") is None and name.lower() in ctes:
            return quote(name), ctes[name.lower()]
        found = self._tables.get(name)
        if found is None:
            schema = self.sources.get(name)
            if schema is None:
                raise NotPortableError(name, "an unknown relation", node)
            found = self._tables[name] = outputs_of(schema)
        return quote(name), found

    def _with(
        self, node: exp.Expr, ctes: Mapping[str, Sequence[Output]], outer: Scope | None
    ) -> tuple[str, Mapping[str, Sequence[Output]]]:
        clause = node.args.get("with_")
        if clause is None:
            return "", ctes
        if clause.args.get("recursive"):
            raise NotPortableError("WITH RECURSIVE", "not in the portable set", clause)
        known, texts = dict(ctes), []
        for cte in clause.expressions:
            only(cte, "this", "alias")
            rows = self.translate(cte.this, known, outer)
            outputs = _renamed(rows.outputs, cte.args["alias"])
            known[cte.alias.lower()] = outputs
            texts.append(f"{quote(cte.alias)}({_names(outputs)}) AS ({rows.sql})")
        return f"WITH {', '.join(texts)} ", known

    def _set_operation(
        self, node: exp.SetOperation, ctes: Mapping[str, Sequence[Output]], outer: Scope | None, top: bool
    ) -> Rows:
        only(node, *_SET_PARTS)
        if node.args.get("by_name") or node.args.get("side"):
            raise NotPortableError("UNION BY NAME", "not in the portable set", node)
        left = self.translate(node.this, ctes, outer, top=top)
        right = self.translate(node.expression, ctes, outer)
        if len(left.outputs) != len(right.outputs):
            raise NotPortableError("set operation", "the sides have different numbers of columns", node)
        distinct = bool(node.args.get("distinct"))
        types = [_met(a.type, b.type, node) for a, b in zip(left.outputs, right.outputs, strict=True)]
        word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
        floats = any(type_ in FRACTIONAL for type_ in types)
        if floats and not distinct and word != "UNION":
            raise NotPortableError(f"{word} ALL over floats", "which of two equal zeros stays is open", node)
        if any(type_.kind in ("array", "map", "struct") for type_ in types) and (distinct or word != "UNION"):
            raise NotPortableError(word, "nested values compare differently", node)
        sides = [self._side(rows, types, normal=distinct) for rows in (left, right)]
        outputs = [Output(o.name, type_) for o, type_ in zip(left.outputs, types, strict=True)]
        sql = f"({sides[0]}) {word}{'' if distinct else ' ALL'} ({sides[1]})"
        return self._sorted_set(node, sql, outputs, ctes)

    def _side(self, rows: Rows, types: list[Type], *, normal: bool) -> str:
        changes = normal and any(type_ in FRACTIONAL for type_ in types)
        if not changes and [output.type for output in rows.outputs] == types:
            return rows.sql
        columns = []
        for index, (output, type_) in enumerate(zip(rows.outputs, types, strict=True)):
            value = casts.cast(Typed(f'"hg_s"."hg_{index}"', output.type, None), type_, self.context.time_zone == "UTC")
            value = normal_float(value) if normal else value
            columns.append(f"{value.sql} AS {quote(output.name)}")
        inner = ", ".join(f'"hg_{index}"' for index in range(len(types)))
        return f'SELECT {", ".join(columns)} FROM ({rows.sql}) AS "hg_s"({inner})'

    def _sorted_set(
        self, node: exp.SetOperation, sql: str, outputs: list[Output], ctes: Mapping[str, Sequence[Output]]
    ) -> Rows:
        order = node.args.get("order")
        if order is not None:
            scope = Scope()
            for index, output in enumerate(outputs):
                value = Typed(str(index + 1), output.type, output.name)
                scope.aliases.setdefault(output.name.lower(), value)
            walk = self.walker(scope, ctes)
            items = []
            for item in order.expressions:
                key = item.this
                if isinstance(key, exp.Literal) and not key.is_string:
                    items.append(key.name + _direction(item))
                elif isinstance(key, exp.Column) and not key.table:
                    items.append(walk(key).sql + _direction(item))
                else:
                    raise NotPortableError(
                        "ORDER BY an expression over a set operation", "not in the portable set", item
                    )
            sql += f" ORDER BY {', '.join(items)}"
        sql += self._limit(node, order, len(outputs))
        return Rows(sql, outputs, order is not None)

    def _limit(self, node: exp.Expr, order: exp.Expr | None, width: int, covered: set[int] | None = None) -> str:
        sql = ""
        for key, word in (("limit", "LIMIT"), ("offset", "OFFSET")):
            clause = node.args.get(key)
            if clause is None:
                continue
            value = clause.expression
            if (
                isinstance(clause, exp.Limit)
                and isinstance(value, (exp.Var, exp.Column))
                and value.name.upper() == "ALL"
            ):
                continue
            if not isinstance(value, exp.Literal) or value.is_string or not value.name.isdigit():
                raise NotPortableError(f"{word} of an expression", "not in the portable set", clause)
            if int(value.name) >= 2**31:
                raise NotPortableError(f"{word} {value.name}", "not an integer for Spark", clause)
            sql += f" {word} {value.name}"
        if sql and (order is None or covered is None or len(covered) < width):
            self.facts.order_dependent = True
        return sql

    def _values(self, node: exp.Values, ctes: Mapping[str, Sequence[Output]], outer: Scope | None) -> Rows:
        only(node, "expressions", "alias")
        walk = self.walker(Scope(outer=outer), ctes)
        rows = [
            walk.all(
                row.expressions if isinstance(row, exp.Tuple) else [row.this if isinstance(row, exp.Paren) else row]
            )
            for row in node.expressions
        ]
        if len({len(row) for row in rows}) != 1:
            raise NotPortableError("VALUES", "rows of different lengths", node)
        columns = [walk.together([row[index] for row in rows], node) for index in range(len(rows[0]))]
        outputs = [Output(f"col{index + 1}", column[0].type) for index, column in enumerate(columns)]
        listed = ", ".join(f"({', '.join(value.sql for value in row)})" for row in zip(*columns, strict=True))
        alias = node.args.get("alias")
        outputs = _renamed(outputs, alias) if alias is not None else outputs
        return Rows(f'SELECT * FROM (VALUES {listed}) AS "hg_values"({_names(outputs)})', outputs)


def _met(left: Type, right: Type, node: exp.Expr) -> Type:
    met = common(left, right)
    if met is None:
        raise NotPortableError(f"{left} and {right} in a set operation", "types that do not meet", node)
    return met


def _names(outputs: Sequence[Output]) -> str:
    return ", ".join(quote(name) for name in unique([output.name for output in outputs]))


def unique(names: Sequence[str]) -> list[str]:
    """Return the names with repeated ones changed, since DuckDB's relations cannot hold two of a name."""
    seen: set[str] = set()
    result = []
    for index, name in enumerate(names):
        kept = name if name and name.lower() not in seen else f"hg_{index}_{name}"
        seen.add(kept.lower())
        result.append(kept)
    return result


def _renamed(outputs: Sequence[Output], alias: exp.Expr | None) -> list[Output]:
    columns = alias.args.get("columns") if alias is not None else None
    if not columns:
        return list(outputs)
    if len(columns) != len(outputs):
        raise NotPortableError("column aliases", "their number is not that of the columns", alias)
    return [Output(column.name, output.type) for column, output in zip(columns, outputs, strict=True)]


def _direction(item: exp.Expr) -> str:
    descending = bool(item.args.get("desc"))
    first = bool(item.args.get("nulls_first"))
    return f" {'DESC' if descending else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"


class _Select:
    """One SELECT on its way through its clauses."""

    def __init__(
        self, queries: Queries, node: exp.Select, ctes: Mapping[str, Sequence[Output]], outer: Scope | None, top: bool
    ) -> None:
        only(node, *_SELECT_PARTS)
        if node.args.get("kind") or node.args.get("operation_modifiers"):
            raise NotPortableError("SELECT TRANSFORM", "not in the portable set", node)
        self.queries = queries
        self.node = node
        self.ctes = ctes
        self.top = top
        self.scope = Scope(outer=outer, windows={w.name.lower(): w for w in node.args.get("windows") or ()})
        limiting = ("from_", "where", "limit", "offset", "having", "qualify", "laterals")
        self.scope.certain = top and not any(node.args.get(part) for part in limiting)
        self.walk = queries.walker(self.scope, ctes)
        self.projections: list[Typed] = []
        self.names: list[str] = []

    def rows(self) -> Rows:
        source = self._from()
        where = self._where()
        group = self._group()
        self._project()
        having = self._filter("having", "HAVING")
        qualify = self._filter("qualify", "QUALIFY")
        order, covered = self._order()
        self._check_grouping()
        distinct = self._distinct()
        columns = ", ".join(f"{p.sql} AS {quote(n)}" for p, n in zip(self.projections, unique(self.names), strict=True))
        limit = self.queries._limit(self.node, self.node.args.get("order"), len(self.projections), covered)
        outputs = [Output(name, p.type) for name, p in zip(self.names, self.projections, strict=True)]
        sql = f"SELECT {distinct}{columns}{source}{where}{group}{having}{qualify}{order}{limit}"
        return Rows(sql, outputs, bool(order))

    # FROM.

    def _from(self) -> str:
        clause = self.node.args.get("from_")
        if clause is None:
            return ""
        sql = " FROM " + self._relation(clause.this)
        for join in self.node.args.get("joins") or ():
            sql += self._join(join)
        for lateral in self.node.args.get("laterals") or ():
            sql += self._lateral_view(lateral)
        return sql

    def _relation(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Table):
            only(node, "this", "alias", "joins")
            sql, outputs = self.queries.relation(node, self.ctes)
            alias = node.alias or node.name
            outputs = _renamed(outputs, node.args.get("alias"))
            renamed = (
                f"({_names(outputs)})" if node.args.get("alias") and node.args["alias"].args.get("columns") else ""
            )
            sql = f"{sql} AS {quote(alias)}{renamed}"
        elif isinstance(node, (exp.Subquery, exp.Values, exp.Lateral)):
            sql, alias, outputs = self._derived(node)
        else:
            raise NotPortableError(type(node).__name__, "not in the portable set", node)
        self._add(alias, outputs, node)
        for join in node.args.get("joins") or ():
            sql += self._join(join)
        return sql

    def _derived(self, node: exp.Expr) -> tuple[str, str, list[Output]]:
        outer = self.scope.outer
        lateral = ""
        inner: exp.Expr = node
        if isinstance(node, exp.Lateral):
            only(node, "this", "alias")
            inner, outer, lateral = node.this, self.scope, "LATERAL "
        if isinstance(node, exp.Subquery):
            only(node, "this", "alias", "joins")
            inner = node.this
            if isinstance(inner, (exp.Table,)):
                raise NotPortableError("a join in parentheses", "not in the portable set", node)
        rows = self.queries.translate(inner, self.ctes, outer)
        outputs = rows.outputs if isinstance(node, exp.Values) else _renamed(rows.outputs, node.args.get("alias"))
        alias = node.alias or f"hg_a{len(self.scope.relations)}"
        return f"{lateral}({rows.sql}) AS {quote(alias)}({_names(outputs)})", alias, outputs

    def _add(self, alias: str, outputs: Sequence[Output], node: exp.Expr) -> None:
        if alias.lower() in self.scope.relations:
            raise NotPortableError(alias, "two relations of one name", node)
        columns: dict[str, Output] = {}
        for output in outputs:
            columns.setdefault(output.name.lower(), output)
        self.scope.relations[alias.lower()] = columns

    def _join(self, join: exp.Expr) -> str:
        only(join, "this", "side", "kind", "on")
        side, kind = (join.args.get("side") or "").upper(), (join.args.get("kind") or "").upper()
        hidden = kind in ("SEMI", "ANTI")
        before = dict(self.scope.relations)
        relation = self._relation(join.this)
        on = join.args.get("on")
        self.scope.in_predicate = True
        condition = self.walk.boolean(on) if on is not None else None
        self.scope.in_predicate = False
        if hidden:
            self.scope.relations = before
        if condition is not None and condition.flags & (AGGREGATE | WINDOW | GENERATOR):
            raise NotPortableError("ON", "an aggregate or window in a join condition", join)
        if hidden:
            words = f"{kind} JOIN"
        elif side in ("LEFT", "RIGHT", "FULL") and kind in ("", "OUTER"):
            words = f"{side} JOIN"
        elif not side and kind in ("", "INNER", "CROSS"):
            words = "JOIN" if condition is not None else "CROSS JOIN"
        else:
            raise NotPortableError(f"{side} {kind} JOIN".strip(), "not in the portable set", join)
        if condition is None:
            return f" {words} {relation}" + ("" if words == "CROSS JOIN" else " ON true")
        return f" {words} {relation} ON {condition.sql}"

    def _lateral_view(self, node: exp.Expr) -> str:
        from gateway.dialects.portability.generators import lateral_view

        sql, alias, outputs = lateral_view(self.walk, node, len(self.scope.relations))
        self._add(alias, outputs, node)
        return sql

    # Conditions.

    def _where(self) -> str:
        clause = self.node.args.get("where")
        if clause is None:
            return ""
        self.scope.in_predicate = True
        parts = [self.walk.boolean(part) for part in _conjuncts(clause.this)]
        self.scope.in_predicate = False
        if any(part.flags & (AGGREGATE | WINDOW | GENERATOR) for part in parts):
            raise NotPortableError("WHERE", "an aggregate or window in WHERE", clause)
        texts: list[str] = []
        for index, part in enumerate(parts):
            if part.flags & RAISES and part.flags & DIVIDES and index:
                # Spark tries the conditions in order and stops at the first that fails; DuckDB orders them anew.
                before = " AND ".join(p.sql for p in parts[:index])
                texts.append(f"(CASE WHEN {before} THEN {part.sql} ELSE false END)")
            else:
                texts.append(part.sql)
        return " WHERE " + " AND ".join(texts)

    def _filter(self, key: str, word: str) -> str:
        clause = self.node.args.get(key)
        if clause is None:
            return ""
        condition = self.walk.boolean(clause.this)
        if key == "having":
            self.scope.grouped = self.scope.grouped or self.node.args.get("group") is not None
            if condition.flags & WINDOW:
                raise NotPortableError("HAVING", "a window in HAVING", clause)
        self.extra_flags |= condition.flags
        return f" {word} {condition.sql}"

    extra_flags = 0

    # GROUP BY.

    def _group(self) -> str:
        clause = self.node.args.get("group")
        if clause is None:
            return ""
        only(clause, "expressions")
        self.scope.grouped = True
        texts = [self._grouping(item) for item in clause.expressions]
        return f" GROUP BY {', '.join(texts)}"

    def _grouping(self, item: exp.Expr) -> str:
        if isinstance(item, (exp.Rollup, exp.Cube)):
            word = "ROLLUP" if isinstance(item, exp.Rollup) else "CUBE"
            return f"{word} ({', '.join(self._grouping(part) for part in item.expressions)})"
        if isinstance(item, exp.GroupingSets):
            return f"GROUPING SETS ({', '.join(self._grouping(part) for part in item.expressions)})"
        if isinstance(item, exp.Tuple):
            return f"({', '.join(self._grouping(part) for part in item.expressions)})"
        if isinstance(item, exp.Paren):
            return f"({self._grouping(item.this)})"
        saved, self.scope.keys = self.scope.keys, {}
        value = self.walk(item)
        self.scope.keys = saved
        if value.constant or value.flags & (AGGREGATE | WINDOW | GENERATOR):
            raise NotPortableError("GROUP BY", "a constant or an aggregate as key", item)
        if value.type.kind in ("array", "map", "struct"):
            raise NotPortableError("GROUP BY", "nested values compare differently", item)
        key = normal_float(value)
        self.scope.keys[value.sql] = key
        self.scope.keys[key.sql] = key
        return key.sql

    def _check_grouping(self) -> None:
        flags = self.extra_flags
        for projection in self.projections:
            flags |= projection.flags
        aggregated = self.scope.grouped or flags & AGGREGATE
        if aggregated and flags & GENERATOR:
            raise NotPortableError("explode", "beside aggregates", self.node)
        if aggregated and flags & COLUMN:
            raise NotPortableError("aggregation", "a column that is neither grouped nor aggregated", self.node)

    # SELECT list.

    def _project(self) -> None:
        for item in self.node.expressions:
            inner = item.this if isinstance(item, exp.Alias) else item
            value = selected(self.walk, inner) or self.walk(inner)
            if value.flags & GENERATOR:
                self._check_generator(item)
            name = item.alias if isinstance(item, exp.Alias) else _top_name(inner, value)
            if name is None or NO_NAME in name:
                if self.top:
                    raise NotPortableError(_written(inner), "Spark's name for the column is not known", item)
                name = f"hg_c{len(self.names)}"
            if self.top and holds(value.type, (DAY_TIME, YEAR_MONTH)):
                raise NotPortableError(f"a column of type {value.type}", "DuckDB's intervals are another type", item)
            self.projections.append(value)
            self.names.append(name)
            if isinstance(item, exp.Alias) or value.bare_column:
                self.scope.aliases.setdefault(name.lower(), value)
        if not self.projections:
            raise NotPortableError("SELECT", "without columns", self.node)

    def _check_generator(self, item: exp.Expr) -> None:
        clauses = ("distinct", "group", "having", "qualify", "order", "limit", "offset")
        if any(self.node.args.get(key) for key in clauses) or any(p.flags & GENERATOR for p in self.projections):
            raise NotPortableError("explode", "beside other clauses or generators in one SELECT", item)

    def _distinct(self) -> str:
        clause = self.node.args.get("distinct")
        if clause is None:
            return ""
        only(clause)
        if any(p.type.kind in ("array", "map", "struct") for p in self.projections):
            raise NotPortableError("DISTINCT", "nested values compare differently", self.node)
        self.projections = [normal_float(p) for p in self.projections]
        return "DISTINCT "

    # ORDER BY.

    def _order(self) -> tuple[str, set[int]]:
        clause = self.node.args.get("order")
        covered: set[int] = set()
        if clause is None:
            return "", covered
        only(clause, "expressions")
        texts = [self._order_key(item, covered) + _direction(item) for item in clause.expressions]
        return f" ORDER BY {', '.join(texts)}", covered

    def _order_key(self, item: exp.Expr, covered: set[int]) -> str:
        if not isinstance(item, exp.Ordered):
            raise NotPortableError("ORDER BY", "not in the portable set", item)
        key = item.this
        if isinstance(key, exp.Literal) and not key.is_string and key.name.isdigit():
            index = int(key.name) - 1
            if index >= len(self.projections):
                raise NotPortableError("ORDER BY", "no such column", item)
        else:
            value = self.walk(key)
            if value.constant:
                raise NotPortableError("ORDER BY a constant", "not in the portable set", item)
            if value.type.kind in ("array", "map", "struct"):
                raise NotPortableError("ORDER BY", "nested values sort differently", item)
            index = next((i for i, p in enumerate(self.projections) if p.sql == value.sql), -1)
            if index < 0:
                if self.node.args.get("distinct") is not None:
                    raise NotPortableError("ORDER BY", "an expression that DISTINCT does not give", item)
                self.extra_flags |= value.flags
                return value.sql
        covered.add(index)
        return str(index + 1)


def _written(node: exp.Expr) -> str:
    return f"{node.name.lower()}()" if isinstance(node, exp.Anonymous) else type(node).__name__


def _top_name(node: exp.Expr, value: Typed) -> str | None:
    """Return Spark's name of an unaliased projection; a cast column keeps the column's (ResolveAliases)."""
    inner = node.unnest()
    if isinstance(inner, exp.Cast) and "typed_literal" not in inner.meta:
        child = inner.this.unnest()
        if isinstance(child, (exp.Column, exp.Dot)):
            return child.name
    return value.name


def _conjuncts(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.And):
        return [*_conjuncts(node.this), *_conjuncts(node.expression)]
    if isinstance(node, exp.Paren) and isinstance(node.this, exp.And):
        return _conjuncts(node.this)
    return [node]


__all__ = ["UNKNOWN", "VOID", "Queries", "Rows", "outputs_of"]
