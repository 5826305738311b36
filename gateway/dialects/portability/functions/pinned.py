"""Functions that stay with Spark, and why. What is neither here nor in the table is simply not known to be portable."""

import re

REASONS: tuple[tuple[str, str], ...] = (
    (
        r"(hll|kll|theta|tuple)_|count_min_sketch|approx_top_k|bitmap_(and|or|construct)_agg|bitmap_count",
        "sketch of Spark's own format",
    ),
    (
        r"approx_count_distinct|approx_percentile|percentile_approx|histogram_numeric",
        "an approximation whose answer is the engine's own",
    ),
    (
        r"(to|from|schema_of)_(json|csv|xml|avro|protobuf)|get_json_object|json_|xpath",
        "text formats are read and printed differently",
    ),
    (r".*variant", "DuckDB's variants are another type"),
    (r"(try_)?parse_json", "DuckDB's variants are another type"),
    (r"st_", "DuckDB's spatial types are another type"),
    (r"(try_)?aes_|hmac", "DuckDB has no such cipher"),
    (r"rand|randn|random|randstr|uniform|shuffle|uuid", "volatile: another answer each time"),
    (
        r"monotonically_increasing_id|spark_partition_id|input_file_|python_worker_logs|version",
        "tells about Spark itself",
    ),
    (r"java_method|reflect|try_reflect", "refused: calls into the JVM"),
    (r"(hash|xxhash64|crc32)\Z", "DuckDB computes another hash"),
    (
        r".*time(_|\Z)(from|to|trunc|diff)|(try_)?to_time\Z|make_time\Z|current_time\Z|localtime\Z|time\Z|time_\w+",
        "DuckDB's TIME is another type",
    ),
    (r"(try_)?make_(dt_|ym_)?interval", "intervals of mixed parts compare and print differently"),
    (
        r"(try_)?to_number|to_(var)?char|printf|format_string|sentences|soundex|conv\Z",
        "Java's text rules have no twin in DuckDB",
    ),
    (r"vector_", "sums of 32-bit floats depend on the order"),
    (r"mode\Z", "which of several most frequent values is given is open"),
    (r"skewness|kurtosis", "the formulas round differently"),
    (r"(session_)?window(_time)?\Z|time_bucket", "grouping by windows is rewritten by Spark's analyser"),
    (
        r"zip_with|map_zip_with|transform_(keys|values)|map_filter|map_concat|map_from|str_to_map|arrays_zip",
        "maps with a key twice are an error in Spark only",
    ),
    (r"current_(user|database|schema|catalog|path)|user|session_user", "answered by headgate before the query runs"),
    (r"(try_)?to_utc_timestamp|convert_timezone", "clock times that happen twice are read differently"),
    (r"assert_true|raise_error", "an error on purpose"),
)
_PATTERNS = tuple((re.compile(pattern), reason) for pattern, reason in REASONS)
UNKNOWN_REASON = "no rewrite with the same answer is known"


def reason(name: str) -> str:
    """Return why a function of Spark's stays there."""
    return next((why for pattern, why in _PATTERNS if pattern.match(name)), UNKNOWN_REASON)


VOLATILE = frozenset(
    [
        "rand",
        "randn",
        "random",
        "randstr",
        "uniform",
        "shuffle",
        "uuid",
        "monotonically_increasing_id",
        "spark_partition_id",
    ]
)
"""Functions that answer differently each time they are asked."""
