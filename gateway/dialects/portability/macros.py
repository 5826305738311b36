"""Macros that the DuckDB text relies on; the DuckDB engine runs them once on each new database.

Each stands for one rule of the reference that DuckDB has no function for. Names begin with ``hg_``, which no user's
text can
reach: every function a user names goes through the portable set.
"""

# ruff: noqa: E501  rows of a table read best on one line

_BLANK = r"[\x00-\x20]*"
_TRIM = r"regexp_replace({}, '^[\x00-\x20]+|[\x00-\x20]+$', '', 'g')"


_BEYOND = "CAST('headgate beyond: a decimal of more than 38 digits' AS HUGEINT)"
"""DuckDB's error() is volatile and keeps subqueries from being joined; a cast that fails is not."""


LOWER_DIFFERS = r"[\x{130}\x{3a3}]"
"""Letters whose lower case the engines see differently: İ grows, Σ ends words as ς."""
UPPER_DIFFERS = r"[\x{df}\x{149}\x{1f0}\x{390}\x{3b0}\x{587}\x{1e96}-\x{1e9a}\x{1f50}-\x{1ffc}\x{fb00}-\x{fb17}]"
"""Letters whose upper case has several letters."""

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
    # Text. Where case rules and graphemes part, Spark answers.
    "hg_ascii_only(s, x) AS CASE WHEN strlen(s) <> length(s)"
    " THEN CAST(CAST('headgate beyond: text outside ASCII' AS BIGINT) AS VARCHAR) ELSE x END",
    "hg_lower(s) AS CASE WHEN strlen(s) = length(s) THEN lower(s)"
    f" WHEN regexp_matches(s, '{LOWER_DIFFERS}') THEN CAST(CAST('headgate beyond: lower case' AS BIGINT) AS VARCHAR)"
    " ELSE lower(s) END",
    "hg_upper(s) AS CASE WHEN strlen(s) = length(s) THEN upper(s)"
    f" WHEN regexp_matches(s, '{UPPER_DIFFERS}') THEN CAST(CAST('headgate beyond: upper case' AS BIGINT) AS VARCHAR)"
    " ELSE upper(s) END",
    "hg_substring(s, p, l) AS CASE WHEN s IS NULL OR p IS NULL OR l IS NULL THEN NULL"
    " WHEN l <= 0 OR CASE WHEN p > 0 THEN p - 1 WHEN p < 0 THEN length(s) + p ELSE 0 END + CAST(l AS BIGINT) <= 0 THEN ''"
    " WHEN p < 0 AND length(s) + p < 0 THEN substring(s, 1, length(s) + p + CAST(l AS BIGINT))"
    " WHEN p < 0 THEN substring(s, length(s) + p + 1, l) WHEN p = 0 THEN substring(s, 1, l) ELSE substring(s, p, l) END",
    "hg_locate(x, s, p) AS CASE WHEN p IS NULL THEN 0 WHEN x IS NULL OR s IS NULL THEN NULL WHEN p < 1 THEN 0"
    " WHEN x = '' THEN 1"
    " WHEN strpos(substring(s, p), x) = 0 THEN 0 ELSE strpos(substring(s, p), x) + p - 1 END",
    # Numbers again.
    "hg_ratio(a, b) AS CASE WHEN b = 0 THEN CASE WHEN a = 0 OR isnan(a) THEN CAST('nan' AS DOUBLE)"
    " WHEN (a > 0) = NOT signbit(b) THEN CAST('inf' AS DOUBLE) ELSE CAST('-inf' AS DOUBLE) END ELSE a / b END",
    "hg_wrap(x, m) AS CASE WHEN ((x % m) + m) % m >= m // 2 THEN ((x % m) + m) % m - m ELSE ((x % m) + m) % m END",
    "hg_months(a, b) AS CASE WHEN day(a) = day(b) OR (last_day(a) = CAST(a AS DATE) AND last_day(b) = CAST(b AS DATE))"
    " THEN CAST((year(a) - year(b)) * 12 + month(a) - month(b) AS DOUBLE)"
    " ELSE CAST(round(((year(a) - year(b)) * 12 + month(a) - month(b) + ((day(a) - day(b)) * 86400"
    " + hour(a) * 3600 + minute(a) * 60 + second(a) - hour(b) * 3600 - minute(b) * 60 - second(b)) / 2678400e0) * 1e8)"
    " AS DOUBLE) / 1e8 END",
    "hg_whole(a, b) AS a // b",
    "hg_floor(a, b) AS CASE WHEN a % b < 0 THEN a // b - 1 ELSE a // b END",
    "hg_item(a, i) AS CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i < 0 OR i >= len(a)"
    " THEN a[CAST('headgate index: array' AS BIGINT)] ELSE a[i + 1] END",
    "hg_element(a, i) AS CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i = 0 OR abs(i) > len(a)"
    " THEN a[CAST('headgate index: array' AS BIGINT)] ELSE a[i] END",
    "hg_try_element(a, i) AS CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i = 0"
    " THEN a[CAST('headgate index: zero' AS BIGINT)] ELSE a[i] END",
    # Values to text.
    "hg_year_text(y) AS CASE WHEN y > 9999 THEN '+' || CAST(y AS VARCHAR) WHEN y >= 0 THEN lpad(CAST(y AS VARCHAR), 4, '0')"
    " ELSE '-' || lpad(CAST(-y AS VARCHAR), 4, '0') END",
    "hg_date_text(d) AS CASE WHEN year(d) BETWEEN 1 AND 9999 THEN CAST(d AS VARCHAR)"
    " ELSE hg_year_text(year(d)) || strftime(d, '-%m-%d') END",
    "hg_timestamp_text(t) AS hg_date_text(CAST(t AS DATE)) || strftime(t, ' %H:%M:%S')"
    " || rtrim(rtrim(strftime(t, '.%f'), '0'), '.')",
)
"""Everything after CREATE OR REPLACE MACRO, in the order in which they build on each other."""
