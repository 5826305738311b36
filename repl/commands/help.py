"""``\\?``: what can be typed."""

from repl.commands import COMMANDS
from repl.session import ReplSession, Reply


def help_text() -> str:
    """Return the commands and how statements end."""
    width = max(len(entry.usage) for entry in COMMANDS.values())
    lines = [f"  {entry.usage:{width}}  {entry.summary}" for entry in COMMANDS.values()]
    return "\n".join(["A statement ends with a semicolon and may take several lines.", *lines])


def run(session: ReplSession, _argument: str) -> Reply:
    """Print the help."""
    session.terminal.complain(help_text())
    return Reply()
