"""Typed expressions made at random over awkward values have one answer.

HEADGATE_GENERATED_CASES sets how many (500 unless told); ``HEADGATE_GENERATED_SEED=random`` makes other ones each time.
"""

# ruff: noqa: E501  rows of a table read best on one line

import os
from collections.abc import Iterator
from typing import Any

import pytest
from awkward import AWKWARD
from harness import Engines, check_expressions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.spark

_BATCH = 100
_CASES = int(os.environ.get("HEADGATE_GENERATED_CASES", "500"))
_LEAVES = {
    "int": ["i", "y", "k", "l", "0", "1", "-7", "100", "2147483647", "3L", "null"],
    "decimal": ["d", "1.5", "0.01", "-2.50", "100.0", "99999.99", "cast(k as decimal(20,6))"],
    "double": ["f", "cast(r as double)", "0e0", "1.5e0", "-1e10", "cast('NaN' as double)", "cast(k as double)"],
    "string": ["s", "''", "'abc'", "'A b'", "'12'", "'é'", "cast(k as string)"],
    "date": ["dt", "date'2024-02-29'", "date'1970-01-01'", "date'2023-12-31'"],
    "timestamp": ["ts", "timestamp'2024-03-10 02:30:00'", "timestamp'1969-12-31 23:59:59.5'"],
    "ntz": ["n", "timestamp_ntz'2024-11-03 01:30:00'"],
    "boolean": ["b", "true", "false", "cast(null as boolean)"],
    "array": ["ai", "array(1, k)", "array(y, null)"],
}
_RULES: dict[str, list[str]] = {
    "int": [
        "({int} + {int})", "({int} - {int})", "({int} * {int})", "({int} % {int})", "({int} div {int})", "(- {int})", "abs({int})",
        "pmod({int}, 7)", "length({string})", "coalesce({int}, {int})", "if({boolean}, {int}, {int})", "nullif({int}, {int})",
        "case when {boolean} then {int} else {int} end", "year({date})", "month({timestamp})", "dayofweek({date})",
        "datediff({date}, {date})", "cast({decimal} as int)", "cast({double} as bigint)", "cast({boolean} as int)",
        "greatest({int}, {int})", "least({int}, {int})", "instr({string}, 'a')", "size({array})", "({int} & {int})",
        "try_add({int}, {int})", "try_multiply({int}, {int})", "ceil({decimal})", "weekofyear({date})", "hour({ntz})",
        "unix_seconds({timestamp})", "bit_count({int})", "shiftleft({int}, 3)", "array_position({array}, 1)",
    ],
    "decimal": [
        "({decimal} + {decimal})", "({decimal} - {decimal})", "({decimal} * {decimal})", "({decimal} / {decimal})",
        "({decimal} % {decimal})", "({decimal} + {int})", "({int} * {decimal})", "({int} / {decimal})", "abs({decimal})",
        "round({decimal}, 1)", "cast({int} as decimal(12,2))", "cast({decimal} as decimal(14,1))", "coalesce({decimal}, {int})",
        "case when {boolean} then {decimal} else {int} end", "try_divide({decimal}, {decimal})", "floor({decimal})",
    ],
    "double": [
        "({double} + {double})", "({double} * {double})", "({double} / {double})", "({double} - {int})", "({int} / {int})",
        "({double} % {double})", "({double} + {decimal})", "sqrt({double})", "exp({double})", "ln({double})", "round({double}, 2)",
        "cast({decimal} as double)", "cast({int} as double)", "abs({double})", "greatest({double}, {double})", "sin({double})",
        "atan({double})", "nanvl({double}, {double})", "coalesce({double}, {int})", "try_divide({double}, {double})", "cbrt({double})",
    ],
    "string": [
        "upper({string})", "lower({string})", "concat({string}, {string})", "({string} || {int})", "substring({string}, {int}, 2)",
        "substring({string}, 2)", "trim({string})", "lpad({string}, 4, 'xy')", "replace({string}, 'a', 'b')", "left({string}, 2)",
        "cast({int} as string)", "cast({date} as string)", "cast({ntz} as string)", "cast({decimal} as string)",
        "cast({boolean} as string)", "coalesce({string}, {string})", "if({boolean}, {string}, {string})", "repeat({string}, 2)",
        "split_part({string}, 'b', 1)", "date_format({timestamp}, 'yyyy-MM-dd HH:mm')", "concat_ws('-', {string}, {int})",
        "regexp_replace({string}, '[a-c]+', '_')", "hex({int})", "greatest({string}, {string})", "rpad({string}, 3)",
        "cast({timestamp} as string)", "md5({string})",
    ],
    "date": [
        "({date} + 1)", "date_sub({date}, 3)", "add_months({date}, 1)", "last_day({date})", "trunc({date}, 'MM')",
        "cast({ntz} as date)", "cast({timestamp} as date)", "coalesce({date}, {date})", "greatest({date}, {date})",
        "next_day({date}, 'MO')", "({date} - interval 1 month)",
    ],
    "timestamp": ["date_trunc('HOUR', {timestamp})", "cast({date} as timestamp)", "({timestamp} + interval 1 day)", "cast({ntz} as timestamp)"],
    "ntz": ["({ntz} + interval 2 hours)", "cast({date} as timestamp_ntz)", "coalesce({ntz}, {ntz})"],
    "boolean": [
        "({int} = {int})", "({int} < {decimal})", "({double} >= {double})", "({decimal} <> {decimal})", "({string} < {string})",
        "({date} <= {date})", "({timestamp} > {timestamp})", "({int} is null)", "(not {boolean})", "({boolean} and {boolean})",
        "({boolean} or {boolean})", "({int} in (1, {int}, 7))", "({int} between -1 and {int})", "({string} like 'a%')",
        "({int} <=> {int})", "({double} <=> {double})", "contains({string}, 'b')", "isnan({double})", "({double} = {int})",
        "({string} rlike '^[a-z]+$')", "({date} < {timestamp})", "array_contains({array}, {int})", "({boolean} is true)",
        "({decimal} = {double})", "startswith({string}, {string})",
    ],
    "array": ["array({int}, 2)", "sort_array({array})", "array_distinct({array})", "filter({array}, x -> x > 0)",
              "transform({array}, x -> x % 5)", "slice({array}, 1, 2)", "array_union({array}, array(1, 2))"],
}  # fmt: skip


