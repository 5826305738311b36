"""Bind the FROM clause: tables, views, WITH entries, subqueries, joins, table functions."""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from catalog.errors import InvalidNameError, SqlError
from catalog.identifiers import Namespace, fold, quote, resolve
from catalog.tables import Table, View
from gateway.dialects import denied, reader
from gateway.dialects.constants import constant, parse_timestamp
from gateway.dialects.edits import Edits
from gateway.dialects.naming import Text
from gateway.dialects.scopes import Base, Field, Reference, Scope, Source, Visible
from gateway.errors import NotAllowedError, NotSupportedError, SqlSyntaxError
from gateway.statements import Query

if TYPE_CHECKING:
    from gateway.dialects.binder import Binder, Cte


class FromClause:
    """Binds what stands in FROM, for one text."""

    def __init__(self, binder: "Binder") -> None:
        self.binder = binder
        self.work = binder.work

    def bind(self, select: exp.Select, outer: Scope | None) -> Scope:
        """Return the scope of a SELECT after its joins and lateral views."""
        from_ = select.args.get("from_")
        if from_ is None:
            return Scope(outer)
        scope = self._item(from_.this, outer, None)
        for join in select.args.get("joins") or ():
            self._join(scope, join, outer)
        for lateral in select.args.get("laterals") or ():
            self._lateral_view(lateral, scope)
        return scope

    # Items.

    def _item(self, node: exp.Expr, outer: Scope | None, left: Scope | None) -> Scope:
        """Return a scope that holds one item of FROM, its own joins included."""
        scope = Scope(outer)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table) and not node.alias:
            scope = self._item(node.this, outer, left)
        elif isinstance(node, exp.Table):
            scope.add(self._table(node, outer))
        elif isinstance(node, exp.Subquery):
            scope.add(self._derived(node, outer))
        elif isinstance(node, exp.Lateral):
            scope.add(self._lateral(node, outer, left))
        elif isinstance(node, exp.Values):
            fields = self.values_fields(node, outer)
            scope.add(self._source(node, "values", fields))
        else:
            raise NotSupportedError(f"{node.key.upper()} cannot stand in FROM", **self.binder.text.place(node))
        for join in node.args.get("joins") or ():
            self._join(scope, join, outer)
        if node.args.get("pivots"):
            return self._pivoted(node, scope)
        return scope

    def _source(self, node: exp.Expr, name: str, fields: list[Field], *, is_open: bool = False) -> Source:
        """Return the source of an item that is no table of the catalog, its alias in the tree made unique."""
        alias = node.args.get("alias")
        listed = [column.name for column in (alias.args.get("columns") or ())] if alias is not None else []
        given = alias.name if alias is not None else ""
        if listed and not is_open:
            from gateway.dialects.binder import renamed

            fields = renamed(fields, listed, self.binder.text.place(alias))
        elif listed:
            fields, is_open = [Field(each) for each in listed], False
        unique = self.work.alias(given or name)
        if alias is None:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(unique)))
        else:
            alias.set("this", exp.to_identifier(unique))
        qualifiers = ((fold(given),),) if given else ()
        return Source(unique, qualifiers, fields, open=is_open, text_alias=given or None)

    def _derived(self, node: exp.Subquery, outer: Scope | None) -> Source:
        self.work.count("subqueries")
        if isinstance(node.this, exp.Table):  # (a JOIN b) AS c
            inner = self._item(node.this, outer, None)
            fields = [Field(each.name, each.field.type, each.field.bases) for each in inner.visible]
            self.binder.obstacle("an alias for a join in parentheses", "not in the portable set", node)
            return self._source(node, "joined", fields, is_open=any(each.open for each in inner.sources))
        fields = self.binder.query(node.this, outer)
        if node.args.get("sample"):
            fields = [Field(each.name, each.type, (), each.identity) for each in fields]
        is_open = any(each.name == "*" for each in fields)
        return self._source(node, "derived", [each for each in fields if each.name != "*"], is_open=is_open)

    def values_fields(self, node: exp.Values, outer: Scope | None) -> list[Field]:
        """Bind VALUES and return its columns, col1 and on."""
        for row in node.expressions:
            self.binder.naming.resolve(row, Scope(outer))
        first = node.expressions[0] if node.expressions else None
        width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
        return [Field(f"col{number}") for number in range(1, width + 1)]

    # Tables.

    def _table(self, node: exp.Table, outer: Scope | None) -> Source:
        if isinstance(node.this, exp.Func):
            return self._function(node, node.this, Scope(outer))
        parts = self._parts(node)
        names = tuple(part.name for part in parts)
        cte = self.binder.ctes.get(fold(names[0])) if len(parts) == 1 and not node.args.get("version") else None
        if cte is not None:
            return self._entry(node, names[0], cte)
        version, instant = self._time_travel(node)
        found = self._look_up(node, names, version, instant)
        if isinstance(found, View):
            return self._view(node, parts, names, found)
        return self._catalog_table(node, parts, names, found, travels=bool(version or instant))

    def _parts(self, node: exp.Table) -> list[exp.Identifier]:
        parts = [part for part in (node.args.get("catalog"), node.args.get("db"), node.this) if part is not None]
        for part in parts:
            if not isinstance(part, exp.Identifier):
                raise InvalidNameError("a table name has one to three parts", **self.binder.text.place(node))
        self._refuse_paths(node, parts)
        return parts

    def _refuse_paths(self, node: exp.Table, parts: Sequence[exp.Identifier]) -> None:
        text, start = self.binder.text, parts[-1].meta.get("start")
        quoted = start is not None and text.text[start : start + 1] in ("'", '"')
        if quoted or (len(parts) == 2 and fold(parts[0].name) in denied.FILE_SCHEMAS and "/" in parts[1].name):
            raise NotAllowedError(
                "files are not tables",
                hint="load them with headgate load, or register them with CREATE EXTERNAL TABLE … LOCATION",
                **text.place(node),
            )

    def _look_up(
        self,
        node: exp.Table,
        names: tuple[str, ...],
        version: int | str | None,
        instant: datetime.datetime | None,
    ) -> Table | View | pa.Table:
        try:
            return self.work.resolver.relation(
                names, namespace=self.binder.text.namespace, version=version, instant=instant
            )
        except SqlError as error:
            if error.line is None:
                where = self.binder.text.place(node)
                error.line, error.column = where.get("line"), where.get("column")
            raise

    def _catalog_table(
        self,
        node: exp.Table,
        parts: Sequence[exp.Identifier],
        names: tuple[str, ...],
        table: Table | pa.Table,
        *,
        travels: bool,
    ) -> Source:
        self.work.count("tables")
        full = resolve(names, self.binder.text.namespace)
        snapshot = None if isinstance(table, pa.Table) else table.snapshot_id
        key = (full.folded, snapshot if travels else None)
        relation = self.work.relations.setdefault(key, _relation_name(key))
        reference = Reference(relation, table)
        self.work.references.append(reference)
        fields = self._fields(reference, sampled=bool(node.args.get("sample")))
        alias = node.args.get("alias")
        given = alias.name if alias is not None else ""
        listed = [column.name for column in (alias.args.get("columns") or ())] if alias is not None else []
        if listed:
            if len(listed) != len(fields):
                raise SqlSyntaxError(
                    f"{len(listed)} column names for {len(fields)} columns", **self.binder.text.place(alias)
                )
            fields = [replace(each, name=name) for name, each in zip(listed, fields, strict=True)]
        unique = self.work.alias(given or names[-1])
        text_alias = self._edit_name(parts, relation, given)
        if given:
            qualifiers: tuple[tuple[str, ...], ...] = ((fold(given),),)
        else:
            qualifiers = (full.folded[2:], full.folded[1:], full.folded)
        self._rename(node, relation, unique, alias)
        return Source(unique, qualifiers, fields, text_alias=text_alias)

    @staticmethod
    def _fields(reference: Reference, *, sampled: bool) -> list[Field]:
        source = reference.source
        columns = source.schema if isinstance(source, pa.Table) else source.schema.columns
        fields = []
        for column in columns:
            base = Base(reference, column.name)
            fields.append(Field(column.name, column.type, () if sampled else (base,), reads=base))
        return fields

    @staticmethod
    def _rename(node: exp.Table, relation: str, unique: str, alias: exp.TableAlias | None) -> None:
        node.set("this", exp.Identifier(this=relation, quoted=False))
        for key in ("db", "catalog", "version", "when"):
            node.args.pop(key, None)
        if alias is None:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(unique)))
        else:
            alias.set("this", exp.to_identifier(unique))

    def _edit_name(self, parts: Sequence[exp.Identifier], relation: str, given: str) -> str:
        """Put the relation in the place of the name in the text, the name's last part as alias if there is none."""
        edits = self.binder.text.edits
        first, last = edits.index_at(parts[0].meta["start"]), edits.index_at(parts[-1].meta["start"])
        after = self._after_version(last + 1)
        edits.replace(edits.tokens[first].start, edits.tokens[after - 1].end + 1, relation)
        if given or (first and edits.tokens[first - 1].text.upper() == "TABLE"):  # TABLE t takes no alias
            return given or relation
        alias = self._text_alias(parts[-1].name)
        edits.insert(edits.tokens[self._after_sample(after) - 1].end + 1, f" AS {quote(alias)}")
        return alias

    def _text_alias(self, name: str) -> str:
        taken = self.binder.text.aliases
        alias, number = name, 1
        while fold(alias) in taken:
            number += 1
            alias = f"{name}_{number}"
        taken.add(fold(alias))
        return alias

    def _after_version(self, index: int) -> int:
        """Return the index of the token after ``[FOR] VERSION | TIMESTAMP AS OF value`` that may begin at ``index``."""
        tokens = self.binder.text.edits.tokens

        def word(position: int) -> str:
            return tokens[position].text.upper() if position < len(tokens) else ""

        at = index + 1 if word(index) == "FOR" else index
        if word(at) not in _VERSION_WORDS and word(at) not in _JOINED_VERSION_WORDS:
            return index
        at += 1
        if word(at) == "AS":
            at += 2
        elif word(at) == "AS OF":
            at += 1
        else:
            return index
        if word(at) in ("TIMESTAMP", "DATE", "-"):
            at += 1
        return at + 1

    def _after_sample(self, index: int) -> int:
        edits = self.binder.text.edits
        tokens = edits.tokens
        if index < len(tokens) and tokens[index].token_type == TokenType.TABLE_SAMPLE:
            index = edits.closing(index + 1) + 1
            if index < len(tokens) and tokens[index].text.upper() == "REPEATABLE":
                index = edits.closing(index + 1) + 1
        return index

    def _time_travel(self, node: exp.Table) -> tuple[int | str | None, datetime.datetime | None]:
        version = node.args.get("version")
        if version is None:
            return None, None
        place = self.binder.text.place(version.args.get("expression") or node) or self.binder.text.place(node)
        value = constant(version.args.get("expression"), self.work.context.time_zone)
        if str(version.this).upper() != "TIMESTAMP":
            if isinstance(value, (int, str)) and not isinstance(value, bool):
                return value, None
            raise NotSupportedError("VERSION AS OF takes a snapshot id", **place)
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            value = value.isoformat()
        if isinstance(value, str):
            value = parse_timestamp(value, self.work.context.time_zone)
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            return None, value
        raise NotSupportedError("TIMESTAMP AS OF takes a timestamp literal such as '2026-01-31 12:00:00'", **place)

    # WITH entries and views.

    def _entry(self, node: exp.Table, name: str, cte: "Cte") -> Source:
        cte.references += 1
        fields = [
            Field(
                each.name,
                each.type,
                tuple(Base(base.reference, base.column, (*base.through, cte)) for base in each.bases),
                each.identity,
            )
            for each in cte.fields
        ]
        if node.args.get("sample"):
            fields = [Field(each.name, each.type) for each in fields]
        if node.args.get("alias") is None:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
        source = self._source(node, name, fields, is_open=cte.open)
        node.set("this", exp.Identifier(this=cte.unique, quoted=False))
        return source

    def _view(self, node: exp.Table, parts: Sequence[exp.Identifier], names: tuple[str, ...], view: View) -> Source:
        from gateway.dialects.binder import Binder, renamed

        if view.name in self.binder.views:
            chain = " → ".join(str(each) for each in (*self.binder.views, view.name))
            raise NotSupportedError(f"view {view.name} refers to itself: {chain}", **self.binder.text.place(node))
        tokens = tuple(reader.tokenize(view.text, view.dialect))
        query = Query(view.text, view.dialect, reader.parse_tree(view.text, view.dialect, tokens), tokens)
        if view.dialect != "spark":
            from gateway.dialects.foreign import to_spark

            query = to_spark(query)
        tree, tokens = query.tree, query.tokens
        text = Text(query.text, Edits(query.text, tokens), Namespace(view.catalog, view.schema), str(view.name))
        try:
            fields = Binder(self.work, text, (*self.binder.views, view.name)).query(tree, None)
        except SqlError as error:
            if error.line is None:
                if not error.message.startswith("in view "):
                    error.message = f"in view {view.name}: {error.message}"
                    error.args = (error.message,)
                where = self.binder.text.place(node)
                error.line, error.column = where.get("line"), where.get("column")
            raise
        fields = renamed(fields, view.columns or (), self.binder.text.place(node))
        self._edit_view(node, parts, view, text.edits.result())
        subquery = exp.Subquery(this=tree, alias=node.args.get("alias"), sample=node.args.get("sample"))
        if subquery.args.get("alias") is None:
            subquery.set("alias", exp.TableAlias(this=exp.to_identifier(names[-1])))
        if view.columns and not subquery.args["alias"].args.get("columns"):
            subquery.args["alias"].set("columns", [exp.to_identifier(each, quoted=True) for each in view.columns])
        is_open = any(each.name == "*" for each in fields)
        node.replace(subquery)
        source = self._source(subquery, names[-1], fields, is_open=is_open)
        full = resolve(names, self.binder.text.namespace)
        if node.args.get("alias") is None:
            source.qualifiers = (full.folded[2:], full.folded[1:], full.folded)
        return source

    def _edit_view(self, node: exp.Table, parts: Sequence[exp.Identifier], view: View, sql: str) -> None:
        edits = self.binder.text.edits
        body = f"({sql}\n)"
        if view.columns:
            body = f"(SELECT * FROM {body} AS hg_view({', '.join(quote(each) for each in view.columns)}))"
        first, last = edits.index_at(parts[0].meta["start"]), edits.index_at(parts[-1].meta["start"])
        if node.args.get("alias") is None:
            body += f" AS {quote(parts[-1].name)}"
        edits.replace(edits.tokens[first].start, edits.tokens[last].end + 1, body)

    # Functions, laterals, pivots.

    def _function(self, node: exp.Expr, call: exp.Expr, scope: Scope) -> Source:
        name = fold(call.name)
        if name in denied.FILE_FUNCTIONS or name == "identifier":
            raise NotAllowedError(
                f"{call.name} is not allowed: statements read tables only",
                hint="load files with headgate load, or register them with CREATE EXTERNAL TABLE … LOCATION",
                **self.binder.text.place(call),
            )
        if name not in denied.TABLE_FUNCTIONS:
            known = ", ".join(denied.TABLE_FUNCTIONS)
            raise NotSupportedError(
                f"{call.name} is not a table function here", hint=f"there are {known}", **self.binder.text.place(call)
            )
        self.binder.naming.resolve(call, scope)
        fields, is_open = _function_fields(name, call)
        return self._source(node, name, fields, is_open=is_open)

    def _lateral(self, node: exp.Lateral, outer: Scope | None, left: Scope | None) -> Source:
        seen = left if left is not None else Scope(outer)
        if isinstance(node.this, exp.Subquery):
            self.work.count("subqueries")
            fields = self.binder.query(node.this.this, seen)
            return self._source(node, "derived", [Field(each.name, each.type) for each in fields])
        return self._function(node, node.this, seen)

    def _lateral_view(self, node: exp.Lateral, scope: Scope) -> None:
        scope.add(self._function(node, node.this, scope))

    def _pivoted(self, node: exp.Expr, inner: Scope) -> Scope:
        """Take PIVOT and UNPIVOT for a relation whose columns only Spark knows; all columns below count as read."""
        self.binder.obstacle("PIVOT", "not in the portable set", node)
        for source in inner.sources:
            for each in source.fields:
                if each.reads is not None:
                    each.reads.reference.whole = True
        for pivot in node.args["pivots"]:
            for child in pivot.iter_expressions():
                if child.find(exp.Query) is not None:
                    raise NotSupportedError("a subquery cannot stand in PIVOT", **self.binder.text.place(child))
        scope = Scope(inner.parent)
        alias = node.args["pivots"][-1].args.get("alias")
        qualifiers = inner.sources[0].qualifiers if len(inner.sources) == 1 else ()
        if alias is not None and alias.name:
            qualifiers = ((fold(alias.name),),)
        scope.add(Source(self.work.alias("pivoted"), qualifiers, [], open=True))
        return scope

    # Joins.

    def _join(self, scope: Scope, join: exp.Join, outer: Scope | None) -> None:
        """Join an item to the scope on its left, in place."""
        self.work.count("joins")
        side, kind = (join.side or "").upper(), (join.kind or "").upper()
        right = self._item(join.this, outer, scope)
        mine, theirs = list(scope.sources), list(right.sources)
        left_visible, right_visible = list(scope.visible), list(right.visible)
        scope.sources = mine + theirs
        scope.show(left_visible + right_visible)
        made = (join.method or "").upper() == "NATURAL" or bool(join.args.get("using"))
        if made:
            self._using(join, scope, left_visible, right_visible, side)
        on = join.args.get("on")
        if on is not None:
            if not made:
                self.binder.naming.resolve(on, scope)
            self._push_on(join.args["on"], mine, theirs, side, kind)
        if kind in ("SEMI", "ANTI"):
            scope.sources = mine
            scope.show(left_visible)
        for source in [*(mine if side in ("RIGHT", "FULL") else ()), *(theirs if side in ("LEFT", "FULL") else ())]:
            source.prunable = False

    def _push_on(self, on: exp.Expr, mine: Sequence[Source], theirs: Sequence[Source], side: str, kind: str) -> None:
        if side == "FULL":
            return
        targets: list[Source] = []
        if side != "LEFT" or kind == "SEMI":
            targets += [source for source in mine if source.prunable]
        if side != "RIGHT" or kind in ("SEMI", "ANTI"):
            targets += [source for source in theirs if source.prunable]
        self.binder.push(on, targets)

    def _using(self, join: exp.Join, scope: Scope, left: list[Visible], right: list[Visible], side: str) -> None:
        """Make USING and NATURAL an ON condition and show each key once."""
        if join.args.get("using"):
            keys = [column.name for column in join.args["using"]]
        elif any(source.open for source in scope.sources):
            raise NotSupportedError("NATURAL JOIN needs relations whose columns are known")
        else:
            names = {fold(each.name) for each in right if each.name}
            keys = [each.name for each in left if each.name and fold(each.name) in names]
        merged: list[Visible] = []
        conditions: list[exp.Expr] = []
        for key in keys:
            mine, theirs = self._key(key, left, join), self._key(key, right, join)
            conditions.append(exp.EQ(this=self._read(mine, key), expression=self._read(theirs, key)))
            chosen = theirs if side == "RIGHT" else mine
            merged.append(Visible(chosen.name, chosen.field, chosen.source, theirs if side == "FULL" else None))
        gone = {fold(key) for key in keys}
        rest = [each for each in (*left, *right) if each.name is None or fold(each.name) not in gone]
        scope.show(merged + rest)
        for argument in ("using", "method"):
            join.args.pop(argument, None)
        if conditions:
            join.set("on", exp.and_(*conditions, copy=False) if len(conditions) > 1 else conditions[0])
        elif not side and not join.kind:
            join.set("kind", "CROSS")

    def _key(self, name: str, visible: Sequence[Visible], join: exp.Join) -> Visible:
        matches = [each for each in visible if each.name is not None and fold(each.name) == fold(name)]
        if len(matches) != 1:
            how = "is not" if not matches else "is more than once"
            raise SqlSyntaxError(f"the column {name} of USING {how} on one side", **self.binder.text.place(join.this))
        if matches[0].other is not None:
            raise NotSupportedError(f"USING {name} after a FULL JOIN USING {name}", hint="write ON conditions")
        return matches[0]

    @staticmethod
    def _read(visible: Visible, key: str) -> exp.Column:
        if visible.field.reads is not None:
            visible.field.reads.reference.columns.add(visible.field.reads.column)
        return exp.column(exp.to_identifier(visible.name or key), table=visible.source.alias)


