-- Question: how high and how even was the load of each class in a year, and how long was its peak used?
-- 问题:     各类用户每年负荷多高、多均衡，最大负荷利用多久？
-- Grain:    one row an axis, code and year (its first day) that has reads; axis all has the one code all.
-- Units:    kW, kWh, hours, °C; rates 0 to 1, NULL where there is no load.
-- Month:    consumption. Loads are those of whole hours; a year under way counts as far as it has come.
--
-- load_factor is mean over peak of the year, mean_daily_load_factor the mean load of its days over the mean
-- of their peaks.
-- Column:   axis | all, voltage, tariff, usage, industry or region | 分类维度
-- Column:   code | class of the axis | 分类编码
-- Column:   year | its first day | 年份
-- Column:   day_count | days with reads | 有数天数
-- Column:   energy_kwh | energy drawn | 电量
-- Column:   mean_kw | energy over hours with reads | 平均负荷
-- Column:   peak_kw | highest hour | 最大负荷
-- Column:   peak_at | its start, UTC | 最大负荷时刻
-- Column:   valley_kw | lowest hour | 最小负荷
-- Column:   valley_at | its start, UTC | 最小负荷时刻
-- Column:   load_factor | mean over peak | 年负荷率
-- Column:   mean_daily_load_factor | mean of days over mean of daily peaks | 平均日负荷率
-- Column:   max_peak_valley_kw | greatest difference within a day | 最大日峰谷差
-- Column:   mean_peak_valley_kw | mean difference within a day | 平均日峰谷差
-- Column:   utilisation_h | energy over peak | 最大负荷利用小时
-- Column:   peak_temperature_c | observed in the peak hour | 最大负荷时气温
-- Column:   temperature_c | mean of the days | 平均气温
-- Column:   max_temperature_c | highest hour | 最高气温
-- Column:   min_temperature_c | lowest hour | 最低气温
SELECT axis, code, first_day AS year, day_count, energy_kwh, mean_kw, peak_kw, peak_at, valley_kw,
    valley_at, load_factor, mean_daily_load_factor, max_peak_valley_kw, mean_peak_valley_kw, utilisation_h,
    peak_temperature_c, temperature_c, max_temperature_c, min_temperature_c
FROM load.periods
WHERE period = 'year'
