-- Question: what was sold on each day, by each axis on its own?
-- 问题:     每天按各维度分别售电多少？
-- Grain:    one row an axis, code and settlement day; every axis adds up to the same total. A NULL
--           code is energy whose customer or class is not known.
-- Units:    kWh; revenue in currency (provisional, see sales_daily); average_price per kWh.
--           customer_count adds up over codes of a day, not over days.
-- Month:    consumption.
-- Column:   axis | axis: voltage, tariff, usage, industry or region | 维度
-- Column:   code | code on the axis | 代码
-- Column:   parent_code | code above it | 上级代码
-- Column:   name_en | name, English | 英文名称
-- Column:   name_zh | name, Chinese | 中文名称
-- Column:   day | settlement day | 结算日
-- Column:   week | ISO week, such as 2026-W47 | 周次
-- Column:   month | month of consumption, its first day | 用电年月
-- Column:   energy_kwh | energy sold, kWh | 售电量
-- Column:   revenue | provisional revenue, currency | 售电收入（未发行估计）
-- Column:   priced_energy_kwh | energy sold that has a price, kWh | 计价电量
-- Column:   average_price | average price, currency per kWh | 平均售电价
-- Column:   customer_count | customers with reads | 用电户数
WITH names AS (
    SELECT axis, code, parent_code, name_en, name_zh,
        row_number() OVER (PARTITION BY axis, code ORDER BY valid_from DESC) AS age
    FROM reference
), sold AS (
    SELECT 'voltage' AS axis, voltage_code AS code, day, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue,
        sum(priced_energy_kwh) AS priced_energy_kwh, sum(customer_count) AS customer_count
    FROM sales_daily GROUP BY voltage_code, day
    UNION ALL
    SELECT 'tariff' AS axis, tariff_code AS code, day, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue,
        sum(priced_energy_kwh) AS priced_energy_kwh, sum(customer_count) AS customer_count
    FROM sales_daily GROUP BY tariff_code, day
    UNION ALL
    SELECT 'usage' AS axis, usage_code AS code, day, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue,
        sum(priced_energy_kwh) AS priced_energy_kwh, sum(customer_count) AS customer_count
    FROM sales_daily GROUP BY usage_code, day
    UNION ALL
    SELECT 'industry' AS axis, industry_code AS code, day, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue,
        sum(priced_energy_kwh) AS priced_energy_kwh, sum(customer_count) AS customer_count
    FROM sales_daily GROUP BY industry_code, day
    UNION ALL
    SELECT 'region' AS axis, region_code AS code, day, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue,
        sum(priced_energy_kwh) AS priced_energy_kwh, sum(customer_count) AS customer_count
    FROM sales_daily GROUP BY region_code, day
)
SELECT sold.axis, sold.code, names.parent_code,
    coalesce(names.name_en, sold.code, 'Unclassified') AS name_en,
    coalesce(names.name_zh, sold.code, '未分类') AS name_zh,
    sold.day, iso_week(sold.day) AS week, CAST(date_trunc('month', sold.day) AS DATE) AS month,
    CAST(sold.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sold.revenue AS DECIMAL(28, 2)) AS revenue,
    CAST(sold.priced_energy_kwh AS DECIMAL(28, 4)) AS priced_energy_kwh,
    CAST(sold.revenue / nullif(sold.priced_energy_kwh, 0) AS DECIMAL(18, 6)) AS average_price,
    CAST(sold.customer_count AS BIGINT) AS customer_count
FROM sold
LEFT JOIN names ON names.axis = sold.axis AND names.code = sold.code AND names.age = 1
