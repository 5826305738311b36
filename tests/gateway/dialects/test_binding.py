import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pytest

from catalog.errors import ColumnNotFoundError, TableNotFoundError
from catalog.identifiers import Namespace, TableName, resolve
from catalog.predicates import ALWAYS, And, Comparison, Operator, Predicate
from catalog.schema import TIMESTAMP, Column, Schema
from catalog.tables import View
from gateway.bound import BindingContext, BoundQuery
from gateway.dialects.binding import bind
from gateway.dialects.reader import clone
from gateway.errors import AmbiguousColumnError, NotAllowedError, NotSupportedError, ParameterError, SqlSyntaxError
from gateway.statements import Query, parse

_WELLS = Schema(
    (
        Column("id", pa.int64()),
        Column("Name", pa.string()),
        Column("spud", pa.date32()),
        Column("depth", pa.decimal128(10, 2)),
        Column("loc", pa.struct([("lat", pa.float64()), ("lon", pa.float64())])),
        Column("ts", TIMESTAMP),
    )
)
_T = Schema((Column("a", pa.int32()), Column("b", pa.string()), Column("d", pa.date32()), Column("x", pa.float64())))


@dataclass(frozen=True)
class FakeTable:
    name: TableName
    schema: Schema
    snapshot_id: int = 7


@dataclass
class FakeResolver:
    """Tables t and geo.wells, a few views, and what was asked."""

    asked: list[tuple[object, object]] = field(default_factory=list)

    def relation(
        self,
        parts: tuple[str, ...],
        *,
        namespace: Namespace,
        version: int | str | None = None,
        instant: datetime.datetime | None = None,
    ) -> object:
        self.asked.append((version, instant))
        name = resolve(parts, namespace)
        tables: Mapping[tuple[str, str], Schema] = {
            ("default", "t"): _T,
            ("geo", "t"): _T,
            ("geo", "wells"): _WELLS,
        }
        views: Mapping[str, tuple[str, tuple[str, ...] | None]] = {
            "v": ("select a, b as bee from t where a > 3", None),
            "w": ("select * from v -- all", ("p", "q")),
            "loop": ("select * from loop", None),
            "broken": ("select nope from t", None),
        }
        if name.folded[2] in views:
            text, columns = views[name.folded[2]]
            return View(name, text, "spark", "lake", "default", columns)
        schema = tables.get(name.folded[1:])
        if schema is None:
            raise TableNotFoundError(f"table {name} does not exist")
        return FakeTable(name, schema)


_CONTEXT = BindingContext(
    Namespace("lake", "default"), now=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), user="ann"
)


def _bind(text: str, parameters: Sequence[object] | Mapping[str, object] = (), resolver: object = None) -> BoundQuery:
    query = parse(text)
    assert isinstance(query, Query)
    return bind(query, resolver or FakeResolver(), _CONTEXT, parameters)  # type: ignore[arg-type]


def _numbered(bound: BoundQuery) -> str:
    """Return the text for Spark with its relations called hg_1, hg_2, … in the order of their use."""
    text = bound.spark_sql or ""
    for number, use in enumerate(bound.uses, start=1):
        text = text.replace(use.relation, f"hg_{number}")
    return text


