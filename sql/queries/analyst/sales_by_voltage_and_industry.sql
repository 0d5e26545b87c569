-- Question: what did each industry draw at each voltage level in the year?
-- Grain:    one row a voltage level and industry.
-- Units:    kWh; revenue in currency.
-- Month:    consumption, 2026; revenue is provisional, see sales_daily.
SELECT voltage_code, industry_code, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue
FROM consumption_daily
WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31'
GROUP BY voltage_code, industry_code
ORDER BY voltage_code, industry_code
