-- Question: what did each customer draw on each day, and what is it worth?
-- 问题:     每个客户每天用电多少、值多少钱？
-- Grain:    one row a customer and settlement day that has reads; customer_id is empty for the
--           reads of meters that no customer holds on the day.
-- Units:    kWh; revenue in currency, rounded half up to 0.01 a row.
-- Month:    consumption. Revenue is provisional (未发行): metered kWh × the energy price of the
--           tariff class and voltage band valid on the day, before bills are issued; NULL where
--           the tariff has no such price.
-- Column:   customer_id | customer, empty if nobody holds the meter | 客户编号
-- Column:   meter_id | meter it is read by | 电能表编号
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   area_id | transformer area | 台区编号
-- Column:   feeder_id | feeder | 线路编号
-- Column:   service_type | full service, or delivery alone | 供电服务类型
-- Column:   energy_kwh | energy drawn, kWh | 用电量
-- Column:   revenue | provisional revenue, currency | 售电收入（未发行估计）
-- Column:   interval_count | intervals read | 实采点数
-- Column:   expected_interval_count | intervals that should have been read | 应采点数
-- Column:   estimated_interval_count | intervals estimated | 估算点数
-- Column:   day | settlement day | 结算日
WITH reads AS (
    SELECT day, meter_id,
        sum(energy_kwh) AS energy_kwh,
        count(*) AS interval_count,
        count(*) FILTER (WHERE quality IN (8, 9)) AS estimated_interval_count,
        min(interval_min) AS interval_min
    FROM meter_reads
    WHERE channel = 'import'
    GROUP BY day, meter_id
), held AS (
    SELECT reads.day, coalesce(meters_by_day.customer_id, '') AS customer_id,
        sum(reads.energy_kwh) AS energy_kwh,
        sum(reads.interval_count) AS interval_count,
        sum(reads.estimated_interval_count) AS estimated_interval_count,
        -- Two meters of one customer share the day; meters of no one have a day each.
        CASE WHEN meters_by_day.customer_id IS NULL THEN sum(1440 / reads.interval_min)
            ELSE max(1440 / reads.interval_min) END AS expected_interval_count,
        max(reads.meter_id) AS any_meter_id
    -- The right side of a join streams past the left, which is held in memory.
    FROM meters_by_day
    RIGHT JOIN reads ON meters_by_day.meter_id = reads.meter_id
        AND reads.day >= meters_by_day.first_day AND reads.day <= meters_by_day.last_day
    GROUP BY reads.day, meters_by_day.customer_id
)
SELECT held.customer_id,
    CASE WHEN held.customer_id = '' THEN '' ELSE coalesce(class.meter_id, held.any_meter_id) END AS meter_id,
    class.voltage_code, class.tariff_code, class.usage_code, class.industry_code, class.region_code,
    class.area_id, class.feeder_id, class.service_type,
    CAST(held.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(CAST(held.energy_kwh AS DECIMAL(24, 4)) * price.energy_price_per_kwh AS DECIMAL(28, 2)) AS revenue,
    CAST(held.interval_count AS BIGINT) AS interval_count,
    CAST(held.expected_interval_count AS BIGINT) AS expected_interval_count,
    CAST(held.estimated_interval_count AS BIGINT) AS estimated_interval_count,
    held.day
FROM held
LEFT JOIN customers_by_day AS class ON class.customer_id = held.customer_id
    AND held.day >= class.first_day AND held.day <= class.last_day
LEFT JOIN tariff_prices AS price
    ON price.tariff_code = class.tariff_code AND price.voltage_code = class.voltage_code
    AND held.day >= price.first_day AND held.day <= price.last_day
