"""``\\q``: leave the shell."""

from repl.session import ReplSession, Reply


def run(_session: ReplSession, _argument: str) -> Reply:
    """Ask the loop to end."""
    return Reply(quit=True)
