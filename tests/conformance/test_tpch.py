"""TPC-H's 22 queries at scale 0.1, the way a user asks them: the same names, types and rows from both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.service import Gateway

QUERIES = sorted((Path(__file__).parents[2] / "benchmarks" / "queries" / "tpch").glob("*.sql"))
SCALE = 0.1

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, spark_remote: str) -> Iterator[Gateway]:
    """Yield a gateway whose schema ``tpch`` holds the eight tables."""
    options = {"spark.remote": spark_remote, "spark.warm": False}
    with Gateway.open(tmp_path_factory.mktemp("tpch") / "home", options, environment={}) as gateway:
        gateway.load_tpch(SCALE)
        yield gateway


@pytest.mark.parametrize("file", QUERIES, ids=[file.stem for file in QUERIES])
def test_both_engines_give_the_same_answer(warehouse: Gateway, file: Path) -> None:
    session = warehouse.session()
    warehouse.execute(session, "USE tpch")

    found = warehouse.verify(session, file.read_text())

    assert found.compared, found.note
    assert found.differences == ()


def test_there_are_22_queries() -> None:
    assert len(QUERIES) == 22
