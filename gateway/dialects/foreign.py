"""Queries of sessions that speak duckdb, trino, postgres or mysql, carried over to Spark SQL.

An allow-list of constructs whose text means the same on both sides once sqlglot has written it as Spark SQL; what is
not listed is refused by name, never dropped or guessed. The Spark text is then bound like any other, so both engines
answer the same question.
"""

from collections.abc import Callable, Mapping

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, UnsupportedError

from gateway.dialects import reader
from gateway.errors import NotSupportedError
from gateway.statements import Query

_HINT = "SET dialect = spark takes everything of Spark SQL"

_SAFE: frozenset[type[exp.Expr]] = frozenset(
    (
        *(
            exp.Select,
            exp.From,
            exp.Join,
            exp.Where,
            exp.Group,
            exp.Having,
            exp.Order,
            exp.Ordered,
            exp.Limit,
            exp.Offset,
        ),
        *(exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.Table, exp.TableAlias, exp.Values),
        *(exp.Tuple, exp.Paren, exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Null, exp.Boolean),
        *(exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ),
        *(exp.Is, exp.In, exp.Between, exp.Exists, exp.Case, exp.If, exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.DPipe),
        *(exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Distinct, exp.Filter, exp.Window, exp.WindowSpec),
        *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.Coalesce, exp.Nullif, exp.Abs, exp.Lower, exp.Upper, exp.Trim),
        *(exp.DataType, exp.DataTypeParam, exp.Var, exp.CurrentDate, exp.Placeholder, exp.Cube, exp.Rollup),
        *(exp.GroupingSets, exp.Distinct, exp.Year, exp.Month, exp.Day, exp.Length, exp.Round, exp.Floor, exp.Ceil),
        *(exp.Like, exp.Cast, exp.Div, exp.Mod, exp.Extract, exp.Fetch, exp.StddevSamp, exp.VariancePop, exp.Interval),
    )
)
"""Nodes that mean the same once written as Spark SQL; some under a condition (``_CONDITIONS``)."""

_CAST_TARGETS = frozenset(
    (
        *(exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.DATE, exp.DType.DOUBLE, exp.DType.BIGINT, exp.DType.INT),
        *(exp.DType.DECIMAL, exp.DType.BOOLEAN, exp.DType.TIMESTAMP, exp.DType.SMALLINT, exp.DType.FLOAT),
    )
)
_FRACTIONAL = (exp.DType.DOUBLE, exp.DType.FLOAT, exp.DType.DECIMAL)


def _fractional(node: exp.Expr) -> bool:
    """Tell whether an operand is no integer for certain."""
    if isinstance(node, (exp.Paren, exp.Neg, exp.Abs, exp.Sum, exp.Min, exp.Max)):
        return _fractional(node.this)
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div)):
        return _fractional(node.this) or _fractional(node.expression)
    if isinstance(node, exp.Literal):
        return not node.is_string and not str(node.this).isdecimal()
    return isinstance(node, exp.Avg) or (isinstance(node, exp.Cast) and node.to.this in _FRACTIONAL)


def _division(node: exp.Expr, dialect: Dialect) -> str | None:
    if not dialect.TYPED_DIVISION or _fractional(node.this) or _fractional(node.expression):
        return None
    return "a division of what may be integers; cast one side to DOUBLE or DECIMAL"


def _cast(node: exp.Expr, _: Dialect) -> str | None:
    assert isinstance(node, exp.Cast)
    target = node.to.this
    if target not in _CAST_TARGETS:
        return f"CAST to {node.to.sql()}"
    if target in (exp.DType.BIGINT, exp.DType.INT, exp.DType.SMALLINT) and not isinstance(node.this, exp.Literal):
        return "CAST to an integer, which rounds here and cuts off there"
    return None


def _interval(node: exp.Expr, _: Dialect) -> str | None:
    unit = node.args.get("unit")
    plain = isinstance(unit, exp.Var) and unit.name.upper() in ("DAY", "MONTH", "YEAR", "HOUR", "MINUTE", "SECOND")
    return None if plain and isinstance(node.this, exp.Literal) else "this form of INTERVAL"


def _like(node: exp.Expr, _: Dialect) -> str | None:
    pattern = node.expression
    safe = isinstance(pattern, exp.Literal) and "\\" not in str(pattern.this)
    return None if safe else "LIKE with a pattern that is no plain text"


def _extract(node: exp.Expr, _: Dialect) -> str | None:
    unit = node.this.name.upper()
    return None if unit in ("YEAR", "MONTH", "DAY", "QUARTER") else f"EXTRACT({unit})"


def _count(node: exp.Expr, _: Dialect) -> str | None:
    return "count with several arguments" if node.expressions else None


def _table(node: exp.Expr, _: Dialect) -> str | None:
    if isinstance(node.this, exp.Func):
        return f"the table function {node.this.sql()}"
    return "time travel of this dialect" if node.args.get("version") or node.args.get("when") else None


_CONDITIONS: Mapping[type[exp.Expr], Callable[[exp.Expr, Dialect], str | None]] = {
    exp.Div: _division,
    exp.Cast: _cast,
    exp.Interval: _interval,
    exp.Like: _like,
    exp.Extract: _extract,
    exp.Count: _count,
    exp.Table: _table,
}


def to_spark(query: Query) -> Query:
    """Return the same question in Spark SQL.

    Raises: NotSupportedError that names the first construct that is not known to mean the same.
    """
    dialect = reader.dialect_of(query.dialect)
    for node in query.tree.walk():
        found = _refusal(node, dialect)
        if found is not None:
            start = next((each.meta["start"] for each in node.walk() if each._meta and "start" in each.meta), None)
            place = reader.Place()
            if start is not None:
                line, column = reader.place(query.text, start)
                place = reader.Place(line=line, column=column)
            raise NotSupportedError(f"{found} cannot be carried over from {query.dialect}", hint=_HINT, **place)
    try:
        text = query.tree.sql(dialect=reader.dialect_of("spark"), unsupported_level=ErrorLevel.RAISE, comments=False)
    except UnsupportedError as error:
        raise NotSupportedError(f"{error} (from {query.dialect})", hint=_HINT) from error
    tokens = tuple(reader.tokenize(text, "spark"))
    return Query(text, "spark", reader.parse_tree(text, "spark", tokens), tokens)


def _refusal(node: exp.Expr, dialect: Dialect) -> str | None:
    kind = type(node)
    if kind not in _SAFE:
        return f"{node.name if isinstance(node, exp.Anonymous) else node.key.upper()}"
    condition = _CONDITIONS.get(kind)
    return condition(node, dialect) if condition is not None else None
