-- Question: what was the load in each hour of the week, beside the week before, and how warm was it?
-- Grain:    one row an hour (its start, UTC) of the week that has reads.
-- Units:    kW as the hour's mean, °C as the mean over cells.
-- Month:    consumption.
WITH weather AS (
    SELECT hour, round(avg(temperature_c), 3) AS temperature_c FROM weather_hourly GROUP BY hour
)
SELECT this.hour, this.day, this.load_kw, before.load_kw AS previous_load_kw, weather.temperature_c
FROM load_hourly AS this
LEFT JOIN (
    SELECT hour, load_kw FROM load_hourly
    WHERE day >= CAST($week_start AS DATE) - INTERVAL '7 days' AND day < CAST($week_start AS DATE)
) AS before ON before.hour = this.hour - INTERVAL '7 days'
LEFT JOIN weather ON weather.hour = this.hour
WHERE this.day >= CAST($week_start AS DATE) AND this.day <= CAST($week_end AS DATE)
ORDER BY this.hour
