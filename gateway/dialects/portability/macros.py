"""Macros that the DuckDB text relies on; the DuckDB engine runs them once on each new database.

Each stands for one rule of the reference that DuckDB has no function for. Names begin with ``hg_``, which no user's text can
reach: every function a user names goes through the portable set.
"""

_BLANK = r"[\x00-\x20]*"
_TRIM = r"regexp_replace({}, '^[\x00-\x20]+|[\x00-\x20]+$', '', 'g')"


_BEYOND = "CAST('headgate beyond: a decimal of more than 38 digits' AS HUGEINT)"
"""DuckDB's error() is volatile and keeps subqueries from being joined; a cast that fails is not."""


DUCKDB_MACROS: tuple[str, ...] = (
    # Arithmetic. DuckDB divides by zero with an error of its own under ieee_floating_point_ops=false.
    "hg_remainder(a, b) AS CASE WHEN b = -1 AND a IS NOT NULL THEN 0 ELSE a % b END",
    "hg_divide(a, b) AS CASE WHEN abs(a % b) >= abs(b) - abs(a % b)"
    " THEN a // b + CASE WHEN (a < 0) = (b < 0) THEN 1 ELSE -1 END ELSE a // b END",
    f"hg_raise(a, p) AS CASE WHEN abs(CAST(a AS DOUBLE)) * CAST(p AS DOUBLE) >= 8e37 THEN {_BEYOND} ELSE a * p END",
    "hg_product(a, b, p) AS CASE WHEN abs(CAST(a AS DOUBLE)) * abs(CAST(b AS DOUBLE)) >= 1.6e38"
    f" THEN {_BEYOND} ELSE hg_divide(a * b, p) END",
    # Numbers.
    "hg_double_to_bigint(x) AS CASE WHEN x = 9223372036854775808e0 THEN 9223372036854775807"
    " ELSE CAST(trunc(x) AS BIGINT) END",
    "hg_double_to_float(x) AS CASE WHEN isfinite(x) AND abs(x) >= 3.4028235677973366e38"
    " THEN CAST(CASE WHEN x > 0 THEN 'inf' ELSE '-inf' END AS FLOAT) ELSE CAST(x AS FLOAT) END",
    # Text to values: Spark trims control characters and blanks, and knows fewer spellings than DuckDB.
    rf"hg_text_to_bigint(s) AS CASE WHEN s IS NULL OR regexp_full_match(s, '{_BLANK}[+-]?[0-9]+{_BLANK}')"
    rf" THEN CAST({_TRIM.format('s')} AS BIGINT) ELSE CAST('cannot cast to a number: ' || s AS BIGINT) END",
    rf"hg_text_to_number(s) AS CASE WHEN s IS NULL OR"
    rf" regexp_full_match(s, '{_BLANK}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?{_BLANK}')"
    rf" THEN {_TRIM.format('s')} ELSE CAST(CAST('cannot cast to a number: ' || s AS BIGINT) AS VARCHAR) END",
    rf"hg_text_to_double(s) AS CASE"
    rf" WHEN s IS NULL OR regexp_full_match(s, '{_BLANK}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?{_BLANK}')"
    rf" THEN CAST(rtrim({_TRIM.format('s')}, 'dDfF') AS DOUBLE)"
    rf" WHEN regexp_full_match(s, '(?i){_BLANK}[+]?inf(inity)?{_BLANK}') THEN CAST('inf' AS DOUBLE)"
    rf" WHEN regexp_full_match(s, '(?i){_BLANK}-inf(inity)?{_BLANK}') THEN CAST('-inf' AS DOUBLE)"
    rf" WHEN regexp_full_match(s, '(?i){_BLANK}nan{_BLANK}') THEN CAST('nan' AS DOUBLE)"
    rf" ELSE CAST('cannot cast to double: ' || s AS DOUBLE) END",
    rf"hg_text_to_boolean(s) AS CASE WHEN s IS NULL THEN NULL"
    rf" WHEN regexp_full_match(s, '(?i){_BLANK}(t|true|y|yes|1){_BLANK}') THEN true"
    rf" WHEN regexp_full_match(s, '(?i){_BLANK}(f|false|n|no|0){_BLANK}') THEN false"
    rf" ELSE CAST('cannot cast to boolean: ' || s AS BOOLEAN) END",
    rf"hg_text_to_date(s) AS CASE WHEN s IS NULL THEN NULL"
    rf" WHEN regexp_full_match(s, '{_BLANK}[+]?[0-9]{{4,6}}(-[0-9]{{1,2}}(-[0-9]{{1,2}}([ T](.|\n)*)?)?)?{_BLANK}')"
    rf" THEN make_date(CAST(regexp_extract(s, '([0-9]+)', 1) AS INTEGER),"
    rf" CAST(coalesce(nullif(regexp_extract(s, '^{_BLANK}[+]?[0-9]+-([0-9]+)', 1), ''), '1') AS INTEGER),"
    rf" CAST(coalesce(nullif(regexp_extract(s, '^{_BLANK}[+]?[0-9]+-[0-9]+-([0-9]+)', 1), ''), '1') AS INTEGER))"
    rf" ELSE CAST('cannot cast to date: ' || s AS DATE) END",
    rf"hg_text_to_timestamp(s) AS CASE WHEN s IS NULL THEN NULL"
    rf" WHEN regexp_full_match(s, '{_BLANK}[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}{_BLANK}')"
    rf" THEN CAST(hg_text_to_date(s) AS TIMESTAMP)"
    rf" WHEN regexp_full_match(s, '{_BLANK}[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}[ T][0-9]{{1,2}}:[0-9]{{1,2}}(:[0-9]{{1,2}}(\.[0-9]{{1,6}})?)?{_BLANK}')"
    rf" THEN make_timestamp(CAST(regexp_extract(s, '([0-9]+)', 1) AS BIGINT),"
    rf" CAST(regexp_extract(s, '-([0-9]+)', 1) AS BIGINT), CAST(regexp_extract(s, '-[0-9]+-([0-9]+)', 1) AS BIGINT),"
    rf" CAST(regexp_extract(s, '[ T]([0-9]+):', 1) AS BIGINT), CAST(regexp_extract(s, ':([0-9]+)', 1) AS BIGINT), 0e0)"
    rf" + to_microseconds(CAST(rpad(coalesce(nullif(regexp_extract(s, '\.([0-9]+)', 1), ''), '0'), 6, '0') AS BIGINT))"
    rf" + CASE WHEN CAST(coalesce(nullif(regexp_extract(s, ':[0-9]+:([0-9]+)', 1), ''), '0') AS BIGINT) < 60"
    rf" THEN to_seconds(CAST(coalesce(nullif(regexp_extract(s, ':[0-9]+:([0-9]+)', 1), ''), '0') AS BIGINT))"
    rf" ELSE CAST('cannot cast to timestamp: ' || s AS INTERVAL) END"
    rf" ELSE CAST('cannot cast to timestamp: ' || s AS TIMESTAMP) END",
    # Values to text.
    "hg_year_text(y) AS CASE WHEN y > 9999 THEN '+' || CAST(y AS VARCHAR) WHEN y >= 0 THEN lpad(CAST(y AS VARCHAR), 4, '0')"
    " ELSE '-' || lpad(CAST(-y AS VARCHAR), 4, '0') END",
    "hg_date_text(d) AS CASE WHEN year(d) BETWEEN 1 AND 9999 THEN CAST(d AS VARCHAR)"
    " ELSE hg_year_text(year(d)) || strftime(d, '-%m-%d') END",
    "hg_timestamp_text(t) AS hg_date_text(CAST(t AS DATE)) || strftime(t, ' %H:%M:%S')"
    " || rtrim(rtrim(strftime(t, '.%f'), '0'), '.')",
)
"""Everything after CREATE OR REPLACE MACRO, in the order in which they build on each other."""
