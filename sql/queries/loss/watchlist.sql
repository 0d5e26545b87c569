-- Question: which areas and feeders lose too much or less than nothing, the worst first (高损, 负损清单)?
-- 问题:     哪些台区、线路高损或负损，最严重的是哪些？
-- Grain:    one row a month and area or feeder that is high or negative.
-- Units:    kWh over the complete days; rates are sums over sums.
-- Month:    consumption.
--
-- Ranked within the month, level and kind by how far the loss is from the usual one. month_streak counts
-- the months in a row, this one included, in which it was of the same kind.
-- Column:   month | its first day | 月份
-- Column:   level | area or feeder | 层级
-- Column:   kind | high or negative | 线损类别
-- Column:   place | 1 is the worst | 排名
-- Column:   code | area or feeder | 编码
-- Column:   complete_day_count | days compared | 完整天数
-- Column:   supplied_kwh | supplied | 供电量
-- Column:   sold_kwh | sold | 售电量
-- Column:   loss_kwh | lost | 线损电量
-- Column:   loss_rate | lost over supplied | 线损率
-- Column:   usual_loss_rate | median of the level | 同级中位线损率
-- Column:   excess_kwh | lost beyond the usual rate | 超损电量
-- Column:   month_streak | months in a row | 连续月数
WITH listed AS (
    SELECT *, CAST(date_part('year', month) * 12 + date_part('month', month) AS BIGINT)
            - row_number() OVER (PARTITION BY level, code, kind ORDER BY month) AS run
    FROM loss.monthly
    WHERE level IN ('area', 'feeder') AND kind IN ('high', 'negative')
)
SELECT month, level, kind,
    row_number() OVER (PARTITION BY month, level, kind ORDER BY abs(excess_kwh) DESC, code) AS place,
    code, complete_day_count, supplied_kwh, sold_kwh, loss_kwh, loss_rate, usual_loss_rate, excess_kwh,
    row_number() OVER (PARTITION BY level, code, kind, run ORDER BY month) AS month_streak
FROM listed