@pytest.mark.parametrize(
    ("text", "spark"),
    [
        ("select 1", "select 1"),
        ("select a FROM t;", "select a FROM hg_1 AS t"),
        ("select a -- hi\nfrom t /* ho */", "select a      \nfrom hg_1 AS t"),
        ("select geo.wells.id from lake.geo.wells", "select wells.id from hg_1 AS wells"),
        ("select w.id from geo.wells w", "select w.id from hg_1 w"),
        ("select geo.t.a, default.t.b from t, geo.t", "select t_2.a, t.b from hg_1 AS t, hg_2 AS t_2"),
        ("table t", "table hg_1"),
        ("with t as (select 1 as z) select z from t", "with t as (select 1 as z) select z from t"),
        ("select * from t version as of 12 where a = 1", "select * from hg_1 AS t where a = 1"),
        ("select * from t tablesample (5 percent) limit 1", "select * from hg_1 tablesample (5 percent) AS t limit 1"),
        ("select /*+ ENGINE(duckdb) */ a from t", "select  a from hg_1 AS t"),
        ("select /*+ broadcast(t), engine(spark) */ a from t", "select /*+ broadcast(t) */ a from hg_1 AS t"),
        ("select current_date() from t", "select DATE '2026-01-02' AS `current_date()` from hg_1 AS t"),
        ("select current_user as u", "select 'ann' as u"),
        ("select '${env:HOME}', r'\\${x}'", "select '\\u0024{env:HOME}', '\\\\\\u0024{x}'"),
        (
            "select bee from v where v.a < 9",
            "select bee from (select a, b as bee from hg_1 AS t where a > 3\n) AS v where v.a < 9",
        ),
        (
            "select k.q from w as k",
            "select k.q from (SELECT * FROM (select * from (select a, b as bee from hg_1 AS t where a > 3\n) AS v\n)"
            " AS hg_view(p, q)) as k",
        ),
    ],
)
def test_spark_gets_the_users_text_with_relations_for_names(text: str, spark: str) -> None:
    assert _numbered(_bind(text)) == spark


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("select a from t where x > 1", ("a", "x")),
        ("select * from t", ("a", "b", "d", "x")),
        ("select loc.lat, NAME from geo.wells", ("Name", "loc")),
        ("select count(*) from t", ("a",)),
        ("select z.a from (select * from t) z", ("a", "b", "d", "x")),
        ("select a from t group by all order by all", ("a",)),
        ("from t |> select a", ("a", "b", "d", "x")),
        ("select * from t pivot (sum(x) for b in ('k'))", ("a", "b", "d", "x")),
        ("select * except (b, d) from t", ("a", "x")),
    ],
)
def test_only_columns_that_are_read_are_listed(text: str, columns: tuple[str, ...]) -> None:
    (use,) = _bind(text).uses
    assert use.columns == columns


def _is(column: str, operator: Operator, literal: object) -> Comparison:
    return Comparison(column, operator, literal)  # type: ignore[arg-type]


_A1 = _is("a", Operator.EQ, 1)


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("select * from t where a = 1", _A1),
        ("select * from t where a = 1 or b = 'x'", None),
        ("select * from t where a = 1 and rand() < 2", _A1),
        ("select * from (select a as k, b from t) where k = 1", _A1),
        ("select * from (select a, b from t limit 3) where a = 1", ALWAYS),
        ("select * from (select a, row_number() over (order by b) r from t) where a = 1", ALWAYS),
        ("select * from (select a, count(*) c from t group by a) where a = 1", _A1),
        ("select * from (select a, count(*) c from t group by rollup(a)) where a = 1", ALWAYS),
        ("with c as (select a from t) select * from c where a = 1", _A1),
        ("with c as (select a from t) select * from c x, c y where x.a = 1", ALWAYS),
        ("select * from v where a = 1", And((_is("a", Operator.GT, 3), _A1))),
        ("select * from (select a from t union all select a from t) where a = 1", _A1),
        ("select * from t tablesample (10 percent) where a = 1", ALWAYS),
        ("select * from t x where exists (select 1 from t y where y.a = 1)", ALWAYS),
        ("select * from (select 1 as k) l left join t on l.k = t.a where t.a = 1", ALWAYS),
        ("select * from (select 1 as k) l left join t on l.k = t.a and t.a = 1", _A1),
        ("select * from t right join (select 1 as k) r on r.k = t.a and t.a = 1", _A1),
        ("select * from t full join (select 1 as k) r on r.k = t.a and t.a = 1", ALWAYS),
        ("select * from t left join (select 1 as k) r on r.k = t.a and t.a = 1", ALWAYS),
        ("select * from (select 1 as k) l anti join t on l.k = t.b and t.a = 1", _A1),
        ("select * from t where a = 1 qualify row_number() over (order by b) = 1", _A1),
    ],
)
def test_filters_reach_a_table_only_where_they_surely_may(text: str, predicate: Predicate | None) -> None:
    (use,) = _bind(text).uses
    if predicate is None:
        assert use.predicate != ALWAYS
    else:
        assert use.predicate == predicate


@pytest.mark.parametrize(
    ("text", "error", "line", "column"),
    [
        ("select nme from geo.wells", ColumnNotFoundError, 1, 8),
        ("select a\nfrom t\nwhere  zz = 1", ColumnNotFoundError, 3, 8),
        ("select a from t x, t y", AmbiguousColumnError, 1, 8),
        ("select * from nowhere", TableNotFoundError, 1, 15),
        ("select t.a.b from t", ColumnNotFoundError, 1, 8),
        ("select * from parquet.`/etc/x`", NotAllowedError, 1, 15),
        ("select * from 'x.csv'", NotAllowedError, 1, 15),
        ("select * from read_csv('x')", NotAllowedError, 1, 15),
        ("select reflect('a', 'b')", NotAllowedError, 1, 8),
        ("select a as z from t where z = 1", ColumnNotFoundError, 1, 28),
        ("select * from loop", NotSupportedError, 1, 15),
        ("select * from broken", ColumnNotFoundError, 1, 15),
        ("select `${env:HOME}` from t", NotAllowedError, 1, 8),
        ("select a from t union select a, b from t", SqlSyntaxError, 1, 30),
    ],
)
def test_errors_say_where(text: str, error: type[Exception], line: int, column: int) -> None:
    with pytest.raises(error) as raised:
        _bind(text)
    assert (raised.value.line, raised.value.column) == (line, column)  # type: ignore[attr-defined]


