"""``\\x``: rows as records, every value whole."""

from repl.session import ReplSession, Reply


def run(session: ReplSession, _argument: str) -> Reply:
    """Change how rows are shown and say so."""
    session.terminal.say("rows are shown as records" if session.output.expand() else "rows are shown as a table")
    return Reply()
