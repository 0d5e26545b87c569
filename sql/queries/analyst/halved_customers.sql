-- Question: whose use fell most within November, from its first half to its second, and who draws
--           half of it or less?
-- Grain:    one row a customer, at most a hundred: those that halved first, then the greatest falls.
-- Units:    kWh.
-- Month:    consumption, November 2026.
WITH halves AS (
    SELECT customer_id,
        sum(energy_kwh) FILTER (WHERE day <= DATE '2026-11-15') AS first_half_kwh,
        sum(energy_kwh) FILTER (WHERE day > DATE '2026-11-15') AS second_half_kwh
    FROM consumption_daily
    WHERE day >= DATE '2026-11-01' AND day <= DATE '2026-11-30' AND customer_id <> ''
    GROUP BY customer_id
)
SELECT customer_id, first_half_kwh, second_half_kwh, second_half_kwh * 2 <= first_half_kwh AS halved
FROM halves
WHERE second_half_kwh < first_half_kwh
ORDER BY halved DESC, first_half_kwh - second_half_kwh DESC, customer_id
LIMIT 100
