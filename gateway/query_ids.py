"""Query ids in Trino's form, ``20260131_235959_00042_ab2cd``, which its clients know how to show and sort.

Source: Trino, ``io.trino.execution.QueryIdGenerator``.
"""

import datetime
import os
import threading
from collections.abc import Callable

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Letters and digits that nobody mistakes for one another."""
MAX_COUNT = 99_999


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class QueryIds:
    """Makes ids that are unique among all processes and sort by time within one. Thread safe."""

    def __init__(self, clock: Callable[[], datetime.datetime] = _now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._day = ""
        self._count = 0
        self._process = _process_part()

    def next(self) -> str:
        """Return a new id: UTC second, count of the day, and what tells this process from others."""
        with self._lock:
            day, second = self._clock().strftime("%Y%m%d %H%M%S").split()
            if self._count > MAX_COUNT:
                # A second count from 0 could meet an id of the same second, so the process takes a new name.
                self._process = _process_part()
                self._count = 0
            elif day > self._day:  # a clock that went back must not bring back old counts
                self._day, self._count = day, 0
            count, self._count = self._count, self._count + 1
            return f"{day}_{second}_{count:05d}_{self._process}"


def _process_part() -> str:
    # Not `secrets`: its imports cost 5 ms at start-up. The alphabet has 32 letters, so no letter is favoured.
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in os.urandom(5))
