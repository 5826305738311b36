"""What a query may not call: functions that reach files, the network or processes, and FROM items that are not tables.

Scalar functions are Spark's own, so the few that reach outside are named; table functions are an allow-list.
"""

from collections.abc import Mapping

FUNCTIONS: Mapping[str, str] = {
    **dict.fromkeys(("reflect", "java_method", "try_reflect"), "it would run code of the machine"),
    **dict.fromkeys(
        ("input_file_name", "input_file_block_start", "input_file_block_length"), "it tells paths of files"
    ),
    "identifier": "names must stand in the text",
}
"""Folded name → why a query may not call it."""

TABLE_FUNCTIONS: Mapping[str, tuple[str, ...] | None] = {
    "range": ("id",),
    "explode": None,
    "explode_outer": None,
    "posexplode": None,
    "posexplode_outer": None,
    "inline": None,
    "inline_outer": None,
    "stack": None,
    "json_tuple": None,
    "variant_explode": ("pos", "key", "value"),
    "variant_explode_outer": ("pos", "key", "value"),
}
"""Folded name → names of its columns, None where they hang on the arguments."""

FILE_FUNCTIONS = frozenset(
    (
        *("read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_json", "read_json_auto", "read_ndjson"),
        *(
            "read_text",
            "read_blob",
            "read_files",
            "read_xlsx",
            "read_kafka",
            "read_state",
            "glob",
            "csv",
            "json",
            "parquet",
        ),
        *(
            "sniff_csv",
            "parquet_metadata",
            "parquet_schema",
            "iceberg_scan",
            "delta_scan",
            "sqlite_scan",
            "postgres_scan",
        ),
        *("mysql_scan", "http_get", "http_post", "query", "query_table", "duckdb_settings", "duckdb_secrets", "getenv"),
    )
)
"""Table functions of either engine that reach outside."""

FILE_SCHEMAS = frozenset(
    ("parquet", "csv", "json", "orc", "avro", "text", "binaryfile", "delta", "iceberg", "jdbc", "xml")
)
"""Where Spark takes the last part of a name for a path."""
