"""What goes on, for a person who waits: one line that changes, and none for what is soon done."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.units import human_duration
from repl.terminal import Terminal

if TYPE_CHECKING:
    from gateway.engines.base import Progress

PATIENCE_SECONDS = 0.5
BAR_CELLS = 20


class ProgressLine:
    """The line for one piece of work."""

    def __init__(self, terminal: Terminal, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._clock = clock
        self._began = clock()
        self._describe: Callable[[float], str] = lambda elapsed: progress_text(None, elapsed)

    def watch(self, describe: Callable[[float], str]) -> None:
        """Show from now on what ``describe`` makes of the seconds gone by. May be called from any thread."""
        self._describe = describe

    def tick(self) -> None:
        """Bring the line up to date."""
        elapsed = self._clock() - self._began
        if elapsed >= PATIENCE_SECONDS:
            self._terminal.status(self._describe(elapsed))


def progress_text(progress: "Progress | None", elapsed_seconds: float) -> str:
    """Return ``[######              ]  30 %  4.2 s  stage 2 of 5``."""
    parts = [human_duration(elapsed_seconds * 1000)]
    if progress is not None and progress.fraction is not None:
        fraction = min(max(progress.fraction, 0.0), 1.0)
        filled = int(fraction * BAR_CELLS)
        parts.insert(0, f"[{'#' * filled}{' ' * (BAR_CELLS - filled)}] {fraction:4.0%}")
    if progress is not None and progress.detail:
        parts.append(progress.detail)
    return "  ".join(parts)
