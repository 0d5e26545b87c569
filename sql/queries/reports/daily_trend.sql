-- Question: what was sold on each day of the week and the seven before it, a year before, and how warm was it?
-- Grain:    one row a settlement day, 56 days to $week_end.
-- Units:    kWh, currency (provisional), completeness as a share, °C as the mean over cells and
--           hours. A year ago is 364 days: the same weekdays; NULL where nothing was read.
-- Month:    consumption.
WITH sold AS (
    SELECT day, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue
    FROM sales_daily
    WHERE (day > CAST($week_end AS DATE) - INTERVAL '56 days' AND day <= CAST($week_end AS DATE))
        OR (day > CAST($week_end AS DATE) - INTERVAL '420 days'
            AND day <= CAST($week_end AS DATE) - INTERVAL '364 days')
    GROUP BY day
), weather AS (
    SELECT settlement_day(hour) AS day, round(avg(temperature_c), 3) AS temperature_c
    FROM weather_hourly GROUP BY 1
)
SELECT sold.day, CAST(sold.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sold.revenue AS DECIMAL(28, 2)) AS revenue,
    CAST(year_ago.energy_kwh AS DECIMAL(28, 4)) AS year_ago_energy_kwh,
    days.completeness, weather.temperature_c
FROM sold
LEFT JOIN sold AS year_ago ON year_ago.day = CAST(sold.day - INTERVAL '364 days' AS DATE)
LEFT JOIN (
    SELECT day, completeness FROM completeness_daily
    WHERE day > CAST($week_end AS DATE) - INTERVAL '56 days' AND day <= CAST($week_end AS DATE)
) AS days ON days.day = sold.day
LEFT JOIN weather ON weather.day = sold.day
WHERE sold.day > CAST($week_end AS DATE) - INTERVAL '56 days'
ORDER BY sold.day
