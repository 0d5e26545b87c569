-- Question: what was sold in each ISO week, by the five axes?
-- 问题:     各周按五个维度售电多少？
-- Grain:    one row an ISO week (week_start is its Monday) and combination of the five axes; energy
--           only delivered, for another seller, apart (service_type).
-- Units:    kWh; revenue in currency; average_price in currency per kWh, NULL where no energy has a price.
-- Month:    consumption. Revenue is provisional (未发行): metered kWh × the price of the class valid
--           on the day; bills correct it when they are issued.
-- Column:   week | ISO week, such as 2026-W47 | 周次
-- Column:   week_start | Monday of the week | 周起始日
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   service_type | full service, or delivery alone | 供电服务类型
-- Column:   energy_kwh | energy sold, kWh | 售电量
-- Column:   revenue | provisional revenue, currency | 售电收入（未发行估计）
-- Column:   priced_energy_kwh | energy sold that has a price, kWh | 计价电量
-- Column:   average_price | average price, currency per kWh | 平均售电价
-- Column:   customer_count | customers with reads on the last day of the period that has any | 期末用电户数
WITH periods AS (
    SELECT week_start(day) AS first_day, max(day) AS last_day FROM consumption_by_axes GROUP BY 1
)
SELECT iso_week(sold.day) AS week, week_start(sold.day) AS week_start,
    voltage_code, tariff_code, usage_code, industry_code, region_code, service_type,
    CAST(sum(energy_kwh) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sum(revenue) AS DECIMAL(28, 2)) AS revenue,
    CAST(sum(priced_energy_kwh) AS DECIMAL(28, 4)) AS priced_energy_kwh,
    CAST(sum(revenue) / nullif(sum(priced_energy_kwh), 0) AS DECIMAL(18, 6)) AS average_price,
    CAST(coalesce(sum(customer_count) FILTER (WHERE sold.day = periods.last_day), 0) AS BIGINT) AS customer_count
FROM consumption_by_axes AS sold
JOIN periods ON periods.first_day = week_start(sold.day)
GROUP BY iso_week(sold.day), week_start(sold.day), voltage_code, tariff_code, usage_code, industry_code,
    region_code, service_type
