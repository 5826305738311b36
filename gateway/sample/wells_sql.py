"""The wells sample in DuckDB's SQL. ``hash`` of a row's number and a salt is its only source of chance."""

from gateway.sample.wells_names import FORMATIONS, OPERATORS, STATES, TOWNS

ROWS_PER_WELL = 50
"""Fewer than the mean history of a well, so that there is production enough for any number of rows."""
LAST_MONTH = "DATE '2024-12-01'"


def views(rows: int, seed: int) -> dict[str, str]:
    """Return the queries that the files are made of, by name, in the order in which they need each other."""
    wells = rows // ROWS_PER_WELL + 20
    return {
        "hg_states": _values(STATES, "state, code, share, lat, lon, counties"),
        "hg_operators": _operators(max(40, min(2000, wells // 40)), seed),
        "hg_wells": _wells(wells, seed),
    }


def files(rows: int, seed: int) -> dict[str, str]:
    """Return the query of each file."""
    return {
        "operators.csv": "SELECT * EXCLUDE (n) FROM hg_operators ORDER BY n",
        "wells.csv": _WELLS_FILE,
        "production.csv": _production(rows, seed),
    }


def _chance(seed: int, salt: int, row: str = "n") -> str:
    """Return an expression that is evenly spread over [0, 1), the same for the same row, seed and salt."""
    return f"((hash({row}, {seed}, {salt}) % 1000003) / 1000003.0::DOUBLE)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _list(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"


def _values(rows: tuple[tuple[object, ...], ...], columns: str) -> str:
    def cell(value: object) -> str:
        return _list(value) if isinstance(value, tuple) else _text(value) if isinstance(value, str) else str(value)

    listed = ", ".join(f"({', '.join(map(cell, row))})" for row in rows)
    return f"SELECT *, sum(share) OVER (ORDER BY state) - share AS share_from FROM (VALUES {listed}) AS s({columns})"


def _pick(values: str, chance: str) -> str:
    return f"({values})[1 + floor({chance} * len({values}))::INTEGER]"


def _operators(count: int, seed: int) -> str:
    names, towns = _list(OPERATORS), _list(TOWNS)
    town = _pick(towns, _chance(seed, 3))
    return f"""
        SELECT n, 100000 + n * 7 AS "OPERATOR_NO",
               {names}[1 + n % {len(OPERATORS)}]
                   || CASE WHEN n >= {len(OPERATORS)} THEN ' ' || (n // {len(OPERATORS)} + 1) ELSE '' END
                   AS "OPERATOR_NAME",
               (1 + hash(n, {seed}, 2) % 9800) || ' Main St, Ste ' || (hash(n, {seed}, 4) % 400) AS "ADDRESS",
               split_part({town}, '|', 1) AS "CITY", split_part({town}, '|', 2) AS "STATE",
               lpad((hash(n, {seed}, 5) % 99950)::VARCHAR, 5, '0') AS "ZIP",
               CASE WHEN {_chance(seed, 6)} > 0.1
                    THEN round(25000 + 475000 * pow({_chance(seed, 7)}, 3), 2)::DECIMAL(12, 2) END AS "BOND_AMOUNT",
               strftime(DATE '1975-01-01' + (17000 * {_chance(seed, 8)})::INTEGER, '%m/%d/%Y') AS "REGISTERED_ON",
               CASE WHEN {_chance(seed, 9)} > 0.15 THEN 'Y' ELSE 'N' END AS "ACTIVE_FLAG"
        FROM range({count}) AS r(n)
    """


def _wells(count: int, seed: int) -> str:
    # A tenth of the operators have most of the wells, half of the wells belong to two states, and new ones are many.
    return f"""
        SELECT n, state, code, {_pick("counties", _chance(seed, 13))} AS county,
               CASE WHEN {_chance(seed, 14)} < 0.97 THEN lat + 3.0 * {_chance(seed, 15)} END AS latitude,
               CASE WHEN {_chance(seed, 14)} < 0.97 THEN lon + 4.0 * {_chance(seed, 16)} END AS longitude,
               {_pick(_list(FORMATIONS), f"pow({_chance(seed, 17)}, 2)")} AS formation,
               floor((SELECT count(*) FROM hg_operators) * pow({_chance(seed, 18)}, 3))::BIGINT AS operator,
               DATE '1998-01-05' + (9600 * sqrt({_chance(seed, 19)}))::INTEGER AS spud,
               {_chance(seed, 20)} AS gassy, {_chance(seed, 21)} AS luck, {_chance(seed, 22)} AS age,
               {_chance(seed, 23)} AS doubt, {_chance(seed, 24)} AS depth
        FROM (SELECT n, (SELECT sum(share) FROM hg_states) * {_chance(seed, 11)} AS place FROM range({count}) AS r(n))
        JOIN hg_states ON place >= share_from AND place < share_from + share
        ORDER BY n
    """


_API = "code || '-' || lpad((1 + n % 499)::VARCHAR, 3, '0') || '-' || lpad(n::VARCHAR, 6, '0')"
_HORIZONTAL = "(spud > DATE '2008-01-01' AND luck > 0.25)"
_FIRST_MONTH = "(date_trunc('month', spud) + INTERVAL 3 MONTH)::DATE"
_POSSIBLE = f"greatest(1, date_diff('month', {_FIRST_MONTH}, {LAST_MONTH}) + 1)"
_MONTHS = f"least(12 + floor(160 * pow(age, 1.6))::INTEGER, {_POSSIBLE})"
_WELLS_FILE = f"""
    SELECT {_API} AS "API_WELL_NO",
           upper(county) || CASE n % 4 WHEN 0 THEN ' "A"' WHEN 1 THEN ' STATE' WHEN 2 THEN ', UNIT ' || n % 90
               ELSE ' O''BRIEN' END || ' #' || (1 + n % 38) || CASE WHEN {_HORIZONTAL} THEN 'H' ELSE '' END
               AS "WELL_NAME",
           100000 + operator * 7 AS "OPERATOR_NO", state AS "STATE", county AS "COUNTY",
           upper(formation) || ' ' || ['NORTH', 'SOUTH', 'DEEP', '(CONSOLIDATED)'][1 + n % 4] AS "FIELD_NAME",
           CASE WHEN doubt > 0.04 THEN formation END AS "FORMATION",
           CASE WHEN age > 0.6 THEN 'Producing' WHEN age > 0.3 THEN 'Shut-In' WHEN age > 0.05 THEN 'P&A'
               ELSE 'Drilled, uncompleted' END AS "STATUS",
           CASE WHEN gassy > 0.6 THEN 'GAS' ELSE 'OIL' END AS "WELL_TYPE",
           CASE WHEN {_HORIZONTAL} THEN 'true' ELSE 'false' END AS "HORIZONTAL",
           CASE WHEN doubt < 0.98 THEN strftime(spud, '%m/%d/%Y') END AS "SPUD_DATE",
           CASE WHEN age > 0.05 THEN spud + 30 + (60 * luck)::INTEGER END AS "COMPLETION_DATE",
           round(latitude, 6) AS "LATITUDE", round(longitude, 6) AS "LONGITUDE",
           CASE WHEN doubt > 0.02 THEN (3200 + 9500 * depth)::INTEGER END AS "TOTAL_DEPTH_FT",
           CASE WHEN {_HORIZONTAL} THEN (3800 + 6400 * luck)::INTEGER END AS "LATERAL_LENGTH_FT",
           CASE WHEN doubt > 0.12 THEN (120000 + 6900000 * depth * luck)::DECIMAL(12, 2) END AS "LEASE_COST_USD",
           CASE WHEN n % 97 = 0 THEN 'Plugged 5" casing;' || chr(10) || 'see file, p. ' || n % 12
               WHEN n % 31 = 0 THEN 'Operator says "no change"' END AS "REMARKS"
    FROM hg_wells ORDER BY n
"""


def _production(rows: int, seed: int) -> str:
    """One row per well and month, and a second one where the first was corrected."""
    row = "n * 1000 + t"
    decline = "pow(1 + 0.9 * (0.04 + 0.12 * luck) * t, -1.11)"
    season = "(1 + 0.09 * sin(0.5236 * (month(prod_month) - 2)))"
    noise = f"(0.75 + 0.5 * {_chance(seed, 31, row)})"
    shut = f"({_chance(seed, 32, row)} < 0.025)"
    first_rate = f"(400 + 14000 * pow(luck, 3) * CASE WHEN {_HORIZONTAL} THEN 1 ELSE 0.12 END)"
    return f"""
        SELECT {_API} AS "API_WELL_NO", prod_month AS "PROD_MONTH",
               CASE WHEN gassy > 0.92 OR {_chance(seed, 33, row)} < 0.004 THEN NULL WHEN shut THEN 0
                   ELSE floor(flow * (1 - gassy) * fix)::INTEGER END AS "OIL_BBL",
               CASE WHEN {_chance(seed, 34, row)} < 0.004 THEN NULL WHEN shut THEN 0
                   ELSE floor(flow * (0.4 + 7 * gassy) * fix)::INTEGER END AS "GAS_MCF",
               CASE WHEN {_chance(seed, 35, row)} < 0.06 THEN NULL WHEN shut THEN 0
                   ELSE round(flow * (0.3 + 0.01 * t) * fix, 1) END AS "WATER_BBL",
               CASE WHEN shut THEN 0 ELSE greatest(1, day(last_day(prod_month))
                   - floor(9 * pow({_chance(seed, 36, row)}, 5))::INTEGER) END AS "DAYS_ON",
               CASE WHEN report = 1 THEN 'R' ELSE 'O' END AS "REPORT_TYPE",
               strftime(prod_month + 40 + report * 75 + (20 * {_chance(seed, 37, row)})::INTEGER, '%m/%d/%Y')
                   AS "FILED_ON"
        FROM (
            SELECT *, {shut} AS shut, {first_rate} * {decline} * {season} * {noise} AS flow,
                   unnest(CASE WHEN {_chance(seed, 38, row)} < 0.012 THEN [0, 1] ELSE [0] END) AS report,
                   CASE WHEN report = 1 THEN 0.8 + 0.4 * {_chance(seed, 39, row)} ELSE 1 END AS fix
            FROM (
                SELECT *, ({_FIRST_MONTH} + to_months(t::INTEGER))::DATE AS prod_month
                FROM (SELECT *, unnest(range({_MONTHS})) AS t FROM hg_wells)
            )
        )
        LIMIT {rows}
    """
