-- Question: what was sold in November to each tariff class?
-- Grain:    one row a tariff class.
-- Units:    kWh; revenue in currency.
-- Month:    consumption, November 2026; revenue is provisional, see sales_daily.
SELECT tariff_code, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue
FROM consumption_daily
WHERE day >= DATE '2026-11-01' AND day <= DATE '2026-11-30'
GROUP BY tariff_code
ORDER BY tariff_code
