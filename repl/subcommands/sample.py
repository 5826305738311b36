"""``headgate sample``: sample data, made and loaded."""

import argparse

from repl.terminal import Terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", choices=["wells", "tpch"], help="well completions and production, or TPC-H")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--rows", metavar="N", type=int, help="wells: rows of the production table (3,000,000)")
    size.add_argument("--scale", metavar="F", type=float, help="tpch: scale factor (1)")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Make and load. Raises: SqlError; KeyboardInterrupt."""
    raise NotImplementedError
