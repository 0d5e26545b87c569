-- Question: by how much did the average price change from month to month, and is that price or mix?
-- 问题:     均价逐月变动多少，是电价还是结构所致？
-- Grain:    one row a month with a month before it, axis and level of it.
-- Units:    currency per kWh; the change and its parts to ten decimals.
-- Month:    consumption; provisional prices, see sales.cube.
--
-- price_effect and mix_effect add up to price_change exactly; the classes behind them are in
-- sales.price_change_by_class. The change is the same on every axis and level but for the last
-- decimals; how much of it is mix depends on how fine the axis looks.
-- Column:   month | month of consumption, its first day | 用电年月
-- Column:   axis | axis the mix is taken on | 维度
-- Column:   level | level of the roll-up, 1 the top | 层级
-- Column:   average_price | average price, currency per kWh | 平均售电价
-- Column:   previous_average_price | average price of the month before, currency per kWh | 上月平均售电价
-- Column:   price_change | change of the average price | 均价变动
-- Column:   price_effect | what classes' prices make of it | 电价影响
-- Column:   mix_effect | what the shares of classes make of it | 结构影响
WITH prices AS (
    SELECT first_day AS month, average_price FROM sales.cube WHERE period = 'month' AND axis = 'total'
), parts AS (
    SELECT month, axis, level,
        CAST(sum(contribution) AS DECIMAL(20, 10)) AS price_change,
        CAST(sum(price_effect) AS DECIMAL(20, 10)) AS price_effect,
        CAST(sum(mix_effect) AS DECIMAL(20, 10)) AS mix_effect
    FROM sales.price_change_by_class
    GROUP BY month, axis, level
)
SELECT parts.month, parts.axis, parts.level, this.average_price, before.average_price AS previous_average_price,
    parts.price_change, parts.price_effect, parts.mix_effect
FROM parts
JOIN prices AS this ON this.month = parts.month
JOIN prices AS before ON before.month = CAST(parts.month - INTERVAL '1 month' AS DATE)
