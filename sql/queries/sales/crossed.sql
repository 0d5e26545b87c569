-- Question: what was sold in each day, week, month and year, where the axes cross?
-- 问题:     各日、周、月、年按五个维度交叉售电多少？
-- Grain:    one row a period (day, ISO week, month, year) and combination of the five axes that
--           something was sold in; energy only delivered, for another seller, apart (service_type).
-- Units:    kWh; revenue in currency; average_price in currency per kWh, NULL where no energy has a price.
-- Month:    consumption. Revenue is provisional (未发行): metered kWh × the price of the class valid
--           on the day; bills correct it when they are issued.
--
-- For any crossing of axes: GROUP BY those wanted, or CUBE or GROUPING SETS of them; and for what
-- the codes roll up into, JOIN sales.axis_levels. Customers are those of the last day with reads.
-- Column:   period | period: day, week, month or year | 周期
-- Column:   first_day | first day of the period | 起始日期
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
WITH calendar AS (
    SELECT day, unnest(['day', 'week', 'month', 'year']) AS period,
        unnest([day, week_start(day), CAST(date_trunc('month', day) AS DATE), CAST(date_trunc('year', day) AS DATE)])
            AS first_day
    FROM (SELECT DISTINCT day FROM consumption_by_axes)
), spans AS (
    SELECT period, first_day, max(day) AS last_day FROM calendar GROUP BY period, first_day
), dated AS (
    SELECT calendar.day, calendar.period, calendar.first_day, calendar.day = spans.last_day AS is_last
    FROM calendar
    JOIN spans ON spans.period = calendar.period AND spans.first_day = calendar.first_day
)
SELECT dated.period, dated.first_day,
    sold.voltage_code, sold.tariff_code, sold.usage_code, sold.industry_code, sold.region_code, sold.service_type,
    CAST(sum(sold.energy_kwh) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sum(sold.revenue) AS DECIMAL(28, 2)) AS revenue,
    CAST(sum(sold.priced_energy_kwh) AS DECIMAL(28, 4)) AS priced_energy_kwh,
    CAST(sum(sold.revenue) / nullif(sum(sold.priced_energy_kwh), 0) AS DECIMAL(18, 6)) AS average_price,
    CAST(coalesce(sum(sold.customer_count) FILTER (WHERE dated.is_last), 0) AS BIGINT) AS customer_count
FROM consumption_by_axes AS sold
JOIN dated ON dated.day = sold.day
GROUP BY dated.period, dated.first_day,
    sold.voltage_code, sold.tariff_code, sold.usage_code, sold.industry_code, sold.region_code, sold.service_type
