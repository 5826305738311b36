"""EXPLAIN: what would be read, where it would run, and why."""

from collections.abc import Iterator

import pyarrow as pa

from gateway.commands.answer import Answer, table
from gateway.planning import Plan
from gateway.routing import Route
from gateway.units import human_bytes, human_duration, plural

_TEXT = pa.string()


def route_rows(route: Route) -> pa.Table:
    """Return one row per engine: eligible, predicted_ms, why, chosen."""
    columns = [
        ("engine", _TEXT),
        ("eligible", pa.bool_()),
        ("predicted_ms", pa.float64()),
        ("why", _TEXT),
        ("chosen", pa.bool_()),
    ]

    def rows() -> Iterator[tuple[object, ...]]:
        for candidate in route.candidates:
            chosen = candidate.engine == route.engine
            predicted = None if candidate.predicted_ms is None else round(candidate.predicted_ms, 1)
            yield candidate.engine, candidate.eligible, predicted, route.reason if chosen else candidate.why, chosen

    return table(columns, rows())


def explain_route(route: Route) -> Answer:
    """Answer EXPLAIN ROUTE."""
    return Answer(rows=route_rows(route), reason="routed, not run")


def explain_plan(plan: Plan, route: Route) -> Answer:
    """Answer EXPLAIN: the route, every scan, the obstacles, the engine's own text."""
    return Answer(
        rows=table([("plan", _TEXT)], ((line,) for line in plan_lines(plan, route))), reason="planned, not run"
    )


def plan_lines(plan: Plan, route: Route) -> Iterator[str]:
    """Yield the plan in words, one fact a line."""
    yield f"engine: {route.engine} ({route.reason})"
    for candidate in route.candidates:
        yield f"  {candidate.engine}: {candidate.why}" + ("" if candidate.eligible else " — not eligible")
    if route.fallback:
        yield f"  {route.fallback} takes over if {route.engine} runs out of memory or dies before the first row"
    for scan in plan.estimates.scans:
        if not scan.files_total:
            yield f"scan: {plural(scan.rows, 'row')} in memory"
            continue
        files = f"{scan.files_planned:,} of {plural(scan.files_total, 'file')}"
        named = f"{human_bytes(scan.bytes_planned)} in the named columns"
        yield f"scan: {scan.table}, {files}, {plural(scan.rows, 'row')}, {named}"
    for use in plan.query.uses:
        yield f"  reads {', '.join(use.columns) or 'no column'}"
    yield f"memory: about {human_bytes(plan.estimates.state_bytes)} of working state"
    for obstacle in plan.query.obstacles:
        place = f" at line {obstacle.line}, column {obstacle.column}" if obstacle.line else ""
        yield f"only Spark: {obstacle.construct}{place}: {obstacle.reason}"
    yield "text:"
    yield from (f"  {line}" for line in (plan.sql_for(route.engine) or "").splitlines())


def explain_analyze(plan: Plan, route: Route, engine: str, elapsed_ms: float, row_count: int) -> Answer:
    """Answer EXPLAIN ANALYZE: the plan, and beside the predictions what happened."""

    def lines() -> Iterator[str]:
        yield from plan_lines(plan, route)
        predicted = route.predicted_ms().get(engine)
        beside = f", predicted {human_duration(predicted)}" if predicted is not None else ""
        yield f"ran: {engine}, {plural(row_count, 'row')} in {human_duration(elapsed_ms)}{beside}"

    return Answer(rows=table([("plan", _TEXT)], ((line,) for line in lines())), engine=engine, reason=route.reason)
