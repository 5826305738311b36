"""Arrow without the half second that it spends on pandas."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Say that there is no pandas; None leaves every other module to the finders behind."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is kept out while Arrow starts", name=fullname)
        return None


def keep_pandas_out() -> None:
    """Let Arrow believe that pandas is not there, until something asks for a DataFrame.

    The first ``pa.array`` or ``pa.scalar`` of a process imports pandas where it is installed, only to ask
    whether its argument is one of pandas' (pyarrow 26, ``_PandasAPIShim``): 0.4 to 0.8 s that a shell command
    pays for nothing. ``to_pandas`` and ``from_pandas`` still import it. Called first thing in a process of our
    own; never in a user's, where ``pa.array(series)`` must know a Series.
    """
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
