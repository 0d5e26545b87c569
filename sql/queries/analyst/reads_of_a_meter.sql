-- Question: what did meter M3 read, day by day?
-- Grain:    one row a settlement day; of each read the newest revision.
-- Units:    kWh.
-- Month:    consumption, 2026.
SELECT day, count(*) AS read_count, sum(energy_kwh) AS energy_kwh
FROM meter_reads
WHERE meter_id = 'M3' AND channel = 'import' AND day >= DATE '2026-01-01' AND day <= DATE '2026-12-31'
GROUP BY day
ORDER BY day
