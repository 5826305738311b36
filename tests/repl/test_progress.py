import io

import pytest

from gateway.engines.base import Progress
from repl.progress import PATIENCE_SECONDS, ProgressLine, progress_text
from repl.terminal import Terminal


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (None, "4.2 s"),
        (Progress(None, "starting Spark"), "4.2 s  starting Spark"),
        (Progress(0.5), "[##########          ]  50%  4.2 s"),
        (Progress(1.2, "stage 2 of 5"), "[####################] 100%  4.2 s  stage 2 of 5"),
        (Progress(-0.1), "[                    ]   0%  4.2 s"),
    ],
)
def test_the_line_tells_fraction_time_and_detail(progress: Progress | None, text: str) -> None:
    assert progress_text(progress, 4.2) == text


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def screen(*, watched: bool, quiet: bool = False) -> tuple[Terminal, io.StringIO]:
    stream = io.StringIO()
    return Terminal(io.BytesIO(), io.BytesIO(), stream, stderr_is_terminal=watched, quiet=quiet), stream


def test_what_is_soon_done_shows_no_line() -> None:
    clock = Clock()
    terminal, stream = screen(watched=True)
    line = ProgressLine(terminal, clock=clock)
    clock.now = PATIENCE_SECONDS / 2
    line.tick()

    assert stream.getvalue() == ""


def test_the_line_is_wiped_before_anything_else_is_said() -> None:
    clock = Clock()
    terminal, stream = screen(watched=True)
    line = ProgressLine(terminal, clock=clock)
    line.watch(lambda elapsed: progress_text(Progress(None, "half"), elapsed))
    clock.now = 2.0
    line.tick()
    terminal.say("done")

    assert stream.getvalue() == "\r\x1b[K2.0 s  half\r\x1b[Kdone\n"


@pytest.mark.parametrize(("watched", "quiet"), [(False, False), (True, True)])
def test_no_line_where_nobody_watches(watched: bool, quiet: bool) -> None:
    clock = Clock()
    terminal, stream = screen(watched=watched, quiet=quiet)
    line = ProgressLine(terminal, clock=clock)
    clock.now = 60.0
    line.tick()
    terminal.status("")

    assert stream.getvalue() == ""
