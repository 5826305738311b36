"""The prompt loop, typed into through a pipe. What a turn does is in test_session."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from catalog.errors import SqlError
from catalog.identifiers import Namespace
from gateway.session import Session
from repl.session import Reply
from repl.shell import converse, is_complete
from repl.terminal import Terminal


@dataclass
class FakeConversation:
    """Keeps what was typed; ``raises`` says what becomes of a turn."""

    home: Path
    raises: dict[str, BaseException] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.turns: list[str] = []
        self.said = io.StringIO()
        self.terminal = Terminal(io.BytesIO(), io.BytesIO(), self.said)
        self.session = Session(Namespace("lake", "default"))
        self.gateway = SimpleNamespace(home=SimpleNamespace(root=self.home))

    def turn(self, text: str) -> Reply:
        self.turns.append(text)
        if text in self.raises:
            raise self.raises[text]
        return Reply(quit=text == "\\q")


def typed(conversation: FakeConversation, keys: str) -> int:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        return converse(conversation)  # type: ignore[arg-type]


def test_a_statement_may_take_several_lines_and_ends_with_a_semicolon(tmp_path: Path) -> None:
    conversation = FakeConversation(tmp_path)

    assert typed(conversation, "select\r1;\r\\q\r") == 0
    assert conversation.turns == ["select\n1;", "\\q"]


def test_control_d_leaves(tmp_path: Path) -> None:
    conversation = FakeConversation(tmp_path)

    assert typed(conversation, "\x04") == 0
    assert conversation.turns == []


def test_control_c_gives_up_the_line_and_not_the_shell(tmp_path: Path) -> None:
    conversation = FakeConversation(tmp_path)
    typed(conversation, "select oops\x03select 2;\r\x04")

    assert conversation.turns == ["select 2;"]


def test_an_error_and_a_canceled_query_leave_the_shell_open(tmp_path: Path) -> None:
    raises: dict[str, BaseException] = {"\\z": SqlError("no such command"), "select 1;": KeyboardInterrupt()}
    conversation = FakeConversation(tmp_path, raises)
    typed(conversation, "\\z\rselect 1;\rselect 2;\r\x04")

    assert conversation.turns == ["\\z", "select 1;", "select 2;"]
    assert "error: no such command\n" in conversation.said.getvalue()
    assert "canceled\n" in conversation.said.getvalue()


def test_what_was_typed_is_remembered_in_the_home(tmp_path: Path) -> None:
    typed(FakeConversation(tmp_path), "select 'remember';\r\x04")

    assert "select 'remember';" in (tmp_path / "shell_history").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", True),
        ("select 1", False),
        ("select 1;", True),
        ("select 1; -- done", True),
        ("select 1; select", False),
        ("select ';", False),
        ("\\q", True),
        ("-- only a comment", False),
    ],
)
def test_enter_runs_what_is_complete(text: str, complete: bool) -> None:
    assert is_complete(text, "spark") is complete
