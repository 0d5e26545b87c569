-- Question: which day of the year was the greatest, and what did each region draw on it?
-- Grain:    one row a region, of the one day.
-- Units:    kWh.
-- Month:    consumption, 2026.
WITH daily AS (
    SELECT day, region_code, sum(energy_kwh) AS energy_kwh
    FROM consumption_daily
    WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31'
    GROUP BY day, region_code
), peak AS (
    SELECT day, sum(energy_kwh) AS all_energy_kwh
    FROM daily
    GROUP BY day
    ORDER BY all_energy_kwh DESC, day
    LIMIT 1
)
SELECT daily.day, daily.region_code, daily.energy_kwh
FROM daily
JOIN peak ON peak.day = daily.day
ORDER BY daily.region_code
