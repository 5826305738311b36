"""A planned query → data files in a staging folder, on the routed engine, with handover to the other.

The commit is the catalog's: nothing here is visible to a reader.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from catalog.errors import SqlError
from catalog.store import WriteTarget, WrittenFile
from gateway.engines.base import EngineQuery, WriteRun
from gateway.engines.registry import Engines
from gateway.execution import HANDOVER_ERRORS
from gateway.planning import Plan
from gateway.routing import Route

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """What a write left in its staging folder."""

    target: WriteTarget
    files: tuple[WrittenFile, ...]
    record_count: int
    engine: str
    reason: str


@dataclass(frozen=True)
class Staging:
    """How to get a fresh staging folder and to give one back."""

    stage: Callable[[], WriteTarget]
    discard: Callable[[WriteTarget], None]


@dataclass(frozen=True)
class Order:
    """A write to be done."""

    plan: Plan
    route: Route
    schema: pa.Schema | None
    """The query's names and types; None takes the engine's."""
    time_zone: str
    query_id: str
    timeout_seconds: float | None
    on_start: Callable[[WriteRun], None]
    """Told of every run before it works, so that another thread can cancel it."""


def write(order: Order, engines: Engines, staging: Staging) -> Written:
    """Write a query's rows as data files. A folder whose write failed is given back.

    Raises: as WriteRun.files; the first engine's error when the second fails too.
    """
    route = order.route
    names = [route.engine] if route.fallback is None else [route.engine, route.fallback]
    reason = route.reason
    first_error: SqlError | None = None
    for name in names:
        target = staging.stage()
        try:
            return _attempt(order, engines, name, target, reason)
        except HANDOVER_ERRORS as error:
            staging.discard(target)
            first_error = first_error or error
            reason = f"handed over from {name}: {error.message}"
            logger.warning("query %s: %s", order.query_id, reason)
        except BaseException:
            staging.discard(target)
            raise
    assert first_error is not None
    raise first_error


def _attempt(order: Order, engines: Engines, name: str, target: WriteTarget, reason: str) -> Written:
    sql = order.plan.sql_for(name)
    assert sql is not None, "a route names engines that have a text"
    query = EngineQuery(sql, order.plan.relations, order.schema, order.time_zone, order.query_id)
    run = engines.get(name).write(query, target, timeout_seconds=order.timeout_seconds)
    order.on_start(run)
    try:
        files = run.files()
    except BaseException:
        run.cancel()
        raise
    return Written(target, files, run.record_count, name, reason)
