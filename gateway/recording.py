"""Writes what becomes of a statement to the history."""

from dataclasses import replace

from gateway.commands.answer import Answer
from gateway.execution import Execution, State
from gateway.history import History, QueryRecord
from gateway.results import PlanFacts
from gateway.routing import Route
from gateway.session import Session


class Recorder:
    """Follows one execution: a record when an engine begins, and one at the end."""

    def __init__(self, history: History, execution: Execution, session: Session, text: str) -> None:
        self._history = history
        self._record = QueryRecord(
            query_id=execution.query_id,
            text=text,
            state=State.QUEUED.value,
            submitted_at=execution.submitted_at,
            user=session.user,
            dialect=session.dialect,
        )
        self._rows: int | None = None
        execution.observe(self._observe)

    def planned(self, route: Route, facts: PlanFacts) -> None:
        """Note where a query will run and what planning foresaw."""
        self._record = replace(
            self._record,
            engine=route.engine,
            reason=route.reason,
            files_total=facts.files_total,
            files_planned=facts.files_planned,
            bytes_planned=facts.bytes_planned,
            predicted_ms=facts.predicted_ms,
        )

    def answered(self, answer: Answer) -> None:
        """Note what a statement without a stream of rows did."""
        rows = answer.update_count if answer.rows is None else answer.rows.num_rows
        self._record = replace(self._record, engine=answer.engine, reason=answer.reason, row_count=rows)

    def _observe(self, execution: Execution, state: State) -> None:
        if state is State.PLANNING:
            return  # too short to be worth a record
        error = execution.error
        self._history.record(
            replace(
                self._record,
                state=state.value,
                engine=execution.engine or self._record.engine,
                reason=execution.handovers or self._record.reason,
                started_at=execution.started_at,
                ended_at=execution.ended_at,
                error_code=None if error is None else error.code,
                error_message=None if error is None else error.message,
                row_count=execution.row_count if self._record.row_count is None else self._record.row_count,
                attempts=execution.attempts,
            )
        )
