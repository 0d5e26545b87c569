-- Question: which customers use energy alike over the day and the week (用户细分)?
-- 问题:     哪些用户的用电方式相似（用户细分）？
-- Grain:    one row a customer that read in hours or shorter within within_days settled
--           days (28) before the session's day.
-- Units:    kWh, kW; shares and factors 0 to 1, hours of the settlement day.
-- Month:    consumption.
--
-- segment is the first that fits of the mean day: idle, nothing is used; continuous, its mean is at least
-- continuous_load_factor (85 %) of its highest hour; night, night_share (half) is used from 22 to 8; daytime,
-- day_share (60 %) is used from 8 to 18; evening, evening_share (40 %) is used from 17 to 23; else mixed. The
-- night is 10 hours of 24, the day 10, the evening 6, so that a level load is none of these. The numbers are
-- limits of this view.
-- Column:   customer_id | customer | 用户编号
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   industry_code | industry | 行业
-- Column:   region_code | region | 区域
-- Column:   day_count | days with reads | 有数天数
-- Column:   daily_kwh | mean of a day | 日均电量
-- Column:   peak_hour | highest hour of the mean day | 峰值小时
-- Column:   load_factor | mean over highest hour of the mean day | 平均日负荷率
-- Column:   night_share | from 22 to 8 | 夜间占比
-- Column:   day_share | from 8 to 18 | 白天占比
-- Column:   evening_share | from 17 to 23 | 傍晚占比
-- Column:   weekend_ratio | mean of Saturday and Sunday over that of other days | 周末比
-- Column:   segment | as said above | 细分
WITH terms AS (
    SELECT settlement_day(lake_time.as_of) AS today,
        CAST(max(limits.value) FILTER (WHERE limits.parameter = 'within_days') AS BIGINT) AS within_days,
        max(limits.value) FILTER (WHERE limits.parameter = 'continuous_load_factor') AS continuous_load_factor,
        max(limits.value) FILTER (WHERE limits.parameter = 'night_share') AS least_night_share,
        max(limits.value) FILTER (WHERE limits.parameter = 'day_share') AS least_day_share,
        max(limits.value) FILTER (WHERE limits.parameter = 'evening_share') AS least_evening_share
    FROM lake_time
    LEFT JOIN limits_by_day AS limits ON limits.view_name = 'market.load_segments'
        AND settlement_day(lake_time.as_of) >= limits.first_day AND settlement_day(lake_time.as_of) <= limits.last_day
    GROUP BY lake_time.as_of
), hours AS (
    SELECT meter_id, day,
        CAST((CAST(read_at AS BIGINT) - CAST(interval_min AS BIGINT) * 60000000 - CAST(day_start(day) AS BIGINT))
            / 3600000000 AS BIGINT) AS hour,
        sum(energy_kwh) AS energy_kwh
    FROM meter_reads
    CROSS JOIN terms
    WHERE channel = 'import' AND interval_min <= 60
        AND day < terms.today AND day >= terms.today - terms.within_days
    GROUP BY 1, 2, 3
), held AS (
    SELECT holder.customer_id, hours.day, hours.hour, sum(hours.energy_kwh) AS energy_kwh
    FROM hours
    JOIN meters_by_day AS holder ON holder.meter_id = hours.meter_id
        AND hours.day >= holder.first_day AND hours.day <= holder.last_day
    GROUP BY 1, 2, 3
), by_hour AS (
    SELECT customer_id, hour, sum(energy_kwh) AS energy_kwh, count(*) AS hour_count,
        CAST(sum(energy_kwh) / count(*) AS DECIMAL(18, 6)) AS mean_kwh
    FROM held GROUP BY customer_id, hour
), shape AS (
    SELECT customer_id, sum(mean_kwh) AS daily_kwh, max(mean_kwh) AS peak_kwh,
        first_value(hour ORDER BY mean_kwh DESC, hour) AS peak_hour, count(*) AS hour_count,
        coalesce(sum(mean_kwh) FILTER (WHERE hour >= 22 OR hour < 8), 0) AS night_kwh,
        coalesce(sum(mean_kwh) FILTER (WHERE hour >= 8 AND hour < 18), 0) AS day_kwh,
        coalesce(sum(mean_kwh) FILTER (WHERE hour >= 17 AND hour < 23), 0) AS evening_kwh
    FROM by_hour GROUP BY customer_id
), weeks AS (
    SELECT customer_id, count(DISTINCT day) AS day_count,
        sum(energy_kwh) FILTER (WHERE weekend) / nullif(count(DISTINCT day) FILTER (WHERE weekend), 0) AS weekend_kwh,
        sum(energy_kwh) FILTER (WHERE NOT weekend) / nullif(count(DISTINCT day) FILTER (WHERE NOT weekend), 0)
            AS weekday_kwh
    FROM (SELECT *, CAST(day - week_start(day) AS BIGINT) >= 5 AS weekend FROM held)
    GROUP BY customer_id
), told AS (
    SELECT shape.customer_id, weeks.day_count, shape.daily_kwh, shape.peak_hour,
        CAST(shape.daily_kwh / nullif(shape.hour_count * shape.peak_kwh, 0) AS DECIMAL(9, 6)) AS load_factor,
        CAST(shape.night_kwh / nullif(shape.daily_kwh, 0) AS DECIMAL(9, 6)) AS night_share,
        CAST(shape.day_kwh / nullif(shape.daily_kwh, 0) AS DECIMAL(9, 6)) AS day_share,
        CAST(shape.evening_kwh / nullif(shape.daily_kwh, 0) AS DECIMAL(9, 6)) AS evening_share,
        CAST(weeks.weekend_kwh / nullif(weeks.weekday_kwh, 0) AS DECIMAL(12, 6)) AS weekend_ratio
    FROM shape
    JOIN weeks ON weeks.customer_id = shape.customer_id
)
SELECT told.customer_id, customer.tariff_code, customer.industry_code, customer.region_code, told.day_count,
    CAST(told.daily_kwh AS DECIMAL(18, 4)) AS daily_kwh, told.peak_hour, told.load_factor,
    told.night_share, told.day_share, told.evening_share, told.weekend_ratio,
    CASE
        WHEN told.daily_kwh = 0 THEN 'idle'
        WHEN told.load_factor >= terms.continuous_load_factor THEN 'continuous'
        WHEN told.night_share >= terms.least_night_share THEN 'night'
        WHEN told.day_share >= terms.least_day_share THEN 'daytime'
        WHEN told.evening_share >= terms.least_evening_share THEN 'evening'
        ELSE 'mixed'
    END AS segment
FROM told
CROSS JOIN terms
LEFT JOIN customers_current AS customer ON customer.customer_id = told.customer_id
