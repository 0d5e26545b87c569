-- Question: at what average price was each tariff class sold to, month by month?
-- Grain:    one row a month (its first day) and tariff class.
-- Units:    kWh; revenue in currency; average_price in currency per kWh.
-- Month:    consumption, 2026; revenue is provisional, see sales_daily.
SELECT month, tariff_code, priced_energy_kwh, revenue,
    CAST(CAST(revenue AS DECIMAL(34, 6)) / nullif(priced_energy_kwh, 0) AS DECIMAL(18, 6)) AS average_price
FROM (
    SELECT CAST(date_trunc('month', day) AS DATE) AS month, tariff_code,
        sum(priced_energy_kwh) AS priced_energy_kwh, sum(revenue) AS revenue
    FROM sales_daily
    WHERE day >= DATE '2026-01-01' AND day <= DATE '2026-12-31'
    GROUP BY CAST(date_trunc('month', day) AS DATE), tariff_code
)
ORDER BY month, tariff_code
