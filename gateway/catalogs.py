"""The catalogs of a gateway by name, each opened when first asked for."""

import threading
from collections.abc import Callable, Iterator, Mapping

from catalog.store import Catalog


class Catalogs(Mapping[str, Catalog]):
    """Names are known at once; a catalog's libraries are loaded with its first use. Thread safe."""

    def __init__(self, openers: Mapping[str, Callable[[], Catalog]]) -> None:
        self._openers = openers
        self._opened: dict[str, Catalog] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Catalog:
        opened = self._opened.get(name)
        if opened is not None:
            return opened
        opener = self._openers[name]
        with self._lock:
            if name not in self._opened:
                self._opened[name] = opener()
            return self._opened[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._openers)

    def __len__(self) -> int:
        return len(self._openers)

    def opened(self) -> Mapping[str, Catalog]:
        """Return those that are open; opens none."""
        return dict(self._opened)

    def change_tokens(self) -> dict[str, object | None]:
        """Return every open catalog's token."""
        return {name: catalog.change_token() for name, catalog in self._opened.items()}