@st.composite
def _expression(draw: st.DrawFn, type_: str, depth: int) -> str:
    if depth == 0 or draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(_LEAVES[type_]))
    text = draw(st.sampled_from(_RULES[type_]))
    while "{" in text:
        start, end = text.index("{"), text.index("}")
        text = text[:start] + draw(_expression(text[start + 1 : end], depth - 1)) + text[end + 1 :]
    return text


def _expressions() -> st.SearchStrategy[str]:
    types = st.sampled_from([*_RULES, "int", "decimal", "double", "string", "boolean"])
    return st.tuples(types, st.integers(1, 3)).flatmap(lambda choice: _expression(*choice))


@pytest.fixture(scope="module")
def engines(spark_remote: str) -> Iterator[Engines]:
    from pyspark.sql import SparkSession

    spark: Any = SparkSession.builder.remote(spark_remote).create()
    yield Engines(spark, {"awkward": AWKWARD})
    spark.stop()


@settings(
    max_examples=max(_CASES // _BATCH, 1),
    derandomize=os.environ.get("HEADGATE_GENERATED_SEED") != "random",
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(batch=st.lists(_expressions(), min_size=_BATCH, max_size=_BATCH, unique=True))
def test_generated_expressions_have_one_answer(engines: Engines, batch: list[str]) -> None:
    verdicts = check_expressions(engines, batch)
    assert [verdict for verdict in verdicts if verdict.status == "different"] == []
