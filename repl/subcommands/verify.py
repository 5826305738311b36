"""``headgate verify``: run queries on both engines and report the first differences."""

import argparse

from gateway.session import DIALECTS
from gateway.verification import Verification
from repl.exits import DIFFERENT, DONE, UsageError
from repl.running import interruptible
from repl.subcommands.opening import opened_gateway
from repl.subcommands.sql import Script, given_scripts, seconds_of
from repl.terminal import Terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    scripts: list[tuple[str, str]] = []
    parser.set_defaults(scripts=scripts)
    parser.add_argument("-c", "--command", metavar="SQL", action=Script, help="verify these queries; may be repeated")
    parser.add_argument("-f", "--file", metavar="FILE", action=Script, help="verify a file; - is standard input")
    parser.add_argument("--dialect", choices=DIALECTS, default="spark", help="SQL dialect (spark)")
    parser.add_argument("--limit", metavar="N", type=int, default=10, help="differences to report for each query (10)")
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds_of, help="deadline on each engine, e.g. 30 or 5m")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Verify every query; return DIFFERENT when one of them differs.

    Raises: SqlError for a query that is wrong or that an engine cannot answer.
    """
    from gateway.statements import split

    scripts = list(given_scripts(arguments.scripts, terminal))
    if not scripts:
        raise UsageError("there is nothing to verify", hint="headgate verify -c SQL, or -f FILE")
    code = DONE
    with opened_gateway(arguments) as gateway:
        session = gateway.session(user=arguments.user, dialect=arguments.dialect)
        for statement in (each for _, text in scripts for each in split(text, arguments.dialect)):
            found = interruptible(
                lambda text=statement.text: gateway.verify(  # type: ignore[misc]
                    session, text, limit=arguments.limit, timeout_seconds=arguments.timeout
                ),
                cancel=gateway.cancel_all,
            )
            _report(found, terminal)
            code = DIFFERENT if found.differences else code
    return code


def _report(found: Verification, terminal: Terminal) -> None:
    """Print the differences as data, the verdict as narration."""
    for difference in found.differences:
        line = f"{difference.where}\treference {difference.reference}\tother {difference.other}\n"
        terminal.stdout.write(line.encode())
    terminal.say(found.note)
