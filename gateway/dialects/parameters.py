"""The values given for ``?`` and ``:name``."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.identifiers import fold
from gateway.dialects import substitution
from gateway.dialects.reader import Place
from gateway.errors import ParameterError


class Parameters:
    """Hands out the literal of each placeholder, in the order of the text, and knows when some are left over."""

    def __init__(self, values: Sequence[object] | Mapping[str, object]) -> None:
        named = isinstance(values, Mapping)
        self._named = {fold(str(key)): value for key, value in values.items()} if isinstance(values, Mapping) else {}
        self._listed: list[object] = [] if named else list(values)
        self._used: set[str] = set()
        self._positions: dict[int, int] = {}

    def number(self, offsets: Sequence[int]) -> None:
        """Give each ``?`` of the text, by its offset, its place in the list.

        Raises: ParameterError when there are more or fewer than values.
        """
        if len(offsets) != len(self._listed):
            raise ParameterError(f"the statement has {len(offsets)} parameters, {len(self._listed)} were given")
        self._positions = {offset: index for index, offset in enumerate(offsets)}

    def take(self, node: Any, place: Place) -> tuple[int, int, str]:
        """Return start, end (exclusive) and literal of a placeholder."""
        start = node.meta["start"]
        end = node.meta["end"] + 1
        name = node.name
        if not name or name == "?":
            return start, end, substitution.literal(self._listed[self._positions[start]])
        if fold(name) not in self._named:
            raise ParameterError(f"no value was given for :{name}", **place)
        self._used.add(fold(name))
        return start, end, substitution.literal(self._named[fold(name)])

    def check(self) -> None:
        """Raise ParameterError when a named value has no place in the statement."""
        unused = self._named.keys() - self._used
        if unused:
            raise ParameterError(f"the statement has no parameter :{min(unused)}")
