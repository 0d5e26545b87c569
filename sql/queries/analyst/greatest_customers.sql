-- Question: who are the hundred greatest customers of the year?
-- Grain:    one row a customer.
-- Units:    kWh; revenue in currency.
-- Month:    consumption, 2026; revenue is provisional, see sales_daily.
SELECT customer_id, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue
FROM consumption_daily
WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31' AND customer_id <> ''
GROUP BY customer_id
ORDER BY energy_kwh DESC, customer_id
LIMIT 100
