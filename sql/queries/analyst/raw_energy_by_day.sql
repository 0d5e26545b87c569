-- Question: how many reads landed of each day, and what do they add up to?
-- Grain:    one row a settlement day. Reads count as they landed, every revision of them.
-- Units:    kWh.
-- Month:    consumption, 2026.
SELECT day, count(*) AS read_count, sum(energy_kwh) AS energy_kwh
FROM raw.meter_reads
WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31'
GROUP BY day
ORDER BY day
