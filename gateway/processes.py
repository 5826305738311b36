"""Tells whether the process that wrote something down is still there, also after its id was given to another."""

import functools
import os
from pathlib import Path


def identity(pid: int | None = None) -> str:
    """Return ``host pid start`` of this process, or of another one on this machine.

    Shape: no spaces but the two. ``start`` is empty where the system does not tell it.
    """
    pid = os.getpid() if pid is None else pid
    return f"{_host()} {pid} {_stat(pid)[1]}"


def is_gone(written: str) -> bool:
    """Return True when the process of that ``identity`` surely ended; False in doubt.

    A process of another machine is always in doubt: the home may be on a shared disk.
    """
    host, pid, start = written.split(" ")
    if host != _host() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # someone else's, so it lives
        pass
    state, now_start = _stat(int(pid))
    return state in _ENDED or bool(start and now_start and now_start != start)


_ENDED = ("Z", "X")
"""A process that ended and whose parent has not asked how."""


@functools.cache
def _host() -> str:
    """Return the machine's name and, for containers that share one, their process namespace."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return f"{os.uname().nodename}/{namespace}".replace(" ", "_") if os.name == "posix" else "windows"


def _stat(pid: int) -> tuple[str, str]:
    """Return state and start time in ticks since boot, empty where unknown. Source: proc(5), /proc/pid/stat."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]
