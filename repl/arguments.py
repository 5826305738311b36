"""The command line: which words there are and what they mean. Nothing is opened and nothing is run here."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn, Protocol, cast

from repl.exits import UsageError
from repl.terminal import Terminal


class Subcommand(Protocol):
    """What a module of ``repl.subcommands`` offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the subcommand's own arguments."""
        ...

    def run(self, arguments: argparse.Namespace, terminal: Terminal) -> int:
        """Do the work and return the exit code. Raises: SqlError; KeyboardInterrupt."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the registry."""

    module: str
    """Imported when the subcommand is used."""
    summary: str
    """For ``headgate --help``."""


SQL = ""
"""What runs when no subcommand is named."""
SUBCOMMANDS = {
    SQL: Entry("repl.subcommands.sql", "run statements, or open the shell"),
    "load": Entry("repl.subcommands.load", "load files into a table"),
    "sample": Entry("repl.subcommands.sample", "make sample data and load it"),
    "verify": Entry("repl.subcommands.verify", "run queries on both engines and compare"),
    "spark": Entry("repl.subcommands.spark", "start, look at or stop the local Spark server"),
}
"""The one place where a subcommand is added."""


class Parser(argparse.ArgumentParser):
    """Complains in headgate's own words."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def subcommand(name: str) -> Subcommand:
    """Return the module of a subcommand."""
    return cast(Subcommand, import_module(SUBCOMMANDS[name].module))


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; ``subcommand`` names who reads them.

    Raises: UsageError; SystemExit for ``--help`` and ``--version``.
    """
    name, rest = _split_subcommand(argv)
    return parser_of(name).parse_args(rest)


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of a subcommand's arguments and of those that all take."""
    parser = Parser(
        prog="headgate" if name == SQL else f"headgate {name}",
        description=None if name == SQL else SUBCOMMANDS[name].summary,
        epilog=_subcommands_help() if name == SQL else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(subcommand=name)
    _add_common(parser)
    subcommand(name).add_arguments(parser)
    return parser


def _split_subcommand(argv: Sequence[str]) -> tuple[str, list[str]]:
    """Return the subcommand and the other arguments.

    The subcommand is the first word that is neither an option nor the value of one, so that options may
    stand before it.
    """
    position = 0
    while position < len(argv):
        word = argv[position]
        if word == "--":
            break
        if word in VALUE_OPTIONS:
            position += 2
        elif word.startswith("-") and word != "-":
            position += 1
        elif word in _words():
            return word, [*argv[:position], *argv[position + 1 :]]
        elif position and argv[position - 1].startswith("-"):
            break  # after an option that nobody knows: the parser names it
        else:
            raise UsageError(f"unknown command {word!r}", hint=_nearest(word))
    return SQL, list(argv)


VALUE_OPTIONS = frozenset({
    "--home", "--set", "--user", "-c", "--command", "-f", "--file", "--engine", "--dialect", "--format", "-o",
    "--output", "--timeout",
})  # fmt: skip
"""Options that may stand before a subcommand, or instead of one, with their value as the next word."""


def _nearest(word: str) -> str:
    import difflib  # only on the error path: it costs start-up time

    if " " in word:
        return f"SQL goes after -c: headgate -c {word!r}"
    close = difflib.get_close_matches(word, _words(), n=1)
    return f"did you mean {close[0]}?" if close else f"commands: {', '.join(_words())}; SQL goes after -c"


def _words() -> list[str]:
    return [name for name in SUBCOMMANDS if name != SQL]


def _subcommands_help() -> str:
    width = max(map(len, SUBCOMMANDS))
    lines = [f"  {name:{width}}  {SUBCOMMANDS[name].summary}" for name in _words()]
    return "\n".join(["commands:", *lines, "", "headgate COMMAND --help tells more"])


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--home", metavar="DIR", help="where headgate keeps everything (HEADGATE_HOME, else ~/.headgate)"
    )
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a setting of the README; may be repeated"
    )
    parser.add_argument("--user", metavar="NAME", default="", help="who asks")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--version", action=ShowVersion, nargs=0, help="print the version and exit")


class ShowVersion(argparse.Action):
    """Finds the version only when asked: importlib.metadata costs 40 ms."""

    def __call__(self, *_arguments: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"headgate {version('headgate')}")
        except PackageNotFoundError:
            print("headgate, run from a checkout")
        raise SystemExit(0)


def settings_options(pairs: Sequence[str]) -> dict[str, object]:
    """Return the settings of ``--set NAME=VALUE``.

    Raises: UsageError when there is no ``=``.
    """
    found: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair} has no value", hint="write --set NAME=VALUE")
        found[name.strip()] = value.strip()
    return found
