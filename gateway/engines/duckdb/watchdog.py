"""Interrupts queries at their deadline, and again until they notice.

DuckDB forgets an interrupt that arrives before the query began (duckdb 2.0.0), so one is not enough.
"""

import heapq
import itertools
import threading
import time
from typing import Protocol

REPEAT_SECONDS = 0.02


class Watched(Protocol):
    """What the watchdog may bark at."""

    def expire(self) -> bool:
        """Interrupt if it still runs; True asks to be called again soon."""
        ...


class Alarm:
    """One call that is due; cancel it when the query is done."""

    def __init__(self, watchdog: "Watchdog", watched: Watched) -> None:
        self._watchdog = watchdog
        self.watched: Watched | None = watched

    def cancel(self) -> None:
        if self.watched is not None:
            self.watched = None
            self._watchdog.tidy()


class Watchdog:
    """One thread for all queries, started when first needed. Thread safe."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._due: list[tuple[float, int, Alarm]] = []
        self._order = itertools.count()
        self._canceled = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def watch(self, watched: Watched, at: float) -> Alarm:
        """Call ``watched.expire()`` at a time of ``time.monotonic()``, and on while it asks for it."""
        alarm = Alarm(self, watched)
        self._add(alarm, at)
        return alarm

    def tidy(self) -> None:
        """Forget cancelled alarms, most of the time none: deadlines far away would keep their queries alive."""
        with self._wake:
            self._canceled += 1
            if self._canceled > 32 and self._canceled > len(self._due) // 2:
                self._due = [entry for entry in self._due if entry[2].watched is not None]
                heapq.heapify(self._due)
                self._canceled = 0

    def close(self) -> None:
        """Stop the thread. Idempotent."""
        with self._wake:
            self._closed = True
            self._due.clear()
            self._wake.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _add(self, alarm: Alarm, at: float) -> None:
        with self._wake:
            if self._closed:
                return
            heapq.heappush(self._due, (at, next(self._order), alarm))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="headgate-duckdb-watchdog", daemon=True)
                self._thread.start()
            if self._due[0][2] is alarm:
                self._wake.notify()

    def _run(self) -> None:
        while (alarm := self._next()) is not None:
            watched = alarm.watched
            if watched is not None and watched.expire():
                self._add(alarm, time.monotonic() + REPEAT_SECONDS)

    def _next(self) -> Alarm | None:
        with self._wake:
            while not self._closed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._wake.wait(wait)
            return None
