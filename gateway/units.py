"""Bytes, durations and counts in a reader's words."""


def human_bytes(size_bytes: float) -> str:
    """Return ``512 B``, ``4.1 MB``, ``1.2 GB``: powers of 1000, at most three digits."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 999.5 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def human_duration(milliseconds: float | None) -> str:
    """Return ``8 ms``, ``1.2 s``, ``3 min 20 s``."""
    if milliseconds is None:
        return "unknown"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms" if milliseconds >= 9.95 else f"{milliseconds:.1f} ms"
    seconds = milliseconds / 1000
    if seconds < 119.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def plural(count: int, noun: str) -> str:
    """Return ``1 file``, ``3 files``, ``12,345 files``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
