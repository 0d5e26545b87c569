-- Question: what was drawn in each hour, by the five axes?
-- 问题:     各小时按五个维度用电多少？
-- Grain:    one row an hour (its start, UTC) and combination of the five axes that has reads.
-- Units:    kWh; customer_count counts meters that read in the hour.
-- Month:    consumption, in the class valid on the settlement day, as consumption_daily has it.
--
-- An interval counts in the hour it begins in. One longer than an hour is
-- spread evenly over its hours, what does not divide in the last one, so that
-- hours and days add up to the same.
-- Column:   hour | start of the hour, UTC | 小时起点
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   energy_kwh | energy drawn, kWh | 用电量
-- Column:   customer_count | meters that read in the hour | 有数表计数
-- Column:   day | settlement day | 结算日
WITH reads AS (
    SELECT interval_start_hour(read_at, CAST(interval_min AS INT)) AS hour, day, meter_id,
        CAST(greatest(interval_min / 60, 1) AS BIGINT) AS hours,
        sum(energy_kwh) AS energy_kwh
    FROM meter_reads
    WHERE channel = 'import'
    GROUP BY 1, 2, 3, 4
), classed AS (
    SELECT reads.hour, reads.day, reads.hours,
        class.voltage_code, class.tariff_code, class.usage_code, class.industry_code, class.region_code,
        sum(reads.energy_kwh) AS energy_kwh,
        count(*) AS customer_count
    -- The right side of a join streams past the left, which is held in memory.
    FROM customers_by_day AS class
    RIGHT JOIN (
        meters_by_day
        RIGHT JOIN reads ON meters_by_day.meter_id = reads.meter_id
            AND reads.day >= meters_by_day.first_day AND reads.day <= meters_by_day.last_day
    ) ON class.customer_id = meters_by_day.customer_id
        AND reads.day >= class.first_day AND reads.day <= class.last_day
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), spread AS (
    SELECT *, unnest(range(0, hours)) AS step FROM classed WHERE hours > 1
), hourly AS (
    SELECT hour, day, voltage_code, tariff_code, usage_code, industry_code, region_code,
        CAST(energy_kwh AS DECIMAL(28, 4)) AS energy_kwh, customer_count
    FROM classed WHERE hours = 1
    UNION ALL
    SELECT arrow_cast(CAST(hour AS BIGINT) + step * 3600000000, 'Timestamp(Microsecond, Some("UTC"))'), day,
        voltage_code, tariff_code, usage_code, industry_code, region_code,
        CASE WHEN step < hours - 1 THEN share ELSE CAST(energy_kwh - share * (hours - 1) AS DECIMAL(28, 4)) END,
        customer_count
    FROM (SELECT *, CAST(trunc(energy_kwh / hours, 4) AS DECIMAL(28, 4)) AS share FROM spread)
)
SELECT hour, voltage_code, tariff_code, usage_code, industry_code, region_code,
    CAST(sum(energy_kwh) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sum(customer_count) AS BIGINT) AS customer_count,
    day
FROM hourly
GROUP BY hour, day, voltage_code, tariff_code, usage_code, industry_code, region_code
