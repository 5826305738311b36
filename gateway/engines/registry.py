"""The engines of one gateway, each made when first used, and what routing knows of them."""

import importlib
import threading
from typing import Any

from gateway import costs
from gateway.engines import ENGINES
from gateway.engines.base import Engine
from gateway.home import Home
from gateway.routing import EngineState
from gateway.settings import Settings


class Engines:
    """Thread safe."""

    def __init__(self, settings: Settings, home: Home) -> None:
        self._settings = settings
        self._home = home
        self._made: dict[str, Engine] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Engine:
        """Return the engine of that name."""
        made = self._made.get(name)
        if made is not None:
            return made
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def _make(self, name: str) -> Engine:
        module, _, class_name = ENGINES[name].partition(":")
        maker: Any = getattr(importlib.import_module(module), class_name)
        engine: Engine = maker(self._settings, self._home)
        return engine

    def states(self) -> list[EngineState]:
        """Return what routing needs of every engine. Starts nothing."""
        return [self._state(self.get(name)) for name in ENGINES]

    def _state(self, engine: Engine) -> EngineState:
        return EngineState(
            name=engine.name,
            capabilities=engine.capabilities,
            status=engine.status(),
            coefficients=costs.DEFAULTS[engine.name],
            temp_limit_bytes=self._temp_limit_bytes(engine.name),
        )

    def _temp_limit_bytes(self, name: str) -> int | None:
        return self._settings.duckdb.temp_limit_bytes or None if name == "duckdb" else None

    def warm(self) -> None:
        """Begin to start what is slow to start, in the background."""
        for name in ENGINES:
            self.get(name).warm()

    def close(self) -> None:
        """Release every engine that was made."""
        with self._lock:
            for engine in self._made.values():
                engine.close()
            self._made.clear()
