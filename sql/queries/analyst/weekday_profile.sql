-- Question: what does each tariff class draw on a Sunday, a Monday and so on?
-- Grain:    one row a tariff class and weekday, 0 Sunday to 6 Saturday.
-- Units:    kWh, the mean of the days.
-- Month:    consumption, 2026.
WITH daily AS (
    SELECT day, tariff_code, sum(energy_kwh) AS energy_kwh
    FROM consumption_daily
    WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31'
    GROUP BY day, tariff_code
)
SELECT tariff_code, CAST(date_part('dow', day) AS INT) AS weekday, count(*) AS day_count,
    CAST(sum(energy_kwh) / count(*) AS DECIMAL(28, 2)) AS mean_energy_kwh
FROM daily
GROUP BY tariff_code, CAST(date_part('dow', day) AS INT)
ORDER BY tariff_code, weekday