_VERSION_WORDS = ("VERSION", "SYSTEM_VERSION", "TIMESTAMP", "SYSTEM_TIME")
_JOINED_VERSION_WORDS = ("FOR VERSION", "FOR TIMESTAMP", "FOR SYSTEM_TIME", "FOR SYSTEM_VERSION")


def _function_fields(name: str, call: exp.Expr) -> tuple[list[Field], bool]:
    """Return the columns of a table function without alias list, and whether some are not known."""
    fixed = denied.TABLE_FUNCTIONS[name]
    if fixed is not None:
        return [Field(each) for each in fixed], False
    argument = call.expressions[0] if call.expressions else None
    kind = fold(argument.name) if isinstance(argument, exp.Anonymous) else ""
    if name.startswith("explode") and kind in _ARRAYS:
        return [Field("col")], False
    if name.startswith("posexplode") and kind in _ARRAYS:
        return [Field("pos"), Field("col")], False
    return [], True


_ARRAYS = frozenset(("array", "sequence", "split", "array_repeat", "transform", "filter", "sort_array", "array_sort"))


def _relation_name(key: tuple[tuple[str, str, str], int | None]) -> str:
    """Return the name that stands for a table in the engines' texts.

    It holds a digest, so that it is in no user's text by chance: planning renames it there.
    """
    return f"hg_{hashlib.blake2b(repr(key).encode(), digest_size=8).hexdigest()}"
