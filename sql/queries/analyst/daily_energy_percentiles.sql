-- Question: how much does a customer of each tariff class draw on a day: the tenth, the median, the
--           ninth tenth, and the hundredth part that draws most?
-- Grain:    one row a tariff class.
-- Units:    whole kWh of a customer's day: so many tenths of the days draw no more.
-- Month:    consumption, November 2026.
WITH days AS (
    SELECT tariff_code, CAST(ceil(energy_kwh) AS BIGINT) AS energy_kwh, count(*) AS day_count
    FROM consumption_daily
    WHERE day >= DATE '2026-11-01' AND day <= DATE '2026-11-30'
    GROUP BY tariff_code, CAST(ceil(energy_kwh) AS BIGINT)
), ranked AS (
    SELECT tariff_code, energy_kwh,
        sum(day_count) OVER (PARTITION BY tariff_code ORDER BY energy_kwh) AS up_to,
        sum(day_count) OVER (PARTITION BY tariff_code) AS all_days
    FROM days
)
SELECT tariff_code, CAST(max(all_days) AS BIGINT) AS day_count,
    min(CASE WHEN up_to * 10 >= all_days THEN energy_kwh END) AS p10_kwh,
    min(CASE WHEN up_to * 2 >= all_days THEN energy_kwh END) AS p50_kwh,
    min(CASE WHEN up_to * 10 >= all_days * 9 THEN energy_kwh END) AS p90_kwh,
    min(CASE WHEN up_to * 100 >= all_days * 99 THEN energy_kwh END) AS p99_kwh
FROM ranked
GROUP BY tariff_code
ORDER BY tariff_code
