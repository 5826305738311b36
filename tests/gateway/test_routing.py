"""Which engine answers which plan, and why."""

import dataclasses

import pyarrow as pa
import pytest

from catalog.files import FileSet
from catalog.identifiers import TableName
from catalog.schema import Column, Schema
from catalog.tables import FileFormat, Scan
from gateway import costs
from gateway.bound import BoundQuery, Obstacle, QueryShape
from gateway.engines.base import Capabilities, EngineStatus, Health
from gateway.errors import EngineUnavailableError, PinnedEngineError
from gateway.estimates import estimate
from gateway.planning import Plan
from gateway.routing import EngineState, choose

GB = 10**9


def scan(size_bytes: int, rows: int, files: int = 1, file_format: FileFormat = FileFormat.PARQUET) -> Scan:
    return Scan(
        table=TableName("lake", "default", "t"),
        schema=Schema((Column("a", pa.int64()),)),
        format=file_format,
        files=FileSet(
            paths=pa.array([f"/data/{number}" for number in range(files)]),
            sizes_bytes=pa.array([size_bytes // files] * files, pa.int64()),
            record_counts=pa.array([rows // files] * files, pa.int64()),
        ),
        files_total=files,
        snapshot_id=1,
        identity="t@1",
        location="/data",
    )


def plan(size_bytes: int = 10**6, rows: int = 10**4, **query: object) -> Plan:
    relations = {"hg_1": scan(size_bytes, rows)}
    bound = dataclasses.replace(
        BoundQuery(uses=(), spark_sql="select 1", duckdb_sql="select 1", schema=pa.schema([("a", pa.int64())])),
        **query,  # type: ignore[arg-type]
    )
    return Plan(
        query=bound,
        relations=relations,
        estimates=estimate(relations, bound.shape),
        file_formats=frozenset({FileFormat.PARQUET}),
        uri_schemes=frozenset({"file"}),
        fingerprint="x",
    )


def engine(name: str, health: Health = Health.READY, memory: int = 8 * GB, temp: int | None = None) -> EngineState:
    capabilities = Capabilities(
        file_formats=frozenset(FileFormat),
        uri_schemes=frozenset({"file"}),
        memory_limit_bytes=memory,
        cores=2 if name == "duckdb" else 64,
        runs_reference_dialect=name == "spark",
    )
    status = EngineStatus(health, "no Java" if health is Health.UNAVAILABLE else "")
    return EngineState(name, capabilities, status, costs.DEFAULTS[name], temp)


BOTH = [engine("duckdb"), engine("spark")]
NOT_PORTABLE = {"duckdb_sql": None, "schema": None, "obstacles": (Obstacle("percentile_approx", "another sketch"),)}


@pytest.mark.parametrize(
    ("query", "engines", "expected", "policy"),
    [
        (plan(), BOTH, "duckdb", "by_cost"),
        (plan(0, 0), BOTH, "duckdb", "by_cost"),
        (plan(500 * GB, 5 * 10**9), BOTH, "spark", "by_cost"),
        (plan(**NOT_PORTABLE), BOTH, "spark", "by_capability"),
        (plan(engine_hint="spark"), BOTH, "spark", "by_pin"),
        (plan(spark_sql=None), BOTH, "duckdb", "by_capability"),
        (plan(), [engine("duckdb"), engine("spark", Health.UNAVAILABLE)], "duckdb", "by_capability"),
        (plan(), [engine("duckdb"), engine("spark", Health.COLD)], "duckdb", "by_cost"),
        (
            plan(2 * GB, 10**9, shape=QueryShape(sorts=1)),
            [engine("duckdb", memory=GB, temp=GB), engine("spark", Health.COLD)],
            "spark",
            "by_resources",
        ),
    ],
)
def test_the_first_policy_that_offers_a_route_decides(
    query: Plan, engines: list[EngineState], expected: str, policy: str
) -> None:
    route = choose(query, engines)

    assert (route.engine, route.policy) == (expected, policy)
    assert route.reason


def test_the_reason_names_the_construct_that_binds_a_query() -> None:
    assert "percentile_approx (another sketch)" in choose(plan(**NOT_PORTABLE), BOTH).reason


def test_the_reason_of_a_resource_decision_has_the_numbers() -> None:
    query = plan(2 * GB, 10**9, shape=QueryShape(sorts=1))
    route = choose(query, [engine("duckdb", memory=GB, temp=GB), engine("spark")])

    assert "needs about 8.0 GB of memory, has 1.0 GB and may spill 1.0 GB" in route.reason


def test_a_pin_that_cannot_hold_is_an_error() -> None:
    with pytest.raises(PinnedEngineError, match="percentile_approx"):
        choose(plan(**NOT_PORTABLE), BOTH, pin="duckdb")


def test_a_pin_to_an_unknown_engine_is_an_error() -> None:
    with pytest.raises(PinnedEngineError, match="presto"):
        choose(plan(engine_hint="presto"), BOTH)


def test_a_hint_wins_over_the_session() -> None:
    assert choose(plan(engine_hint="duckdb"), BOTH, pin="spark").engine == "duckdb"


def test_auto_is_no_pin() -> None:
    assert choose(plan(), BOTH, pin="auto").policy == "by_cost"


def test_no_engine_left_is_an_error_with_every_reason() -> None:
    with pytest.raises(EngineUnavailableError, match=r"percentile_approx.*no Java"):
        choose(plan(**NOT_PORTABLE), [engine("duckdb"), engine("spark", Health.UNAVAILABLE)])


@pytest.mark.parametrize(
    ("query", "pin", "expected"),
    [(plan(), None, "spark"), (plan(), "duckdb", None), (plan(volatile=True), None, None), (plan(), "auto", "spark")],
)
def test_only_an_unpinned_repeatable_query_has_a_fallback(query: Plan, pin: str | None, expected: str | None) -> None:
    assert choose(query, BOTH, pin=pin).fallback == expected


def test_every_eligible_candidate_carries_a_prediction() -> None:
    predictions = choose(plan(), BOTH).predicted_ms()

    assert predictions["duckdb"] is not None
    assert predictions["spark"] is not None
    assert predictions["duckdb"] < predictions["spark"]


def test_more_bytes_never_cost_less() -> None:
    small, large = (
        costs.predict_ms(costs.DUCKDB, plan(size, 1000).estimates, QueryShape(), BOTH[0].capabilities, Health.READY)
        for size in (10**6, 10**9)
    )
    assert small < large
