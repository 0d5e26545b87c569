-- Question: which classes made the average price change from one month to the next, by price and by mix?
-- 问题:     均价变动由哪些类别、经电价或结构造成？
-- Grain:    one row a month with a month before it, axis, level and code that was sold in either.
-- Units:    currency per kWh, to ten decimals; shares of the energy that has a price, 0 to 1.
-- Month:    consumption; provisional prices, see sales.cube.
--
-- With s a class's share of energy and p its price, before (0) and now (1): price effect s₁(p₁−p₀), mix
-- effect (s₁−s₀)p₀, together s₁p₁−s₀p₀, which added up over the classes of a level is the change of the
-- average price. A class that came or went changes the mix alone. What looks like price on a coarse
-- level may be mix within its classes: look a level deeper, or at another axis.
-- Column:   month | month of consumption, its first day | 用电年月
-- Column:   axis | axis: voltage, tariff, usage, industry or region | 维度
-- Column:   level | level of the roll-up, 1 the top | 层级
-- Column:   code | code on the axis at this level | 代码
-- Column:   name_en | name of the code, English | 英文名称
-- Column:   name_zh | name of the code, Chinese | 中文名称
-- Column:   energy_share | share of the energy sold | 电量比重
-- Column:   previous_energy_share | share of the energy sold the month before | 上月电量比重
-- Column:   average_price | average price, currency per kWh | 平均售电价
-- Column:   previous_average_price | average price of the month before, currency per kWh | 上月平均售电价
-- Column:   price_effect | change of the overall price by this class's price | 电价影响
-- Column:   mix_effect | change of the overall price by this class's share | 结构影响
-- Column:   contribution | both together | 对均价变动的贡献
WITH sold AS (
    SELECT first_day AS month, axis, level, code, name_en, name_zh, priced_energy_kwh AS energy_kwh, revenue
    FROM sales.cube
    WHERE period = 'month' AND axis <> 'total' AND priced_energy_kwh > 0
), paired AS (
    SELECT month, axis, level, code, max(name_en) AS name_en, max(name_zh) AS name_zh,
        sum(energy_kwh) AS energy_kwh, CAST(sum(revenue) AS DECIMAL(38, 12)) AS revenue,
        sum(energy_before) AS energy_before, CAST(sum(revenue_before) AS DECIMAL(38, 12)) AS revenue_before
    FROM (
        SELECT month, axis, level, code, name_en, name_zh, energy_kwh, revenue,
            CAST(0 AS DECIMAL(28, 4)) AS energy_before, CAST(0 AS DECIMAL(28, 2)) AS revenue_before
        FROM sold
        UNION ALL
        SELECT CAST(month + INTERVAL '1 month' AS DATE), axis, level, code, name_en, name_zh,
            CAST(0 AS DECIMAL(28, 4)), CAST(0 AS DECIMAL(28, 2)), energy_kwh AS energy_before, revenue AS revenue_before
        FROM sold
    )
    GROUP BY month, axis, level, code
), totalled AS (
    SELECT *,
        nullif(sum(energy_kwh) OVER everything, 0) AS all_kwh,
        nullif(sum(energy_before) OVER everything, 0) AS all_before
    FROM paired
    WINDOW everything AS (PARTITION BY month, axis, level)
), priced AS (
    SELECT *,
        CAST(CAST(energy_kwh AS DECIMAL(38, 12)) / all_kwh AS DECIMAL(18, 14)) AS share,
        CAST(CAST(energy_before AS DECIMAL(38, 12)) / all_before AS DECIMAL(18, 14)) AS share_before,
        CAST(revenue_before / nullif(energy_before, 0) AS DECIMAL(20, 12)) AS price_before,
        CAST(revenue / all_kwh - revenue_before / all_before AS DECIMAL(20, 10)) AS contribution
    FROM totalled
    WHERE all_kwh IS NOT NULL AND all_before IS NOT NULL
), split AS (
    SELECT *,
        CASE WHEN energy_kwh > 0 AND energy_before > 0
            THEN CAST(revenue / all_kwh - share * price_before AS DECIMAL(20, 10))
            ELSE CAST(0 AS DECIMAL(20, 10)) END AS price_effect
    FROM priced
)
SELECT month, axis, level, code, name_en, name_zh,
    CAST(share AS DECIMAL(9, 6)) AS energy_share,
    CAST(share_before AS DECIMAL(9, 6)) AS previous_energy_share,
    CAST(revenue / nullif(energy_kwh, 0) AS DECIMAL(18, 6)) AS average_price,
    CAST(price_before AS DECIMAL(18, 6)) AS previous_average_price,
    price_effect,
    CAST(contribution - price_effect AS DECIMAL(20, 10)) AS mix_effect,
    contribution
FROM split
