-- Question: what was sold in each region, week by week?
-- Grain:    one row a week (its Monday) and region.
-- Units:    kWh.
-- Month:    consumption, 2026.
SELECT CAST(date_trunc('week', day) AS DATE) AS week, region_code, sum(energy_kwh) AS energy_kwh
FROM consumption_daily
WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31'
GROUP BY CAST(date_trunc('week', day) AS DATE), region_code
ORDER BY week, region_code
