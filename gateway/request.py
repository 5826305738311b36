"""One statement on its way through the gateway."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.engines.base import EngineQuery
from gateway.execution import Execution, State
from gateway.planning import Plan
from gateway.preparation import Parameters
from gateway.recording import Recorder
from gateway.session import Session


@dataclass(frozen=True)
class Request:
    """One statement on its way."""

    session: Session
    text: str
    parameters: Parameters
    spool: bool
    execution: Execution
    recorder: Recorder

    def of(self, text: str, parameters: Parameters) -> "Request":
        """Return the request for the statement inside EXECUTE."""
        return replace(self, text=text, parameters=parameters)


def canceller(cancel: Callable[[], None]) -> Callable[[Execution, State], None]:
    """Return an observer that passes a cancellation on."""

    def observe(_execution: Execution, state: State) -> None:
        if state is State.CANCELED:
            cancel()

    return observe


def engine_query(plan: Plan, engine: str, session: Session, query_id: str) -> EngineQuery:
    sql = plan.sql_for(engine)
    assert sql is not None, "a route names engines that have a text"
    return EngineQuery(sql, plan.relations, plan.query.schema, session.time_zone, query_id)
