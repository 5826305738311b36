"""Backslash commands of the shell: names first, a module each, imported on use."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from repl.exits import UsageError

if TYPE_CHECKING:
    from repl.session import ReplSession, Reply


class Command(Protocol):
    """What a module of this package offers."""

    def run(self, session: "ReplSession", argument: str) -> "Reply":
        """Do it. Raises: SqlError; KeyboardInterrupt."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the registry."""

    module: str
    usage: str
    summary: str


COMMANDS: Mapping[str, Entry] = {
    "?": Entry("repl.commands.help", "\\?", "list the commands"),
    "x": Entry("repl.commands.expanded", "\\x", "show rows as records, or again as a table"),
    "q": Entry("repl.commands.quit", "\\q", "leave"),
}
"""The one place where a command is added."""
ALIASES: Mapping[str, str] = {"help": "?", "quit": "q"}


def run(session: "ReplSession", text: str) -> "Reply":
    """Run one backslash command as typed.

    Raises: UsageError when there is no such command; what the command raises.
    """
    name, _, argument = text.removeprefix("\\").rstrip(";").partition(" ")
    entry = COMMANDS.get(ALIASES.get(name, name))
    if entry is None:
        raise UsageError(f"there is no command \\{name}", hint="\\? lists them")
    return cast(Command, import_module(entry.module)).run(session, argument.strip())
