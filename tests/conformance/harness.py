"""Runs one Spark text on both engines, bare, and compares names, types, rows and the fact of an error.

DuckDB gets what the portable set makes of the text; a text outside the set is no difference. Rows compare as bags,
as lists when
the outermost ORDER BY fixes them; floats to 1e-12 relative, NaN equal to NaN.
"""

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from catalog.errors import TableNotFoundError
from catalog.identifiers import Namespace
from gateway.bound import BindingContext, BoundQuery
from gateway.dialects.binding import bind
from gateway.dialects.portability import DUCKDB_MACROS, DUCKDB_SETTINGS
from gateway.statements import Query, parse

CONTEXT = BindingContext(
    namespace=Namespace("lake", "default"), now=datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, datetime.UTC)
)


BEYOND = "headgate beyond"
"""Begins the error with which DuckDB hands a query to Spark."""


@dataclass(frozen=True)
class Answer:
    """What an engine said: rows and schema, or an error."""

    schema: pa.Schema | None = None
    rows: tuple[tuple[Any, ...], ...] = ()
    error: str | None = None


def plain_type(type_: pa.DataType) -> pa.DataType:
    """Return a type without the nullability of its parts, which no contract holds."""
    if pa.types.is_map(type_):
        return pa.map_(plain_type(type_.key_type), plain_type(type_.item_type))
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return pa.list_(pa.field("element", plain_type(type_.value_type)))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(part.name, plain_type(part.type)) for part in type_])
    if pa.types.is_large_string(type_):
        return pa.string()
    return type_


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return left == right or math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-300)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


def _sort_key(row: tuple[Any, ...]) -> str:
    return repr([f"{cell:.9e}" if isinstance(cell, float) else cell for cell in row])


def difference(duck: Answer, spark: Answer, *, ordered: bool) -> str | None:
    """Return the first difference in words; None when the answers are one."""
    if duck.error is not None and duck.error.startswith("UNREADABLE"):
        return duck.error
    if (duck.error is None) != (spark.error is None):
        return f"duckdb {duck.error or duck.rows[:3]} / spark {(spark.error or str(spark.rows[:3]))[:200]}"
    if duck.error is not None or duck.schema is None or spark.schema is None:
        return None
    if duck.schema.names != spark.schema.names:
        return f"names: duckdb {duck.schema.names} / spark {spark.schema.names}"
    for name, a, b in zip(duck.schema.names, duck.schema.types, spark.schema.types, strict=True):
        if plain_type(a) != plain_type(b):
            return f"type of {name}: duckdb {a} / spark {b}"
    if len(duck.rows) != len(spark.rows):
        return f"rows: duckdb {len(duck.rows)} / spark {len(spark.rows)}"
    left = duck.rows if ordered else sorted(duck.rows, key=_sort_key)
    right = spark.rows if ordered else sorted(spark.rows, key=_sort_key)
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        for column, (x, y) in enumerate(zip(a, b, strict=True)):
            if not _same(x, y):
                return f"row {number}, {duck.schema.names[column]}: duckdb {x!r} / spark {y!r}"
    return None


def _rows(table: pa.Table) -> tuple[tuple[Any, ...], ...]:
    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        elif pa.types.is_date32(column.type):
            column = column.cast(pa.int32())
        columns.append(column.to_pylist())
    return tuple(zip(*columns, strict=True)) if columns else ()


