"""Bind what follows FROM and WHERE in a SELECT: projections, GROUP BY, HAVING, QUALIFY, ORDER BY.

Spark's order of meanings (measured on 4.3): GROUP BY takes a column before an alias; HAVING takes a grouping column,
then an alias, then another column, but inside an aggregate a column; ORDER BY takes an output column before any other;
a projection may use the alias of one before it when no column has that name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.identifiers import fold
from gateway.dialects import stars
from gateway.dialects.aggregates import AGGREGATES, GENERATORS
from gateway.dialects.scopes import AmbiguousNameError, Field, Scope
from gateway.errors import AmbiguousColumnError, SqlSyntaxError

if TYPE_CHECKING:
    from gateway.dialects.binder import Binder

MODIFIERS = ("order", "limit", "offset", "sort", "cluster", "distribute")
"""Clauses that may follow a query in parentheses or a set operation."""


@dataclass(frozen=True, slots=True)
class Output:
    """One projection."""

    name: str | None
    expression: exp.Expr
    """Bound, without its alias."""
    aliased: bool
    field: Field


class Select:
    """Binds one SELECT whose FROM and WHERE are bound."""

    def __init__(self, binder: "Binder", node: exp.Select, scope: Scope) -> None:
        self.binder = binder
        self.naming = binder.naming
        self.node = node
        self.scope = scope
        self.outputs: list[Output] = []
        self.aliases: dict[str, list[Output]] = {}
        self.complete = True
        """Every projection is known: no star is left."""

    def bind(self) -> list[Field]:
        """Bind the clauses and return the output columns."""
        self._projections()
        grouped = self._group()
        self._having()
        for window in self.node.args.get("windows") or ():
            for child in list(window.iter_expressions()):
                self.naming.resolve(child, self.scope)
        self._qualify()
        if self.node.args.get("distinct"):
            self.binder.work.count("distincts")
        order_by(self)
        return [self._output_field(output, grouped) for output in self.outputs]

    # Projections.

    def _projections(self) -> None:
        bound: list[exp.Expr] = []
        for index, projection in enumerate(list(self.node.expressions)):
            if stars.is_star(projection):
                bound += self._star(projection)
                continue
            self.naming.resolve(projection, self.scope, self._earlier(projection))
            resolved = self.node.expressions[index]
            if "name" in resolved.meta and not isinstance(resolved, exp.Alias):
                resolved = exp.Alias(this=resolved, alias=exp.to_identifier(resolved.meta["name"], quoted=True))
            bound.append(resolved)
            self._add(resolved)
        self.node.set("expressions", bound)

    def _star(self, projection: exp.Expr) -> list[exp.Expr]:
        columns = stars.expand(self.naming, projection, self.scope)
        if columns is None:
            self.complete = False
            self.binder.obstacle("*", "not all columns are known here", projection)
            self.outputs.append(Output("*", projection, False, Field("*")))
            return [projection]
        for column, field in columns:
            expression = column.this if isinstance(column, exp.Alias) else column
            self.outputs.append(Output(field.name, expression, False, field))
        return [column for column, _ in columns]

    def _add(self, projection: exp.Expr) -> None:
        if isinstance(projection, exp.Aliases):
            for alias in projection.args["expressions"]:
                self.outputs.append(Output(alias.name, projection.this, True, Field(alias.name)))
            return
        aliased = isinstance(projection, exp.Alias)
        expression = projection.this if aliased else projection
        while isinstance(expression, exp.Paren):
            expression = expression.this
        if not aliased and isinstance(expression, exp.Anonymous) and fold(expression.name) in GENERATORS:
            self.complete = False
            self.outputs.append(Output("*", expression, False, Field("*")))
            return
        name = projection.alias if aliased else _own_name(expression)
        output = Output(name, expression, aliased, self._field(name, expression, aliased))
        self.outputs.append(output)
        if aliased:
            self.aliases.setdefault(fold(name or ""), []).append(output)

    def _field(self, name: str | None, expression: exp.Expr, aliased: bool) -> Field:
        found = self.naming.found.get(id(expression))
        if found is None:
            return Field(name)
        inner = found.visible.field
        bases = inner.bases if found.visible.source.prunable and not found.outer else ()
        return Field(name, inner.type, bases, None if aliased else inner.identity or inner)

    def _earlier(self, projection: exp.Expr) -> "_Aliases":
        return _Aliases(self, unnamed=projection if not isinstance(projection, (exp.Alias, exp.Aliases)) else None)

    # GROUP BY.

    def _group(self) -> list[exp.Expr] | None:
        """Bind GROUP BY; return its keys when filters on them may be applied to the rows before."""
        group = self.node.args.get("group")
        if group is None:
            return None
        self.binder.work.count("aggregates")
        if group.args.get("all"):
            self._group_by_all(group)
        sets = False
        for slot in list(_slots(group)):
            sets |= slot.parent is not group
            self._key(slot)
        sets |= any(group.args.get(key) for key in ("cube", "rollup", "grouping_sets", "totals"))
        return [] if sets else list(group.expressions)

    def _key(self, slot: exp.Expr) -> None:
        ordinal = _ordinal(slot)
        if ordinal is None:
            self.naming.resolve(slot, self.scope, _Aliases(self))
            return
        if not self.complete:
            return
        if not 1 <= ordinal <= len(self.outputs):
            raise SqlSyntaxError(
                f"GROUP BY position {ordinal} is not in the list of {len(self.outputs)} columns",
                **self.binder.text.place(self.node.args["group"]),
            )
        slot.replace(self.outputs[ordinal - 1].expression.copy())

    def _group_by_all(self, group: exp.Group) -> None:
        if not self.complete:
            self.binder.obstacle("GROUP BY ALL", "not all columns are known here")
            return
        keys = [output.expression for output in self.outputs if not has_aggregate(output.expression)]
        group.args.pop("all")
        if keys:
            group.set("expressions", [key.copy() for key in keys])
            for key in group.expressions:
                key.meta["bound"] = True
        else:
            self.node.args.pop("group")

    # HAVING, QUALIFY.

    def _having(self) -> None:
        having = self.node.args.get("having")
        if having is not None:
            self.naming.resolve(having, self.scope, _Aliases(self), self._having_first)

    def _having_first(self, column: exp.Column, name: str) -> exp.Expr | None:
        outputs = self.aliases.get(name)
        if not outputs or inside_aggregate(column):
            return None
        try:
            found = self.scope.resolve([name])
        except AmbiguousNameError:
            found = None
        if found is not None:
            key = (found.visible.source.alias, fold(found.visible.name or ""))
            group = self.node.args.get("group")
            for each in group.expressions if group is not None else ():
                if isinstance(each, exp.Column) and (each.table, fold(each.name)) == key:
                    return None
        return exp.Paren(this=outputs[0].expression.copy())

    def _qualify(self) -> None:
        qualify = self.node.args.get("qualify")
        if qualify is not None:
            self.binder.work.count("windows")
            self.naming.resolve(qualify, self.scope, _Aliases(self), self._qualify_first)

    def _qualify_first(self, column: exp.Column, name: str) -> exp.Expr | None:
        if name in self.aliases and self._means_another(name, self.aliases[name][0]):
            self.binder.obstacle(f"QUALIFY with {column.name}", "it is a column and an alias", column)
        return None

    def _means_another(self, name: str, output: Output) -> bool:
        """Tell whether a column has the name of an alias that stands for something else."""
        try:
            found = self.scope.resolve([name])
        except AmbiguousNameError:
            return True
        if found is None:
            return False
        same = self.naming.found.get(id(output.expression))
        return same is None or same.visible.field is not found.visible.field

    # ORDER BY.

    def order_first(self, column: exp.Column, name: str) -> exp.Expr | None:
        """Return what an alias in an ORDER BY expression stands for."""
        outputs = self.aliases.get(name)
        if not outputs:
            return None
        if len(outputs) > 1:
            raise AmbiguousColumnError(f"{column.name} is ambiguous", **self.binder.text.place(column))
        if inside_aggregate(column) and self._means_another(name, outputs[0]):
            self.binder.obstacle(f"ORDER BY with {column.name}", "it is a column and an alias", column)
            return None
        return exp.Paren(this=outputs[0].expression.copy())

    def _output_field(self, output: Output, keys: Sequence[exp.Expr] | None) -> Field:
        """Return the output column; behind a GROUP BY only its keys let filters through."""
        field = output.field
        if keys is None or not field.bases:
            return field
        through = any(isinstance(key, exp.Column) and key == output.expression for key in keys)
        return field if through else Field(field.name, field.type, (), field.identity)


class _Aliases:
    """The projections bound so far, as meanings of names that no relation has."""

    def __init__(self, select: Select, unnamed: exp.Expr | None = None) -> None:
        self.select = select
        self.unnamed = unnamed
        """A projection whose name Spark derives from the text, with the alias in it."""

    def __call__(self, column: exp.Column, name: str) -> exp.Expr | None:
        outputs = self.select.aliases.get(name)
        if not outputs:
            return None
        binder = self.select.binder
        if len(outputs) > 1:
            raise AmbiguousColumnError(
                f"{column.name} is ambiguous", hint="two columns have that alias", **binder.text.place(column)
            )
        if self.unnamed is not None and column is not self.unnamed:
            binder.obstacle(f"the alias {column.name} in a column without alias", "its name is Spark's", column)
        copy = outputs[0].expression.copy()
        return copy if isinstance(copy, (exp.Column, exp.Literal)) else exp.Paren(this=copy)


def _own_name(expression: exp.Expr) -> str | None:
    if isinstance(expression, exp.Column):
        return expression.name
    return expression.expression.name if isinstance(expression, exp.Dot) else None


def _ordinal(node: exp.Expr) -> int | None:
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return -int(node.this.this) if str(node.this.this).isdecimal() else None
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdecimal():
        return int(node.this)
    return None


def _slots(group: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the keys of GROUP BY, those inside ROLLUP, CUBE and GROUPING SETS too."""
    pending = list(reversed(list(group.iter_expressions())))
    while pending:
        node = pending.pop()
        if isinstance(node, (exp.Cube, exp.Rollup, exp.GroupingSets, exp.Tuple)):
            pending += reversed(node.expressions)
        elif "bound" not in node.meta:
            yield node


