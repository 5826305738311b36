"""Plan + settings + engines' state → Route: which engine answers, why, and what the other would cost.

A pure function over a short list of policies: the first that offers a route decides, the last always
offers one. Every reason is in words with its numbers; shell, API and EXPLAIN ROUTE show it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway import costs
from gateway.engines.base import Capabilities, EngineStatus, Health
from gateway.errors import EngineUnavailableError, PinnedEngineError
from gateway.planning import Plan
from gateway.units import human_bytes, human_duration, plural


@dataclass(frozen=True)
class EngineState:
    """What routing knows of one engine."""

    name: str
    capabilities: Capabilities
    status: EngineStatus
    coefficients: costs.Coefficients
    temp_limit_bytes: int | None = None
    """Disk it may spill to; None is no bound."""


@dataclass(frozen=True)
class Candidate:
    """One engine's standing for one plan."""

    engine: str
    eligible: bool
    predicted_ms: float | None
    """None when not eligible."""
    why: str
    """What speaks against it, or how it would do."""
    over_budget: bool = False
    """Eligible, but its memory and spill are estimated not to suffice."""


@dataclass(frozen=True)
class Route:
    """The decision."""

    engine: str
    reason: str
    """In words, with numbers."""
    candidates: tuple[Candidate, ...]
    fallback: str | None
    """The engine that takes over when the first cannot finish; None when nothing may."""
    policy: str
    """The name of the policy that decided."""

    def predicted_ms(self) -> dict[str, float | None]:
        """Return every engine's predicted milliseconds."""
        return {candidate.engine: candidate.predicted_ms for candidate in self.candidates}


@dataclass(frozen=True)
class Question:
    """All that a policy may look at."""

    plan: Plan
    candidates: Mapping[str, Candidate]
    pin: str | None
    """The engine a hint or the session asks for."""
    pin_source: str
    """Where the pin stands, for the reason: ``hint`` or ``session``."""

    @property
    def eligible(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates.values() if candidate.eligible]


@dataclass(frozen=True)
class Choice:
    engine: str
    reason: str


Policy = Callable[[Question], Choice | None]


def by_pin(question: Question) -> Choice | None:
    """A hint or the session's engine, if it can hold.

    Raises: PinnedEngineError when it cannot.
    """
    if question.pin is None:
        return None
    candidate = question.candidates.get(question.pin)
    if candidate is None:
        known = ", ".join(question.candidates)
        raise PinnedEngineError(f"there is no engine {question.pin!r}", hint=f"engines are {known}, or auto")
    if not candidate.eligible:
        raise PinnedEngineError(
            f"the {question.pin_source} pins the query to {question.pin}, which cannot run it: {candidate.why}",
            hint="SET engine = auto, or take the ENGINE hint out",
        )
    return Choice(candidate.engine, f"pinned by the {question.pin_source}")


def by_capability(question: Question) -> Choice | None:
    """The only engine that can give the reference answer.

    Raises: EngineUnavailableError when none can.
    """
    eligible = question.eligible
    if not eligible:
        reasons = "; ".join(f"{candidate.engine}: {candidate.why}" for candidate in question.candidates.values())
        raise EngineUnavailableError(f"no engine can run this query ({reasons})", hint=_availability_hint(question))
    if len(eligible) == 1:
        others = [candidate for candidate in question.candidates.values() if not candidate.eligible]
        return Choice(eligible[0].engine, "; ".join(f"not {other.engine}: {other.why}" for other in others))
    return None


def by_resources(question: Question) -> Choice | None:
    """The engine whose memory and spill suffice, when exactly one's do."""
    within = [candidate for candidate in question.eligible if not candidate.over_budget]
    beyond = [candidate for candidate in question.eligible if candidate.over_budget]
    if len(within) == 1 and beyond:
        return Choice(within[0].engine, "; ".join(f"not {other.engine}: {other.why}" for other in beyond))
    return None


