"""``headgate``: statements from ``-c``, ``-f`` or standard input, or the shell."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from catalog.errors import FileAccessError
from gateway.session import DIALECTS, ENGINE_CHOICES
from gateway.settings import parse_duration
from repl.exits import DONE, ClosedOutputError, UsageError, worse
from repl.output import opened_output
from repl.session import Manner, ReplSession
from repl.subcommands.opening import opened_gateway
from repl.terminal import Terminal, decode_argument, decode_sql


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    scripts: list[tuple[str, str]] = []
    parser.set_defaults(scripts=scripts)
    parser.add_argument("-c", "--command", metavar="SQL", action=Script, help="run these statements; may be repeated")
    parser.add_argument(
        "-f", "--file", metavar="FILE", action=Script, help="run a file; - is standard input; may be repeated"
    )
    parser.add_argument("--engine", choices=ENGINE_CHOICES, help="pin all queries to an engine")
    parser.add_argument("--dialect", choices=DIALECTS, default="spark", help="SQL dialect (spark)")
    parser.add_argument("--format", metavar="NAME", help="table on a terminal, csv otherwise; see below")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write the data there, all or nothing")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=seconds_of, help="deadline of each statement, e.g. 30 or 5m"
    )
    parser.add_argument("--stats", action="store_true", help="one JSON object per statement on standard error")
    going = parser.add_mutually_exclusive_group()
    going.add_argument(
        "--fail-fast", dest="keep_going", action="store_false", help="stop at the first failure (default)"
    )
    going.add_argument("--keep-going", dest="keep_going", action="store_true", help="go on after a failure")
    parser.set_defaults(keep_going=False)


class Script(argparse.Action):
    """Keeps ``-c`` and ``-f`` in the order in which they were given."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        _option: str | None = None,
    ) -> None:
        namespace.scripts = [*namespace.scripts, (self.dest, values)]


def seconds_of(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration, e.g. 30 or 5m") from error
    return seconds


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Run all scripts, or the shell when there are none and a person types; return the exit code."""
    scripts = list(given_scripts(arguments.scripts, terminal))
    if not scripts and not terminal.stdin_is_terminal:
        scripts = [("", decode_sql(terminal.stdin.read(), "standard input"))]
    manner = Manner(arguments.keep_going, arguments.stats, arguments.timeout)
    with opened_output(arguments.output, arguments.format, terminal) as output, opened_gateway(arguments) as gateway:
        session = gateway.session(user=arguments.user, dialect=arguments.dialect, engine=arguments.engine or "auto")
        conversation = ReplSession(gateway, session, output, terminal, manner)
        if not scripts:
            from repl.shell import converse

            return converse(conversation)
        code = _run_all(conversation, scripts)
        if code != DONE and not manner.keep_going:
            output.abandon()
        return code


def given_scripts(given: Sequence[tuple[str, str]], terminal: Terminal) -> Iterator[tuple[str, str]]:
    """Yield name and text of every script, in the order given.

    Raises: UsageError when a file cannot be read or is not UTF-8.
    """
    for kind, value in given:
        if kind == "command":
            yield "", decode_argument(value)
        elif value == "-":
            yield "standard input", decode_sql(terminal.stdin.read(), "standard input")
        else:
            try:
                yield value, decode_sql(Path(value).read_bytes(), value)
            except OSError as error:
                raise UsageError(f"cannot read {value}: {error.strerror}") from error


def _run_all(conversation: ReplSession, scripts: Sequence[tuple[str, str]]) -> int:
    worst = DONE
    for number, (name, text) in enumerate(scripts, 1):
        try:
            worst = worse(worst, conversation.run_script(name, text))
        except ClosedOutputError as error:
            if number == len(scripts) and not error.statements_left:
                raise
            raise FileAccessError("nobody reads the output any more, so not all statements ran") from error
        if worst != DONE and not conversation.manner.keep_going:
            break
    return worst
