"""The engines, by name; each is imported on use."""

from collections.abc import Mapping

ENGINES: Mapping[str, str] = {
    "duckdb": "gateway.engines.duckdb:DuckDBEngine",
    "spark": "gateway.engines.spark:SparkEngine",
}
