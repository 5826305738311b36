"""What makes a process of `headgate` start and end sooner. Only for processes that are headgate's own."""

import atexit
import contextlib
import os
import sys
from typing import NoReturn


def import_arrow_alone() -> None:
    """Import pyarrow without what it brings along and few statements need.

    pyarrow imports pandas the first time it makes an array of Python values, 0.4 s even if nothing uses it. Told
    once that there is none it stops looking, but still finds it for ``to_pandas()``; only the missing values that
    are pandas' own would not be known in ``pa.array``. NumPy, which pyarrow always imports, starts a thread for each
    core unless told otherwise. Seen with pyarrow 26.0.1.
    """
    if "pyarrow" in sys.modules:
        return
    threads = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = threads or "1"
    try:
        import pyarrow as pa
    finally:
        if threads is None:
            del os.environ["OPENBLAS_NUM_THREADS"]
    if "pandas" not in sys.modules:
        hidden = _Hidden("pandas")
        sys.meta_path.insert(0, hidden)
        try:
            pa.array([0])  # for its effect: that there is no pandas is remembered
        finally:
            sys.meta_path.remove(hidden)


class _Hidden:
    """Makes the import of one package fail."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, _path: object, _target: object = None) -> None:
        if name == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def forget_stdout() -> None:
    """Let Python's last flush of a closed pipe go nowhere instead of complaining. Source: Python, "SIGPIPE"."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())


def leave(code: int) -> NoReturn:
    """End the process, without taking a thousand modules apart first: that costs a tenth of a second."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError, ValueError):
            stream.flush()
    os._exit(code)
