import os
import signal
import threading

import pytest

from gateway.errors import QueryCanceledError
from repl.running import interruptible, terminating_as_interrupt


def test_the_answer_and_the_error_of_the_work_come_through() -> None:
    def fail() -> None:
        raise ValueError("no")

    assert interruptible(lambda: 42, cancel=lambda: None) == 42
    with pytest.raises(ValueError, match="no"):
        interruptible(fail, cancel=lambda: None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_work_and_waits_for_its_end(number: signal.Signals) -> None:
    canceled = threading.Event()
    ended: list[str] = []

    def work() -> None:
        os.kill(os.getpid(), number)
        canceled.wait()
        ended.append("work")
        raise QueryCanceledError("canceled")

    with pytest.raises(KeyboardInterrupt), terminating_as_interrupt():
        interruptible(work, cancel=canceled.set)

    assert ended == ["work"]


def test_ticks_come_while_the_work_lasts() -> None:
    enough = threading.Event()
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 2:
            enough.set()

    interruptible(enough.wait, cancel=lambda: None, tick=tick)

    assert len(ticks) == 2


def test_the_old_handler_of_sigterm_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with terminating_as_interrupt():
        assert signal.getsignal(signal.SIGTERM) is not before

    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    seen: list[bool] = []

    def elsewhere() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with terminating_as_interrupt():
            seen.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()

    assert seen == [True]
