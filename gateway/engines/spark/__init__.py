"""Spark behind headgate, through Spark Connect and always out of process.

pyspark is imported by ``client``, ``relations``, ``types``, ``errors`` and ``writing`` only, and those by the first
query: starting a server, asking its status and knowing its capabilities need none of it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.engines.spark.engine import SparkEngine

__all__ = ["SparkEngine"]


def __getattr__(name: str) -> object:
    # The supervisor of the local server runs as a module of this package; it must stay small.
    if name == "SparkEngine":
        from gateway.engines.spark.engine import SparkEngine

        return SparkEngine
    raise AttributeError(name)