@dataclass
class Engines:
    """Both engines over the same tables."""

    spark: Any
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    context: BindingContext = CONTEXT

    def __post_init__(self) -> None:
        self.duckdb = duckdb.connect(config={"threads": 1})
        for key, value in DUCKDB_SETTINGS.items():
            self.duckdb.execute(f"SET {key} = '{value}'")
        self.duckdb.execute(f"SET TimeZone = '{self.context.time_zone}'")
        for macro in DUCKDB_MACROS:
            self.duckdb.execute(macro)
        for name, table in self.tables.items():
            self.duckdb.register(name, table)
            if self.spark is not None:
                self._give_spark(name, table)

    def _give_spark(self, name: str, table: pa.Table) -> None:
        frame = self.spark.createDataFrame(table)
        for field_ in table.schema:
            if pa.types.is_timestamp(field_.type) and field_.type.tz is None:
                # Arrow's zone-less timestamps arrive as instants of the session's zone.
                frame = frame.withColumn(field_.name, frame[field_.name].cast("timestamp_ntz"))
        frame.createOrReplaceTempView(name)

    def relation(self, parts: tuple[str, ...], **_: Any) -> pa.Table:
        """Return the table of that name: the resolver that binding asks."""
        found = self.tables.get(parts[-1].lower())
        if found is None:
            raise TableNotFoundError(f"table {parts[-1]} does not exist")
        return found

    def port(self, sql: str) -> BoundQuery:
        """Return what the portable set makes of a text over these tables."""
        query = parse(sql)
        assert isinstance(query, Query)
        bound = bind(query, self, self.context)
        for use in bound.uses:
            name = next(name for name, table in self.tables.items() if table is use.source)
            self.duckdb.execute(f"CREATE OR REPLACE TEMP VIEW {use.relation} AS SELECT * FROM {name}")
        return bound

    def on_duckdb(self, ported: BoundQuery) -> Answer:
        assert ported.duckdb_sql is not None
        assert ported.schema is not None
        try:
            table = self.duckdb.sql(ported.duckdb_sql).to_arrow_table()
        except (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException) as error:
            return Answer(error=f"UNREADABLE {error} IN {ported.duckdb_sql}")
        except duckdb.Error as error:
            return Answer(error=str(error).splitlines()[0])
        schema = pa.schema(
            [pa.field(f.name, t) for f, t in zip(ported.schema, _read_types(table, ported), strict=True)]
        )
        return Answer(schema, _rows(table))

    def on_spark(self, sql: str) -> Answer:
        try:
            table = self.spark.sql(sql).toArrow()
        except Exception as error:
            return Answer(error=str(error).splitlines()[0])
        return Answer(table.schema, _rows(table))

    def compare(self, sql: str) -> str | None:
        """Return the first difference between the engines; None also when only Spark answers."""
        ported = self.port(sql)
        if ported.duckdb_sql is None:
            return None
        duck = self.on_duckdb(ported)
        if duck.error is not None and BEYOND in duck.error:
            return None  # handed to Spark
        return difference(duck, self.on_spark(sql), ordered=ported.ordered)


def _read_types(table: pa.Table, ported: BoundQuery) -> Iterable[pa.DataType]:
    """Yield the types DuckDB gave, where it gave just what the schema promises in DuckDB's own form."""
    assert ported.schema is not None
    for got, promised in zip(table.schema.types, ported.schema.types, strict=True):
        if pa.types.is_timestamp(got) and got.tz is not None:
            got = pa.timestamp("us", tz="UTC")
        if pa.types.is_null(promised):
            got = promised
        yield got


@dataclass(frozen=True)
class Verdict:
    """What became of one example expression."""

    expression: str
    status: str
    """``same``, ``different``, ``obstacle`` or ``beyond``."""
    detail: str = ""


def check_expressions(
    engines: Engines, expressions: Sequence[str], table: str = "awkward", *, aggregate: bool = False, chunk: int = 40
) -> list[Verdict]:
    """Run each expression over every row of a table on both engines, few Spark queries for many expressions.

    A row that raises on DuckDB must raise on Spark, and the others must not; rows beyond DuckDB are left out.
    """
    verdicts: dict[str, Verdict] = {}
    good: list[tuple[str, BoundQuery, Answer, list[int]]] = []
    for expression in expressions:
        ported = engines.port(
            f"SELECT k, {expression} FROM {table} ORDER BY k" if not aggregate else f"SELECT {expression} FROM {table}"
        )
        if ported.duckdb_sql is None:
            verdicts[expression] = Verdict(expression, "obstacle", str(ported.obstacles[0]))
            continue
        duck = engines.on_duckdb(ported)
        bad: list[int] = []
        if duck.error is not None and duck.error.startswith("UNREADABLE"):
            verdicts[expression] = Verdict(expression, "different", duck.error)
            continue
        if duck.error is not None and not aggregate:
            duck, bad, verdict = _without_errors(engines, expression, table)
            if verdict is not None:
                verdicts[expression] = verdict
                continue
        good.append((expression, ported, duck, bad))
    for start in range(0, len(good), chunk):
        _check_chunk(engines, good[start : start + chunk], table, aggregate, verdicts)
    return [verdicts[expression] for expression in expressions]


