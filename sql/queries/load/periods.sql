-- Question: how high and how even was the load of each class in each month and year, and how long was its peak used?
-- 问题:     各类用户每月、每年负荷多高、多均衡，最大负荷利用多久？
-- Grain:    one row a period (month or year), its first day, axis and code that has reads; axis all has the one code all.
-- Units:    kW, kWh, hours, °C; rates 0 to 1, NULL where there is no load.
-- Month:    consumption. Loads are those of whole hours; a period under way counts as far as it has come.
--
-- load_factor is mean over peak of the period, mean_daily_load_factor the mean load of its days over the mean
-- of their peaks.
-- Column:   period | month or year | 周期
-- Column:   axis | all, voltage, tariff, usage, industry or region | 分类维度
-- Column:   code | class of the axis | 分类编码
-- Column:   first_day | of the period | 起始日
-- Column:   day_count | days with reads | 有数天数
-- Column:   energy_kwh | energy drawn | 电量
-- Column:   mean_kw | energy over hours with reads | 平均负荷
-- Column:   peak_kw | highest hour | 最大负荷
-- Column:   peak_at | its start, UTC | 最大负荷时刻
-- Column:   valley_kw | lowest hour | 最小负荷
-- Column:   valley_at | its start, UTC | 最小负荷时刻
-- Column:   load_factor | mean over peak | 负荷率
-- Column:   mean_daily_load_factor | mean of days over mean of daily peaks | 平均日负荷率
-- Column:   max_peak_valley_kw | greatest difference within a day | 最大日峰谷差
-- Column:   mean_peak_valley_kw | mean difference within a day | 平均日峰谷差
-- Column:   utilisation_h | energy over peak | 最大负荷利用小时
-- Column:   peak_temperature_c | observed in the peak hour | 最大负荷时气温
-- Column:   temperature_c | mean of the days | 平均气温
-- Column:   max_temperature_c | highest hour | 最高气温
-- Column:   min_temperature_c | lowest hour | 最低气温
WITH days AS (
    SELECT *, unnest(['month', 'year']) AS period,
        unnest([CAST(date_trunc('month', day) AS DATE), CAST(date_trunc('year', day) AS DATE)]) AS first_day
    FROM load.daily
), spans AS (
    SELECT period, first_day, axis, code, count(*) AS day_count, sum(hour_count) AS hour_count, sum(energy_kwh) AS energy_kwh,
        max(peak_kw) AS peak_kw, first_value(peak_at ORDER BY peak_kw DESC, peak_at) AS peak_at,
        min(valley_kw) AS valley_kw, first_value(valley_at ORDER BY valley_kw, valley_at) AS valley_at,
        sum(mean_kw) AS mean_sum_kw, sum(peak_kw) AS peak_sum_kw,
        max(peak_valley_kw) AS max_peak_valley_kw, sum(peak_valley_kw) AS peak_valley_sum_kw,
        first_value(peak_temperature_c ORDER BY peak_kw DESC, peak_at) AS peak_temperature_c,
        avg(temperature_c) AS temperature_c, max(max_temperature_c) AS max_temperature_c,
        min(min_temperature_c) AS min_temperature_c
    FROM days
    GROUP BY 1, 2, 3, 4
)
SELECT period, axis, code, first_day, day_count,
    CAST(energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(energy_kwh / hour_count AS DECIMAL(28, 4)) AS mean_kw,
    peak_kw, peak_at, valley_kw, valley_at,
    CAST(energy_kwh / nullif(hour_count * peak_kw, 0) AS DECIMAL(9, 6)) AS load_factor,
    CAST(mean_sum_kw / nullif(peak_sum_kw, 0) AS DECIMAL(9, 6)) AS mean_daily_load_factor,
    max_peak_valley_kw,
    CAST(peak_valley_sum_kw / day_count AS DECIMAL(28, 4)) AS mean_peak_valley_kw,
    CAST(energy_kwh / nullif(peak_kw, 0) AS DECIMAL(12, 4)) AS utilisation_h,
    peak_temperature_c, round(temperature_c, 3) AS temperature_c, max_temperature_c, min_temperature_c
FROM spans
