-- Question: what was sold on each day of the week and the four before it, and how warm was it?
-- Grain:    one row a settlement day, 35 days to $week_end.
-- Units:    kWh, currency (provisional), °C as the mean over cells and hours.
-- Month:    consumption.
WITH sold AS (
    SELECT day, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue
    FROM sales_daily
    WHERE day > CAST($week_end AS DATE) - INTERVAL '35 days' AND day <= CAST($week_end AS DATE)
    GROUP BY day
), weather AS (
    SELECT settlement_day(hour) AS day, round(avg(temperature_c), 3) AS temperature_c
    FROM weather_hourly GROUP BY 1
)
SELECT sold.day, CAST(sold.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sold.revenue AS DECIMAL(28, 2)) AS revenue, weather.temperature_c
FROM sold LEFT JOIN weather ON weather.day = sold.day
ORDER BY sold.day
