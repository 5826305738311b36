-- A small question: DuckDB answers in milliseconds.
SELECT STATE, count(*) AS wells, round(avg(TOTAL_DEPTH_FT)) AS mean_depth_ft
FROM wells
WHERE STATUS = 'Producing'
GROUP BY STATE
ORDER BY wells DESC
LIMIT 5;

-- Partitions and column bounds decide what is read: one year of production, not all of it.
SELECT month(PROD_MONTH) AS month, sum(OIL_BBL) AS oil_bbl, sum(GAS_MCF) AS gas_mcf
FROM production
WHERE PROD_MONTH >= DATE '2019-01-01' AND PROD_MONTH < DATE '2019-07-01'
GROUP BY month(PROD_MONTH)
ORDER BY month;

-- A large one: every well's months in order, over the whole table. Where would it run, and why?
EXPLAIN ROUTE
SELECT API_WELL_NO, PROD_MONTH, sum(OIL_BBL) OVER (PARTITION BY API_WELL_NO ORDER BY PROD_MONTH) AS oil_to_date
FROM production;

-- It is more than this demo lets DuckDB hold in memory and on disk, so Spark answers.
SELECT year(PROD_MONTH) AS year, count(*) AS wells_past_100k_bbl
FROM (
  SELECT API_WELL_NO, PROD_MONTH,
         sum(OIL_BBL) OVER (PARTITION BY API_WELL_NO ORDER BY PROD_MONTH) AS oil_to_date,
         sum(OIL_BBL) OVER (PARTITION BY API_WELL_NO ORDER BY PROD_MONTH) - OIL_BBL AS oil_before
  FROM production
)
WHERE oil_to_date >= 100000 AND oil_before < 100000
GROUP BY year(PROD_MONTH)
ORDER BY year DESC
LIMIT 5;

-- What DuckDB cannot answer exactly as Spark would goes to Spark whatever its size.
SELECT FORMATION, percentile_approx(LATERAL_LENGTH_FT, 0.5) AS median_lateral_ft
FROM wells
GROUP BY FORMATION
ORDER BY median_lateral_ft DESC
LIMIT 3;
