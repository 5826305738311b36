"""The reader against Spark itself: what headgate reads, written again, is the same query."""

import datetime
from pathlib import Path

import pytest
from sqlglot import exp

from gateway.dialects import reader

CORPUS = [
    line
    for line in (Path(__file__).parent / "spark_features.sql").read_text().splitlines()
    if line and line[:2] != "--"
]


def _projection(text: str) -> exp.Expr:
    tree = reader.parse_tree(f"select {text}", "spark")
    found = tree.selects[0]  # type: ignore[attr-defined]
    assert isinstance(found, exp.Expr)
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("'a' 'b' \"c\"", "abc"),
        ("'\\u0041\\101\\n\\%\\_\\q'", "AA\n\\%\\_q"),
        ("r'a\\n'", "a\\n"),
        ("'\\U0001F600'", "\U0001f600"),
        ('"x""y"', 'x"y'),
    ],
)
def test_texts_are_read_as_spark_reads_them(text: str, value: str) -> None:
    node = _projection(text)
    assert node.name == value


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("1 | 2 & 3", "1 | (2 & 3)"),
        ("1 ^ 2 & 3", "1 ^ (2 & 3)"),
        ("5 + 3 || 'x'", "(5 + 3) || 'x'"),
        ("'x' || 5 + 3", "('x' || 5) + 3"),
        ("1 << 2 + 1", "1 << (2 + 1)"),
        ("not a = 1 is null", "not ((a = 1) is null)"),
        ("a < b = true", "(a < b) = true"),
        ("- a * b", "(- a) * b"),
        ("a or b and not c", "a or (b and (not c))"),
    ],
)
def test_operators_bind_as_in_sparks_grammar(text: str, same: str) -> None:
    def plain(node: exp.Expr) -> exp.Expr:
        while node.find(exp.Paren):
            node = node.transform(lambda each: each.this if isinstance(each, exp.Paren) else each)
        return node

    assert plain(_projection(text)) == plain(_projection(same))


def test_cast_raises_and_division_divides() -> None:
    assert type(_projection("cast(a as int)")) is exp.Cast
    assert _projection("a / b").sql(reader.dialect_of("spark")) == "a / b"


def test_calls_keep_the_name_they_were_written_with() -> None:
    for text in ("date_sub(d, 1)", "First(a, 1)", "div(7, 2)", "size(a)", "any(a)", "count(DISTINCT a, b)"):
        node = _projection(text)
        assert isinstance(node, exp.Anonymous)
        assert node.sql(reader.dialect_of("spark")) == text


def test_an_index_of_a_call_is_an_index() -> None:
    assert isinstance(_projection("array(1, 2)[0]"), exp.Bracket)


@pytest.fixture(scope="module")
def spark(spark_remote: str):  # type: ignore[no-untyped-def]
    from pyspark.sql.connect.session import SparkSession

    session = SparkSession.builder.remote(spark_remote).create()
    session.sql(
        "create or replace temp view t as select * from values"
        " (1, 'a', date'2020-01-01', 1.5D, named_struct('p', 1, 'q', 'z'), array(1, 2), map('k', 1)),"
        " (2, 'b', date'2021-01-01', 2.5D, named_struct('p', 2, 'q', 'y'), array(3), map('k', 2)),"
        " (3, null, date'2021-06-01', null, null, null, null) as t(a, b, d, x, s, arr, m)"
    ).collect()
    session.sql(
        "create or replace temp view u as select * from values (1, 'u1', 10L), (2, 'u2', 20L) as u(a, n, w)"
    ).collect()
    yield session
    session.stop()


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", CORPUS)
def test_what_is_read_and_written_again_gives_the_same_rows(spark, text: str) -> None:  # type: ignore[no-untyped-def]
    again = reader.parse_tree(text, "spark").sql(reader.dialect_of("spark"))
    first, second = spark.sql(text), spark.sql(again)
    assert [f.dataType for f in first.schema.fields] == [f.dataType for f in second.schema.fields]
    assert sorted(repr(tuple(row)) for row in first.collect()) == sorted(repr(tuple(row)) for row in second.collect())


def test_the_corpus_does_not_hang_on_the_day() -> None:
    assert not any("current_" in text or "now()" in text for text in CORPUS), datetime.date.today()
