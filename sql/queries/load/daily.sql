-- Question: how high and how even was the load of each class on a day, and how warm was it?
-- 问题:     各类用户每日负荷多高、多均衡，气温如何？
-- Grain:    one row an axis, code and settlement day that has reads; axis all has the one code all.
-- Units:    kW, kWh, hours, °C; rates 0 to 1, NULL where there is no load.
-- Month:    consumption. Loads are those of whole hours; peak and valley are the first of equals.
--
-- hour_count below 24 tells of hours without any read: the valley may then lie in one of them.
-- Column:   axis | all, voltage, tariff, usage, industry or region | 分类维度
-- Column:   code | class of the axis | 分类编码
-- Column:   day | settlement day | 日期
-- Column:   hour_count | hours with reads | 有数小时数
-- Column:   energy_kwh | energy drawn | 电量
-- Column:   mean_kw | energy over hours | 平均负荷
-- Column:   peak_kw | highest hour | 最大负荷
-- Column:   peak_at | its start, UTC | 最大负荷时刻
-- Column:   valley_kw | lowest hour | 最小负荷
-- Column:   valley_at | its start, UTC | 最小负荷时刻
-- Column:   load_factor | mean over peak | 负荷率
-- Column:   peak_valley_kw | peak less valley | 峰谷差
-- Column:   peak_valley_rate | that over the peak | 峰谷差率
-- Column:   utilisation_h | energy over peak | 最大负荷利用小时
-- Column:   peak_temperature_c | observed in the peak hour | 最大负荷时气温
-- Column:   temperature_c | mean of the hours | 平均气温
-- Column:   max_temperature_c | highest hour | 最高气温
-- Column:   min_temperature_c | lowest hour | 最低气温
WITH days AS (
    SELECT axis, code, day, count(*) AS hour_count, sum(load_kw) AS energy_kwh,
        max(load_kw) AS peak_kw, first_value(hour ORDER BY load_kw DESC, hour) AS peak_at,
        min(load_kw) AS valley_kw, first_value(hour ORDER BY load_kw, hour) AS valley_at,
        first_value(temperature_c ORDER BY load_kw DESC, hour) AS peak_temperature_c,
        avg(temperature_c) AS temperature_c, max(temperature_c) AS max_temperature_c,
        min(temperature_c) AS min_temperature_c
    FROM load.hourly
    GROUP BY axis, code, day
)
SELECT axis, code, day, hour_count,
    CAST(energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(energy_kwh / hour_count AS DECIMAL(28, 4)) AS mean_kw,
    peak_kw, peak_at, valley_kw, valley_at,
    CAST(energy_kwh / nullif(hour_count * peak_kw, 0) AS DECIMAL(9, 6)) AS load_factor,
    CAST(peak_kw - valley_kw AS DECIMAL(28, 4)) AS peak_valley_kw,
    CAST((peak_kw - valley_kw) / nullif(peak_kw, 0) AS DECIMAL(9, 6)) AS peak_valley_rate,
    CAST(energy_kwh / nullif(peak_kw, 0) AS DECIMAL(12, 4)) AS utilisation_h,
    peak_temperature_c, round(temperature_c, 3) AS temperature_c, max_temperature_c, min_temperature_c
FROM days
