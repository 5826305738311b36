"""Batches encoded on several cores, their order kept, a bounded number of them in memory."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from typing import TypeVar

import pyarrow as pa

T = TypeVar("T")
R = TypeVar("R")

PIECE_BYTES = 16 * 1024**2
"""Arrow bytes that are encoded at once: text of them stays far below the 2 GB that a string array holds."""


PIECE_ROWS = 131_072


def pieces(batches: Iterator[pa.RecordBatch], piece_bytes: int = PIECE_BYTES) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of at most ``PIECE_ROWS`` and about ``piece_bytes``, none of them empty.

    A single row that is larger stays whole.
    """
    for batch in batches:
        yield from _halved(batch, piece_bytes)


def _halved(batch: pa.RecordBatch, piece_bytes: int) -> Iterator[pa.RecordBatch]:
    if batch.num_rows > 1 and (batch.nbytes > piece_bytes or batch.num_rows > PIECE_ROWS):
        middle = batch.num_rows // 2
        yield from _halved(batch.slice(0, middle), piece_bytes)
        yield from _halved(batch.slice(middle), piece_bytes)
    elif batch.num_rows:
        yield batch


@contextmanager
def closing(batches: Iterator[T]) -> Iterator[None]:
    """Close the iterator at the end if it can be closed: a generator over an engine's run, say."""
    try:
        yield
    finally:
        close = getattr(batches, "close", None)
        if close is not None:
            close()


def ordered(items: Iterator[T], work: Callable[[T], R], workers: int | None = None) -> Iterator[R]:
    """Yield ``work(item)`` for every item in order, worked on by threads while the next items are fetched.

    ``workers`` None takes the cores there are; 1 never works on two items at a time. Items are fetched in
    the caller's thread. The first item is worked on at once, so that a result of one batch costs no thread
    and a slow one shows its first rows. Closing it waits for what is under way.
    Raises: what ``items`` or ``work`` raises, after the results before it.
    """
    for item in items:
        yield work(item)
        break
    for item in items:
        count = workers or cores()
        with ThreadPoolExecutor(count, thread_name_prefix="headgate-encode") as pool:
            yield from _through(pool, item, items, work, ahead=count + 1)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _through(pool: ThreadPoolExecutor, first: T, rest: Iterator[T], work: Callable[[T], R], ahead: int) -> Iterator[R]:
    failures: list[Exception] = []
    waiting: deque[Future[R]] = deque()
    try:
        for item in chain((first,), _noting(rest, failures)):
            waiting.append(pool.submit(work, item))
            while waiting and (waiting[0].done() or len(waiting) >= ahead):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
    for failure in failures:
        raise failure


def _noting(items: Iterator[T], failures: list[Exception]) -> Iterator[T]:
    """Yield the items and end at a failure, which is kept until the results before it have left."""
    try:
        yield from items
    except Exception as error:
        failures.append(error)
