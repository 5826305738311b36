"""Every example of every portable function runs on both engines over every awkward value."""

from collections.abc import Iterator
from typing import Any

import pytest
from awkward import AWKWARD
from harness import Engines, Verdict, check_expressions

from gateway.dialects.portability.functions import TABLE
from gateway.dialects.portability.functions.registry import WINDOW

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def engines(spark_remote: str) -> Iterator[Engines]:
    from pyspark.sql import SparkSession

    spark: Any = SparkSession.builder.remote(spark_remote).create()
    yield Engines(spark, {"awkward": AWKWARD})
    spark.stop()


def _examples(kind: str) -> list[str]:
    return list(dict.fromkeys(x for function in TABLE.values() if function.kind == kind for x in function.examples))


def _wrong(verdicts: list[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.status not in ("same", "beyond")]


@pytest.mark.parametrize("kind", ["scalar", "aggregate"])
def test_every_example_has_one_answer(engines: Engines, kind: str) -> None:
    examples = _examples(kind)
    assert len(examples) > 80
    assert _wrong(check_expressions(engines, examples, aggregate=kind == "aggregate")) == []


def test_every_scalar_and_aggregate_has_an_example() -> None:
    bare = [f.name for f in TABLE.values() if f.kind != WINDOW and not f.examples and not f.name.startswith("hg_")]
    assert set(bare) <= _INSTANTS | _IN_QUERIES


_INSTANTS = frozenset(["now", "current_timestamp", "localtimestamp", "current_date", "curdate"])
"""Spark's instant is its own; test_port.py has them."""
_IN_QUERIES = frozenset(
    [
        "collect_list",
        "array_agg",
        "collect_set",
        "listagg",
        "string_agg",
        "first",
        "first_value",
        "any_value",
        "last",
        "last_value",
        "grouping",
        "grouping_id",
    ]
)
"""Their answers hang on an order or a GROUP BY: test_queries.py has them."""
