"""``headgate sample``: sample data, made and loaded."""

import argparse

from repl.exits import DONE, UsageError
from repl.subcommands.load import report_text, watched
from repl.subcommands.opening import opened_gateway
from repl.terminal import Terminal

DEFAULT_ROWS = 3_000_000
DEFAULT_SCALE = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", choices=["wells", "tpch"], help="well completions and production, or TPC-H")
    parser.add_argument("--rows", metavar="N", type=int, help="wells: rows of the table production (3,000,000)")
    parser.add_argument("--scale", metavar="F", type=float, help="tpch: scale factor; 1 is about 1 GB (1)")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Make and load. Raises: UsageError; SqlError; KeyboardInterrupt."""
    if (arguments.name == "wells" and arguments.scale is not None) or (
        arguments.name == "tpch" and arguments.rows is not None
    ):
        raise UsageError("wells takes --rows and tpch takes --scale", hint="headgate sample --help")
    with opened_gateway(arguments) as gateway:
        if arguments.name == "wells":
            rows = DEFAULT_ROWS if arguments.rows is None else arguments.rows
            reports = watched(lambda on_progress: gateway.load_wells(rows, on_progress), terminal)
        else:
            scale = DEFAULT_SCALE if arguments.scale is None else arguments.scale
            reports = watched(lambda on_progress: gateway.load_tpch(scale, on_progress), terminal)
        for report in reports:
            terminal.say(report_text(report))
    return DONE
