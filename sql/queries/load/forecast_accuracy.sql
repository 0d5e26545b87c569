-- Question: how good were the forecasts, by how far ahead?
-- 问题:     各提前期的预测准确率如何？
-- Grain:    one row a scope, length of step and days ahead, over all runs; steps whose actual is known alone.
-- Units:    kWh; rates as shares. days_ahead 1 is what ends within 24 hours of what the forecast knew.
-- Month:    consumption.
-- Column:   scope | what was forecast | 预测范围
-- Column:   step_min | minutes of the step | 时段长度（分钟）
-- Column:   days_ahead | days ahead, from 1 | 提前天数
-- Column:   run_count | runs | 预测批次数
-- Column:   step_count | steps compared | 时段数
-- Column:   first_day | first settlement day compared | 起始日
-- Column:   last_day | last settlement day compared | 截止日
-- Column:   forecast_kwh | forecast | 预测电量
-- Column:   actual_kwh | drawn | 实际电量
-- Column:   bias_rate | all forecast less all drawn, over all drawn | 预测偏差率
-- Column:   wape | sum of absolute errors over all drawn | 加权平均绝对百分误差
-- Column:   rmse_kwh | root of the mean squared error | 均方根误差
-- Column:   inside_share | steps between the quantiles 0.1 and 0.9, of those that have them | 区间覆盖率
SELECT scope, step_min, CAST(greatest(ceil(lead_h / 24), 1) AS BIGINT) AS days_ahead,
    count(DISTINCT run_id) AS run_count, count(*) AS step_count, min(day) AS first_day, max(day) AS last_day,
    sum(forecast_kwh) AS forecast_kwh, sum(actual_kwh) AS actual_kwh,
    sum(error_kwh) / nullif(CAST(sum(actual_kwh) AS DOUBLE), 0) AS bias_rate,
    sum(abs(error_kwh)) / nullif(CAST(sum(actual_kwh) AS DOUBLE), 0) AS wape,
    sqrt(avg(error_kwh * error_kwh)) AS rmse_kwh,
    avg(CASE WHEN inside THEN 1.0 WHEN NOT inside THEN 0.0 END) AS inside_share
FROM load.forecast_errors
WHERE actual_kwh IS NOT NULL
GROUP BY scope, step_min, CAST(greatest(ceil(lead_h / 24), 1) AS BIGINT)
