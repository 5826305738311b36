"""``headgate``: from arguments to an exit code. What is done is in ``repl.subcommands``."""

import sys
from collections.abc import Sequence

from catalog.errors import SqlError
from repl.exits import DONE, FAILED, exit_code
from repl.narration import error_text
from repl.startup import forget_stdout, leave
from repl.terminal import Terminal, process_terminal


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; as the process's own entry, without ``argv``, end it."""
    code = run(sys.argv[1:] if argv is None else argv, process_terminal())
    return code if argv is not None else leave(code)


def run(argv: Sequence[str], terminal: Terminal) -> int:
    """Run a command line between the given streams and return its exit code; raises nothing but SystemExit."""
    from repl import arguments, running

    try:
        with running.terminating_as_interrupt():
            parsed = arguments.parse(argv)
            terminal.quiet = parsed.quiet
            return arguments.subcommand(parsed.subcommand).run(parsed, terminal)
    except SqlError as error:
        terminal.complain(error_text(error))
        return exit_code(error)
    except KeyboardInterrupt as error:
        terminal.status("")
        return exit_code(error)
    except BrokenPipeError:
        forget_stdout()
        return DONE
    except RecursionError:
        terminal.complain("error: the statement is nested too deeply")
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