def by_cost(question: Question) -> Choice:
    """The engine that is predicted to answer first."""
    ranked = sorted(question.eligible, key=lambda candidate: candidate.predicted_ms or 0.0)
    best = ranked[0]
    estimates = question.plan.estimates
    read = f"reads {human_bytes(estimates.bytes_planned)} in {plural(estimates.files_planned, 'file')}"
    if not estimates.files_planned:
        read = "reads no file"
    others = ", ".join(f"{other.engine} {human_duration(other.predicted_ms)}" for other in ranked[1:])
    beside = f" against {others}" if others else ""
    return Choice(best.engine, f"{read}: predicted {human_duration(best.predicted_ms)}{beside}")


POLICIES: tuple[Policy, ...] = (by_pin, by_capability, by_resources, by_cost)


def choose(
    plan: Plan,
    engines: Sequence[EngineState],
    *,
    pin: str | None = None,
    pin_source: str = "session",
    may_fall_back: bool = True,
    policies: Sequence[Policy] = POLICIES,
) -> Route:
    """Return the first route that a policy offers.

    Raises: PinnedEngineError; EngineUnavailableError when no engine can run the plan.
    """
    candidates = {state.name: judge(plan, state) for state in engines}
    if plan.query.engine_hint:
        pin, pin_source = plan.query.engine_hint, "hint"
    question = Question(plan, candidates, None if pin == "auto" else pin, pin_source)
    for policy in policies:
        choice = policy(question)
        if choice is not None:
            return Route(
                engine=choice.engine,
                reason=choice.reason,
                candidates=tuple(candidates.values()),
                fallback=_fallback(question, choice.engine) if may_fall_back else None,
                policy=policy.__name__,
            )
    raise AssertionError("the last policy always offers a route")


def judge(plan: Plan, state: EngineState) -> Candidate:
    """Return one engine's standing for a plan."""
    against = _obstacle(plan, state)
    if against is not None:
        return Candidate(state.name, eligible=False, predicted_ms=None, why=against)
    predicted = costs.predict_ms(
        state.coefficients, plan.estimates, plan.query.shape, state.capabilities, state.status.health
    )
    need, budget = plan.estimates.state_bytes, state.capabilities.memory_limit_bytes
    if state.temp_limit_bytes is not None and need > budget + state.temp_limit_bytes:
        why = (
            f"needs about {human_bytes(need)} of memory, has {human_bytes(budget)}"
            f" and may spill {human_bytes(state.temp_limit_bytes)}"
        )
        return Candidate(state.name, eligible=True, predicted_ms=predicted, why=why, over_budget=True)
    why = f"predicted {human_duration(predicted)}"
    if state.status.health in (Health.COLD, Health.STARTING):
        why += f", {state.status.detail or state.status.health.value}"
    return Candidate(state.name, eligible=True, predicted_ms=predicted, why=why)


def _obstacle(plan: Plan, state: EngineState) -> str | None:
    """Return in words why an engine cannot answer, or None."""
    if plan.sql_for(state.name) is None:
        obstacles = plan.query.obstacles if state.name == "duckdb" else plan.query.spark_obstacles
        first = [f"{obstacle.construct} ({obstacle.reason})" for obstacle in obstacles[:3]]
        more = f" and {len(obstacles) - 3} more" if len(obstacles) > 3 else ""
        return f"not the same there: {', '.join(first)}{more}" if first else "cannot give the reference answer"
    formats = plan.file_formats - state.capabilities.file_formats
    if formats:
        return f"cannot read {', '.join(sorted(file_format.value for file_format in formats))} files"
    schemes = plan.uri_schemes - state.capabilities.uri_schemes
    if schemes:
        return f"cannot reach {', '.join(sorted(schemes))}:// here"
    if state.status.health is Health.UNAVAILABLE:
        return state.status.detail or "not available"
    return None


def _fallback(question: Question, chosen: str) -> str | None:
    if question.pin is not None or question.plan.query.volatile:
        return None
    others = [candidate.engine for candidate in question.eligible if candidate.engine != chosen]
    return others[0] if others else None


def _availability_hint(question: Question) -> str | None:
    if all(candidate.engine != "spark" for candidate in question.candidates.values()):
        return "install headgate[spark] for what DuckDB cannot answer"
    return None