def _without_errors(engines: Engines, expression: str, table: str) -> tuple[Answer, list[int], Verdict | None]:
    bad, raised = [], []
    for (key,) in engines.duckdb.sql(f"SELECT k FROM {table} ORDER BY k").fetchall():
        one = engines.on_duckdb(engines.port(f"SELECT k, {expression} FROM {table} WHERE k = {key}"))
        if one.error is not None:
            bad.append(key)
            if BEYOND not in one.error:
                raised.append(key)
    if raised:
        spark = engines.on_spark(f"SELECT k, {expression} FROM {table} WHERE k = {raised[0]}")
        if spark.error is None:
            return (
                Answer(),
                bad,
                Verdict(expression, "different", f"row {raised[0]}: only DuckDB raises, spark {spark.rows}"),
            )
    kept = f"k NOT IN ({', '.join(map(str, bad))})" if bad else "true"
    duck = engines.on_duckdb(engines.port(f"SELECT k, {expression} FROM {table} WHERE {kept} ORDER BY k"))
    if duck.error is not None:
        return duck, bad, Verdict(expression, "different", f"DuckDB raises by itself: {duck.error}")
    return duck, bad, None


def _asked(expression: str, bad: Sequence[int]) -> str:
    return f"CASE WHEN k NOT IN ({', '.join(map(str, bad))}) THEN {expression} END" if bad else expression


def _check_chunk(
    engines: Engines,
    chunk: Sequence[tuple[str, BoundQuery, Answer, list[int]]],
    table: str,
    aggregate: bool,
    verdicts: dict[str, Verdict],
) -> None:
    plain = [item for item in chunk if item[2].error is None and (not item[3] or not aggregate)]
    single = [item for item in chunk if item not in plain]
    listed = ", ".join(_asked(item[0], item[3]) for item in plain)
    spark = Answer(error="nothing to ask")
    if plain:
        spark = engines.on_spark(
            f"SELECT {listed} FROM {table}" if aggregate else f"SELECT k, {listed} FROM {table} ORDER BY k"
        )
    if spark.error is not None:
        if len(plain) > 1:
            middle = len(plain) // 2
            _check_chunk(engines, plain[:middle], table, aggregate, verdicts)
            _check_chunk(engines, plain[middle:], table, aggregate, verdicts)
            plain = []
        elif plain:
            verdicts[plain[0][0]] = Verdict(plain[0][0], "different", f"only Spark raises: {spark.error[:300]}")
            plain = []
    first = 0 if aggregate else 1
    for index, (expression, _, duck, bad) in enumerate(plain):
        column = first + index
        assert spark.schema is not None
        assert duck.schema is not None
        asked = spark.schema.field(column)
        if bad:  # the CASE around it has a name of its own
            asked = asked.with_name(duck.schema.names[first])
        part = Answer(pa.schema([asked]), tuple((row[column],) for row in spark.rows if aggregate or row[0] not in bad))
        mine = Answer(pa.schema([duck.schema.field(first)]), tuple((row[first],) for row in duck.rows))
        found = difference(mine, part, ordered=True)
        verdicts[expression] = Verdict(expression, "same" if found is None else "different", found or "")
    for expression, _, duck, bad in single:
        kept = f" WHERE k NOT IN ({', '.join(map(str, bad))})" if bad else ""
        text = (
            f"SELECT {expression} FROM {table}"
            if aggregate
            else f"SELECT k, {expression} FROM {table}{kept} ORDER BY k"
        )
        if duck.error is not None and BEYOND in duck.error:
            verdicts[expression] = Verdict(expression, "beyond")
            continue
        found = difference(duck, engines.on_spark(text), ordered=True)
        verdicts[expression] = Verdict(expression, "same" if found is None else "different", found or "")