def has_aggregate(node: exp.Expr) -> bool:
    """Tell whether an expression aggregates rows, outside of window functions and subqueries."""
    pending = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, exp.Anonymous) and fold(each.name) in AGGREGATES:
            return True
        if isinstance(each, exp.Window):
            pending.extend(each.this.iter_expressions() if isinstance(each.this, exp.Expr) else ())
            continue
        if not isinstance(each, exp.Query):
            pending.extend(each.iter_expressions())
    return False


def inside_aggregate(node: exp.Expr) -> bool:
    """Tell whether a node is part of an aggregate's argument."""
    parent = node.parent
    while parent is not None and not isinstance(parent, (exp.Query, exp.Having, exp.Ordered)):
        if isinstance(parent, exp.Anonymous) and fold(parent.name) in AGGREGATES:
            return True
        parent = parent.parent
    return False


def order_by(select: Select) -> None:
    """Bind ORDER BY, SORT BY, DISTRIBUTE BY, CLUSTER BY, LIMIT and OFFSET of a SELECT."""
    node, naming = select.node, select.naming
    order = node.args.get("order")
    if order is not None:
        select.binder.work.count("sorts")
        _order_all(select.binder, order, len(select.outputs) if select.complete else None)
        for item in order.expressions:
            _order_item(select, item)
    for clause in ("sort", "cluster", "distribute"):
        if node.args.get(clause) is not None:
            for item in list(node.args[clause].expressions):
                naming.resolve(item, select.scope, _Aliases(select), select.order_first)
    _limits(select.binder, node)