def test_a_misspelt_column_gets_the_nearest_names() -> None:
    with pytest.raises(ColumnNotFoundError) as raised:
        _bind("select nme from geo.wells")
    assert raised.value.hint == "did you mean Name?"


def test_parameters_become_typed_literals() -> None:
    assert _numbered(_bind("select a from t where a > ? and b = ?", (-1, "it's"))) == (
        "select a from hg_1 AS t where a > (-1) and b = 'it\\'s'"
    )
    bound = _bind("select a from t where d = :day", {"day": datetime.date(2020, 1, 1)})
    assert _numbered(bound) == "select a from hg_1 AS t where d = DATE '2020-01-01'"
    assert bound.uses[0].predicate == _is("d", Operator.EQ, datetime.date(2020, 1, 1))
    for text, values in (("select ?", ()), ("select 1", (1,)), ("select :a", {}), ("select 1", {"a": 1})):
        with pytest.raises(ParameterError):
            _bind(text, values)  # type: ignore[arg-type]


def test_time_travel_asks_for_the_snapshot() -> None:
    resolver = FakeResolver()
    _bind("select * from t version as of 12, geo.wells timestamp as of '2020-01-01 00:00:00'", resolver=resolver)
    assert resolver.asked == [(12, None), (None, datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))]


def test_the_shape_counts_the_whole_query() -> None:
    shape = _bind(
        "with c as (select a, count(*) n from t group by a) select distinct x.a from c x, c y, geo.t z"
        " where x.a = y.a order by 1 limit 3"
    ).shape
    assert (shape.tables, shape.joins, shape.cross_joins, shape.aggregates, shape.sorts, shape.limit) == (
        2,
        2,
        1,
        1,
        1,
        3,
    )
    assert shape.distincts == 1


def test_now_is_one_instant_and_marks_the_query() -> None:
    bound = _bind("select a from t where d < current_date")
    assert bound.instant_dependent
    assert _numbered(bound) == "select a from hg_1 AS t where d < DATE '2026-01-02'"
    assert not _bind("select current_user").instant_dependent


def test_a_pin_is_read_and_two_are_an_error() -> None:
    assert _bind("select /*+ ENGINE(DuckDB) */ 1").engine_hint == "duckdb"
    assert _bind("select 1 /*+ ENGINE(duckdb) */").engine_hint is None
    with pytest.raises(SqlSyntaxError):
        _bind("select /*+ ENGINE(duckdb), ENGINE(spark) */ 1")


def test_what_headgate_reads_as_comment_never_reaches_spark() -> None:
    """Spark opens no comment at a nested /*+ and so would end the outer one earlier."""
    for text in (
        "select 1 /* /*+ */ , reflect('a', 'b') -- */ as one",
        "select 1 -- c \\\n, reflect('a', 'b')\n as one",
        "select 1 {# , reflect('a', 'b') #} as one",
    ):
        assert (_bind(text).spark_sql or "").split() == ["select", "1", "as", "one"]


def test_a_clone_is_the_same_tree_with_parents_of_its_own() -> None:
    query = parse("select a, count(*) from t where b in ('x', 'y') group by a order by 1")
    assert isinstance(query, Query)
    copy = clone(query.tree)
    assert copy == query.tree
    for mine, theirs in zip(copy.walk(), query.tree.walk(), strict=True):
        assert mine is not theirs
        assert (mine.arg_key, mine.index, mine.meta) == (theirs.arg_key, theirs.index, theirs.meta)
        assert mine is copy or mine.parent is not theirs.parent


def test_binding_leaves_the_parsed_query_as_it_was() -> None:
    query = parse("select * from t order by a")
    assert isinstance(query, Query)
    before = repr(query.tree)
    bind(query, FakeResolver(), _CONTEXT)  # type: ignore[arg-type]
    assert repr(query.tree) == before
