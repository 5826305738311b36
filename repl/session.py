"""What happens between a text and its reply, in batch and in the shell alike; loops and arguments are elsewhere.

Data goes to the output, everything else to the terminal's narration.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from catalog.errors import SqlError
from repl.exits import DONE, ClosedOutputError, exit_code, worse
from repl.narration import Source, Truth, error_text, truth_line
from repl.progress import ProgressLine, progress_text
from repl.running import interruptible
from repl.terminal import Terminal

if TYPE_CHECKING:
    from gateway.results import Result
    from gateway.service import Gateway
    from gateway.session import Session
    from gateway.statements import ScriptStatement
    from repl.output import Output


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one turn."""

    exit_code: int = DONE
    quit: bool = False
    """The user wants to leave."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How statements are run."""

    keep_going: bool = False
    """Go on after a failed statement."""
    stats: bool = False
    """Print a JSON object for each statement."""
    timeout_seconds: float | None = None


class ReplSession:
    """One person's conversation: a gateway session, an output, and the manner of running."""

    def __init__(
        self, gateway: "Gateway", session: "Session", output: "Output", terminal: Terminal, manner: Manner = Manner()
    ) -> None:
        self.gateway = gateway
        self.session = session
        self.terminal = terminal
        self.output = output
        self.manner = manner

    def turn(self, text: str) -> Reply:
        """Run what was typed: a backslash command, or statements. Raises: KeyboardInterrupt after Ctrl-C."""
        if text.lstrip().startswith("\\"):
            from repl import commands

            return commands.run(self, text.strip())
        return Reply(self.run_script("", text))

    def run_script(self, name: str, text: str) -> int:
        """Run the statements of a script and return the exit code: of the first failure, but FAILED before RETRY.

        Raises: KeyboardInterrupt after Ctrl-C; ClosedOutputError when nobody reads the output any more.
        """
        worst = DONE
        statements = self._statements(text)
        for statement in statements:
            try:
                self._run(statement)
            except BrokenPipeError as error:
                raise ClosedOutputError(statements_left=next(statements, None) is not None) from error
            except SqlError as error:
                source = Source(name, text, statement.line, statement.column)
                self.terminal.complain(error_text(error, source))
                worst = worse(worst, exit_code(error))
                if not self.manner.keep_going:
                    break
        return worst

    def _statements(self, text: str) -> "Iterator[ScriptStatement]":
        """Yield statements, each found in the dialect that the session speaks by then."""
        from gateway.statements import split

        dialect = self.session.dialect
        remaining = deque(split(text, dialect))
        while remaining:
            statement = remaining.popleft()
            yield statement
            if self.session.dialect != dialect:  # SET dialect: quotes and comments may mean something else from here
                dialect = self.session.dialect
                end = statement.offset + len(statement.text)
                remaining = deque(_shifted(each, text, end) for each in split(text[end:], dialect))

    def _run(self, statement: "ScriptStatement") -> None:
        """Run one statement and say what became of it. Raises: SqlError, KeyboardInterrupt, BrokenPipeError."""
        from gateway.formats import FormatOptions

        query_id = self.gateway.new_query_id()
        options = FormatOptions(time_zone=self.session.time_zone, note=self.terminal.say)
        progress = ProgressLine(self.terminal)

        def work() -> "Result":
            result = self.gateway.execute(
                self.session,
                statement.text,
                timeout_seconds=self.manner.timeout_seconds,
                spool=False,
                query_id=query_id,
            )
            progress.watch(lambda elapsed: progress_text(result.progress(), elapsed))
            try:
                if len(result.schema):
                    self.output.write(result.schema, result.batches(), options)
            finally:
                result.close()
            return result

        try:
            result = interruptible(work, cancel=lambda: self._cancel(query_id), tick=progress.tick)
        except SqlError as error:
            self._print_stats(self._failure_stats(query_id, error))
            raise
        finally:
            self.terminal.status("")
        self._tell(result)

    def _cancel(self, query_id: str) -> None:
        self.terminal.status("canceling")
        self.gateway.cancel(query_id)

    def _tell(self, result: "Result") -> None:
        if result.message:
            self.terminal.say(result.message)
        self.terminal.say(truth_line(_truth(result)))
        self._print_stats(result.stats.as_dict())

    def _print_stats(self, stats: Mapping[str, Any]) -> None:
        if self.manner.stats:
            self.terminal.complain(json.dumps(stats, ensure_ascii=False, default=str))

    def _failure_stats(self, query_id: str, error: SqlError) -> dict[str, Any]:
        """Return of a statement that failed what the history knows, in the shape of Stats.as_dict."""
        record = self.gateway.history.find(query_id) if self.manner.stats else None
        if record is None:
            return {"query_id": query_id, "state": "FAILED", "error_code": error.code}
        return {
            "query_id": query_id,
            "engine": record.engine,
            "reason": record.reason,
            "state": record.state,
            "rows": record.row_count,
            "elapsed_ms": record.elapsed_ms,
            "files_total": record.files_total,
            "files_planned": record.files_planned,
            "bytes_planned": record.bytes_planned,
            "predicted_ms": dict(record.predicted_ms),
            "attempts": [asdict(attempt) for attempt in record.attempts],
            "cached": record.cached,
            "error_code": error.code,
        }


def _shifted(statement: "ScriptStatement", script: str, offset: int) -> "ScriptStatement":
    """Return a statement of ``script[offset:]`` with its place in the whole script."""
    line = script.count("\n", 0, offset)
    column = offset - (script.rfind("\n", 0, offset) + 1)
    return replace(
        statement,
        offset=statement.offset + offset,
        line=statement.line + line,
        column=statement.column + (column if statement.line == 1 else 0),
    )


def _truth(result: "Result") -> Truth:
    stats = result.stats
    return Truth(
        row_count=stats.rows if len(result.schema) else result.update_count,
        engine=stats.engine,
        elapsed_ms=stats.elapsed_ms,
        files_planned=stats.plan.files_planned,
        files_total=stats.plan.files_total,
        bytes_planned=stats.plan.bytes_planned,
        bytes_total=stats.plan.bytes_total,
        cached=stats.cached,
        reason=stats.reason,
    )