def _limits(binder: "Binder", node: exp.Expr) -> None:
    for clause in ("limit", "offset"):
        if node.args.get(clause) is not None:
            binder.naming.resolve(node.args[clause], Scope())


def _order_all(binder: "Binder", order: exp.Order, width: int | None) -> None:
    """Turn ORDER BY ALL into ordinals."""
    item = order.expressions[0]
    if len(order.expressions) != 1 or not isinstance(item.this, exp.Var) or fold(item.this.name) != "all":
        return
    if width is None:
        binder.obstacle("ORDER BY ALL", "not all columns are known here")
        return
    items = []
    for number in range(1, width + 1):
        each = item.copy()
        each.set("this", exp.Literal.number(number))
        items.append(each)
    order.set("expressions", items)


def _order_item(select: Select, item: exp.Expr) -> None:
    expression = item.this
    if isinstance(expression, exp.Var):
        return
    ordinal = _ordinal(expression)
    if ordinal is not None:
        if select.complete and not 1 <= ordinal <= len(select.outputs):
            raise SqlSyntaxError(f"ORDER BY position {ordinal} is not in the list of {len(select.outputs)} columns")
        return
    if isinstance(expression, exp.Column) and len(expression.parts) == 1:
        position = _output_position(select, expression)
        if position is not None:
            item.set("this", exp.Literal.number(position))
            return
    select.naming.resolve(expression, select.scope, _Aliases(select), select.order_first)
    if select.complete:
        for position, output in enumerate(select.outputs, start=1):
            if type(output.expression) is type(item.this) and output.expression == item.this:
                item.set("this", exp.Literal.number(position))
                return
    if select.node.args.get("distinct"):
        select.binder.obstacle("ORDER BY beside DISTINCT", "the expression is no output column", expression)


