-- Question: how much of what landed was measured, and how much estimated?
-- Grain:    one row a quality number. Reads count as they landed, every revision of them.
-- Units:    kWh.
-- Month:    consumption, 2026.
SELECT quality, count(*) AS read_count, sum(energy_kwh) AS energy_kwh
FROM raw.meter_reads
WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31'
GROUP BY quality
ORDER BY quality
