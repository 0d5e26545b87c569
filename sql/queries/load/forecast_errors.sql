-- Question: what was forecast for each step, and what came?
-- 问题:     各时段预测多少，实际多少，偏差多大？
-- Grain:    one row a run, scope and step of a forecast, of steps of whole hours.
-- Units:    kWh of the step; hours; rates as shares of the actual.
-- Month:    consumption.
--
-- A scope is total, or axes and their codes (region=East,tariff=GCI). actual_kwh is NULL while the step's hours
-- have no reads, for scopes of another kind and for codes that have others below them. low and high are the
-- quantiles 0.1 and 0.9 of the forecast.
-- Column:   run_id | run of the forecast | 预测批次
-- Column:   scope | what was forecast | 预测范围
-- Column:   model_version | model | 模型版本
-- Column:   issued_at | when it was issued, UTC | 发布时间
-- Column:   data_cutoff | what it knew ended here, UTC | 数据截止时间
-- Column:   time | start of the step, UTC | 时段起点
-- Column:   day | settlement day | 结算日
-- Column:   step_min | minutes of the step | 时段长度（分钟）
-- Column:   lead_h | hours from the end of what it knew to the end of the step | 提前时长（小时）
-- Column:   forecast_kwh | forecast, the mean | 预测电量
-- Column:   low_kwh | quantile 0.1 | 预测下限（10%分位）
-- Column:   high_kwh | quantile 0.9 | 预测上限（90%分位）
-- Column:   actual_kwh | drawn | 实际电量
-- Column:   error_kwh | forecast less actual | 偏差
-- Column:   error_rate | error over actual | 预测偏差率
-- Column:   inside | whether the actual is between low and high | 是否落入区间
WITH steps AS (
    SELECT run_id, scope, model_version, issued_at, data_cutoff, time, step_min, forecast_kwh, quantiles
    FROM forecasts WHERE step_min >= 60 AND step_min % 60 = 0
), bands AS (
    SELECT run_id, scope, time,
        max(quantile['energy_kwh']) FILTER (WHERE abs(quantile['probability'] - 0.1) < 1e-9) AS low_kwh,
        max(quantile['energy_kwh']) FILTER (WHERE abs(quantile['probability'] - 0.9) < 1e-9) AS high_kwh
    FROM (SELECT run_id, scope, time, unnest(quantiles) AS quantile FROM steps)
    GROUP BY run_id, scope, time
), scopes AS (
    SELECT scope, regexp_match(scope, '(^|,)voltage=([^,]+)')[2] AS voltage_code,
        regexp_match(scope, '(^|,)tariff=([^,]+)')[2] AS tariff_code,
        regexp_match(scope, '(^|,)usage=([^,]+)')[2] AS usage_code,
        regexp_match(scope, '(^|,)industry=([^,]+)')[2] AS industry_code,
        regexp_match(scope, '(^|,)region=([^,]+)')[2] AS region_code
    FROM (SELECT DISTINCT scope FROM steps)
    WHERE scope = 'total' OR regexp_like(scope,
        '^(voltage|tariff|usage|industry|region)=[^,]+(,(voltage|tariff|usage|industry|region)=[^,]+)*$')
), hours AS (
    SELECT scopes.scope, hour, sum(energy_kwh) AS energy_kwh
    FROM consumption_hourly AS read
    JOIN scopes ON (scopes.voltage_code IS NULL OR scopes.voltage_code = read.voltage_code)
        AND (scopes.tariff_code IS NULL OR scopes.tariff_code = read.tariff_code)
        AND (scopes.usage_code IS NULL OR scopes.usage_code = read.usage_code)
        AND (scopes.industry_code IS NULL OR scopes.industry_code = read.industry_code)
        AND (scopes.region_code IS NULL OR scopes.region_code = read.region_code)
    GROUP BY scopes.scope, hour
), asked AS (
    SELECT DISTINCT scope, time, step_min FROM steps
), actual AS (
    SELECT asked.scope, asked.time, asked.step_min, CAST(sum(hours.energy_kwh) AS DECIMAL(28, 4)) AS energy_kwh
    FROM asked
    JOIN hours ON hours.scope = asked.scope AND hours.hour >= asked.time
        AND CAST(hours.hour AS BIGINT) < CAST(asked.time AS BIGINT) + asked.step_min * 60000000
    GROUP BY asked.scope, asked.time, asked.step_min
    HAVING count(*) = max(asked.step_min) / 60
), compared AS (
    SELECT steps.*, bands.low_kwh, bands.high_kwh, actual.energy_kwh, CAST(actual.energy_kwh AS DOUBLE) AS actual
    FROM steps
    LEFT JOIN bands ON bands.run_id = steps.run_id AND bands.scope = steps.scope AND bands.time = steps.time
    LEFT JOIN actual ON actual.scope = steps.scope AND actual.time = steps.time AND actual.step_min = steps.step_min
)
SELECT run_id, scope, model_version, issued_at, data_cutoff, time, settlement_day(time) AS day, step_min,
    (CAST(time AS BIGINT) + step_min * 60000000 - CAST(data_cutoff AS BIGINT)) / 3.6e9 AS lead_h,
    forecast_kwh, low_kwh, high_kwh, energy_kwh AS actual_kwh,
    forecast_kwh - actual AS error_kwh, (forecast_kwh - actual) / nullif(actual, 0) AS error_rate,
    actual >= low_kwh AND actual <= high_kwh AS inside
FROM compared