def _output_position(select: Select, column: exp.Column) -> int | None:
    name = fold(column.name)
    matches = [
        (position, output)
        for position, output in enumerate(select.outputs, start=1)
        if output.name is not None and fold(output.name) == name
    ]
    if not matches or not select.complete:
        return None
    identities = {id(output.field.identity or output.field) for _, output in matches}
    if len(identities) > 1:
        raise AmbiguousColumnError(f"{column.name} is ambiguous", **select.binder.text.place(column))
    return matches[0][0]


def order_output(binder: "Binder", node: exp.Expr, fields: list[Field]) -> list[Field]:
    """Bind the clauses after a set operation or a query in parentheses, which see its output columns only."""
    order = node.args.get("order")
    known = not any(field.name == "*" for field in fields)
    if order is not None:
        binder.work.count("sorts")
        _order_all(binder, order, len(fields) if known else None)
        for item in order.expressions:
            _order_output_item(binder, item, fields, known)
    for clause in ("sort", "cluster", "distribute"):
        if node.args.get(clause) is not None:
            binder.obstacle(f"{clause.upper()} BY", "not in the portable set", node)
    _limits(binder, node)
    if node.args.get("limit") is not None or node.args.get("offset") is not None:
        return [Field(field.name, field.type, (), field.identity) for field in fields]
    return fields


def _order_output_item(binder: "Binder", item: exp.Expr, fields: Sequence[Field], known: bool) -> None:
    expression = item.this
    if _ordinal(expression) is not None or isinstance(expression, exp.Var):
        return
    if isinstance(expression, exp.Column):
        name = fold(expression.name)
        positions = [number for number, field in enumerate(fields, 1) if field.name and fold(field.name) == name]
        if positions and known:
            item.set("this", exp.Literal.number(positions[0]))
            return
    binder.obstacle("ORDER BY an expression over a set operation", "not in the portable set", expression)
