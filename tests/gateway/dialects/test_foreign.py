import pytest

from gateway.dialects.foreign import to_spark
from gateway.errors import NotSupportedError
from gateway.statements import Query, parse


def _carried(text: str, dialect: str) -> str:
    query = parse(text, dialect)
    assert isinstance(query, Query)
    return to_spark(query).text


@pytest.mark.parametrize(
    ("text", "dialect", "spark"),
    [
        ('select "a b" from t order by 1', "trino", "SELECT `a b` FROM t ORDER BY 1 NULLS LAST"),
        ("select a from t order by a desc", "postgres", "SELECT a FROM t ORDER BY a DESC NULLS FIRST"),
        ("select count(*), sum(x) / 2.0 from t where b = 'it''s'", "trino", None),
        ("select a::double / b from t", "duckdb", None),
        ("select `a` from t limit 2", "mysql", "SELECT `a` FROM t LIMIT 2"),
        ("with c as (select a from t) select * from c where a in (1, 2)", "trino", None),
    ],
)
def test_plain_sql_is_carried_over(text: str, dialect: str, spark: str | None) -> None:
    assert spark is None or _carried(text, dialect) == spark
    assert isinstance(parse(_carried(text, dialect)), Query)


@pytest.mark.parametrize(
    ("text", "dialect", "construct"),
    [
        ("select array_agg(a order by b) from t", "trino", "ARRAYAGG"),
        ("select a / b from t", "trino", "division"),
        ("select cast(x as int) from t", "duckdb", "CAST to an integer"),
        ("select regexp_replace(a, 'x', 'y') from t", "duckdb", "REGEXPREPLACE"),
        ("select frobnicate(a) from t", "trino", "frobnicate"),
        ("select * from read_csv('x')", "duckdb", "table function"),
        ("select a like '\\_' from t", "duckdb", "LIKE"),
    ],
)
def test_what_may_change_its_meaning_is_refused_by_name(text: str, dialect: str, construct: str) -> None:
    with pytest.raises(NotSupportedError) as raised:
        _carried(text, dialect)
    assert construct in raised.value.message
    assert raised.value.hint
