"""Numbers as a reader says them."""

import pytest

from gateway.units import human_bytes, human_duration, plural


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_499, "99.5 kB"), (123_456, "123 kB"), (4.1e6, "4.1 MB"),
     (999_999, "1.0 MB"), (1.2e9, "1.2 GB"), (5e15, "5000 TB")],
)  # fmt: skip
def test_bytes(size_bytes: float, expected: str) -> None:
    assert human_bytes(size_bytes) == expected


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [(None, "unknown"), (0.4, "0.4 ms"), (8, "8.0 ms"), (12.4, "12 ms"), (999.9, "1.0 s"), (61_000, "61.0 s"),
     (200_000, "3 min 20 s"), (8_000_000, "2 h 13 min")],
)  # fmt: skip
def test_durations(milliseconds: float | None, expected: str) -> None:
    assert human_duration(milliseconds) == expected


@pytest.mark.parametrize(("count", "expected"), [(0, "0 files"), (1, "1 file"), (12345, "12,345 files")])
def test_counts(count: int, expected: str) -> None:
    assert plural(count, "file") == expected
