"""Work that a person may interrupt: it runs in a thread, so that Ctrl-C is heard at once.

A library that is deep in C hears signals late or never; a waiting main thread hears them always.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
TICK_SECONDS = 0.1


def interruptible(work: Callable[[], T], *, cancel: Callable[[], None], tick: Callable[[], None] = lambda: None) -> T:
    """Return what ``work`` returns, or raise what it raises; ``tick`` is called while it lasts.

    On Ctrl-C ``cancel`` is called until the work ends, so that nothing of it is left running;
    a second Ctrl-C stops the waiting too.
    Raises: KeyboardInterrupt after Ctrl-C, however the work ended.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name="headgate-statement", daemon=True)
    try:
        thread.start()
        while not done.wait(TICK_SECONDS):
            tick()
    except BaseException:
        cancel()
        # The work may not have been far enough to be cancelled, or the thread may never have begun.
        while not done.wait(TICK_SECONDS) and thread.is_alive():
            cancel()
        raise
    if failure:
        raise failure[0]
    return outcome[0]


@contextmanager
def terminating_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
