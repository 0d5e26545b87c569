-- Question: what was the weather in each hour, and what had been forecast for it?
-- 问题:     各小时天气如何，此前预报如何？
-- Grain:    one row a weather cell and hour (its start, UTC).
-- Units:    °C, %, m/s, W/m²; means over the hour. The forecast is the last one issued before the hour.
-- Month:    none.
-- Column:   cell | weather cell | 气象网格
-- Column:   hour | start of the hour, UTC | 小时起点
-- Column:   temperature_c | temperature, °C | 气温
-- Column:   humidity_pct | relative humidity, % | 相对湿度
-- Column:   wind_ms | wind, m/s | 风速
-- Column:   radiation_wm2 | radiation, W/m² | 辐照度
-- Column:   forecast_temperature_c | temperature forecast before the hour, °C | 预报气温
WITH rows AS (
    SELECT cell, kind, date_trunc('hour', valid_at) AS hour, issued_at,
        temperature_c, humidity_pct, wind_ms, radiation_wm2
    FROM weather
), observed AS (
    SELECT cell, hour, round(avg(temperature_c), 3) AS temperature_c, round(avg(humidity_pct), 3) AS humidity_pct,
        round(avg(wind_ms), 3) AS wind_ms, round(avg(radiation_wm2), 3) AS radiation_wm2
    FROM rows WHERE kind = 'obs' GROUP BY cell, hour
), issued AS (
    SELECT cell, hour, temperature_c,
        rank() OVER (PARTITION BY cell, hour ORDER BY issued_at DESC) AS age
    FROM rows WHERE kind = 'forecast' AND issued_at < hour
), forecast AS (
    SELECT cell, hour, round(avg(temperature_c), 3) AS temperature_c FROM issued WHERE age = 1 GROUP BY cell, hour
)
SELECT coalesce(observed.cell, forecast.cell) AS cell,
    coalesce(observed.hour, forecast.hour) AS hour,
    observed.temperature_c, observed.humidity_pct, observed.wind_ms, observed.radiation_wm2,
    forecast.temperature_c AS forecast_temperature_c
FROM observed
FULL JOIN forecast ON forecast.cell = observed.cell AND forecast.hour = observed.hour
