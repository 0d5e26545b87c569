-- Question: what was the load of each class in each hour, and how warm was it?
-- 问题:     各类用户每小时负荷多少，当时气温多少？
-- Grain:    one row an axis, code and hour (its start, UTC) that has reads; axis all has the one code all.
--           Every axis adds up to the same.
-- Units:    load_kw is the mean power of the hour; °C.
-- Month:    consumption.
--
-- The temperature of a region is that of the weather cell of its code, of every other class the mean of
-- all cells. A NULL code is load whose customer or class is not known.
-- Column:   axis | all, voltage, tariff, usage, industry or region | 分类维度
-- Column:   code | class of the axis | 分类编码
-- Column:   hour | start of the hour, UTC | 小时
-- Column:   day | settlement day | 日期
-- Column:   load_kw | mean power | 负荷
-- Column:   load_share | of all load in the hour | 负荷占比
-- Column:   customer_count | meters that read | 表计数
-- Column:   temperature_c | observed, mean of the hour | 气温
WITH classed AS (
    SELECT hour, day, energy_kwh, customer_count,
        unnest(['all', 'voltage', 'tariff', 'usage', 'industry', 'region']) AS axis,
        unnest(['all', voltage_code, tariff_code, usage_code, industry_code, region_code]) AS code
    FROM consumption_hourly
), loads AS (
    SELECT axis, code, hour, day, sum(energy_kwh) AS load_kw, sum(customer_count) AS customer_count,
        sum(sum(energy_kwh)) OVER (PARTITION BY axis, hour) AS all_kw
    FROM classed
    GROUP BY axis, code, hour, day
), everywhere AS (
    SELECT hour, round(avg(temperature_c), 3) AS temperature_c FROM weather_hourly GROUP BY hour
)
SELECT loads.axis, loads.code, loads.hour, loads.day,
    CAST(loads.load_kw AS DECIMAL(28, 4)) AS load_kw,
    CAST(CASE WHEN loads.all_kw <> 0 THEN loads.load_kw / loads.all_kw END AS DECIMAL(9, 6)) AS load_share,
    CAST(loads.customer_count AS BIGINT) AS customer_count,
    CASE WHEN loads.axis = 'region' THEN coalesce(local.temperature_c, everywhere.temperature_c)
        ELSE everywhere.temperature_c END AS temperature_c
FROM loads
LEFT JOIN everywhere ON everywhere.hour = loads.hour
LEFT JOIN weather_hourly AS local ON loads.axis = 'region' AND local.cell = loads.code AND local.hour = loads.hour
