"""The prompt loop. What a turn does is in `repl.session`; this only asks for the next one."""

from prompt_toolkit import PromptSession
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from catalog.errors import SqlError
from gateway.statements import split
from repl.exits import DONE
from repl.narration import error_text
from repl.session import ReplSession


def is_complete(text: str, dialect: str) -> bool:
    """Return True when Enter should run the text: a backslash command, or statements of which the last has ended."""
    if text.lstrip().startswith("\\") or not text.strip():
        return True
    found = split(text, dialect)
    return bool(found) and found[-1].terminated


def converse(conversation: ReplSession) -> int:
    """Ask, answer, and ask again until the user leaves; return the exit code."""
    prompt = _prompt(conversation)
    conversation.terminal.say("headgate; \\? lists commands, \\q leaves")
    while True:
        try:
            text = prompt.prompt(_question(conversation))
        except KeyboardInterrupt:  # gives up the line, not the shell
            continue
        except EOFError:
            return DONE
        if text.strip() and _turn(conversation, text):
            return DONE


def _turn(conversation: ReplSession, text: str) -> bool:
    """Run what was typed; return True when the user wants to leave."""
    try:
        return conversation.turn(text).quit
    except SqlError as error:
        conversation.terminal.complain(error_text(error))
    except KeyboardInterrupt:
        conversation.terminal.complain("canceled")
    return False


def _question(conversation: ReplSession) -> str:
    return f"{conversation.session.namespace.schema}> "


def _prompt(conversation: ReplSession) -> PromptSession[str]:
    bindings = KeyBindings()

    @bindings.add("enter", filter=Condition(lambda: is_complete(_typed(prompt), conversation.session.dialect)))
    def _accept(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(conversation.gateway.home.root / "shell_history")),
        multiline=True,
        key_bindings=bindings,
        prompt_continuation=lambda width, _line, _wrapped: " " * (width - 2) + "> ",
    )
    return prompt


def _typed(prompt: PromptSession[str]) -> str:
    document: Document = prompt.default_buffer.document
    return document.text
