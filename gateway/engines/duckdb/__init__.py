"""DuckDB in this process. Importing the package loads no DuckDB; using ``DuckDBEngine`` does."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.engines.duckdb.engine import DuckDBEngine

__all__ = ["DuckDBEngine"]


def __getattr__(name: str) -> Any:
    if name != "DuckDBEngine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gateway.engines.duckdb.engine import DuckDBEngine

    return DuckDBEngine
