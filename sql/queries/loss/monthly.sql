-- Question: what was lost in a month by area, feeder, voltage level, region and in all, and where is it too
--           much or less than nothing (高损, 负损)?
-- 问题:     各台区、线路、分压、分区及全网每月线损多少，何处高损、负损？
-- Grain:    one row a level, code and calendar month (its first day) with supply reads.
-- Units:    kWh over the complete days only; rates are sums over sums, NULL where nothing was supplied.
-- Month:    consumption.
--
-- usual_loss_rate is the median of the level in the month. kind is judged on min_days (7) complete
-- days at least: negative, more was sold than supplied; high, more than high_ratio (2) times the usual rate is
-- lost, and more than high_margin (.01) above it; else normal. The numbers are limits of this view on the
-- month's first. excess_kwh is what is lost beyond the usual rate.
-- Column:   level | area, feeder, voltage, region or system | 层级
-- Column:   code | of the level | 编码
-- Column:   month | its first day | 月份
-- Column:   day_count | days with supply reads | 有数天数
-- Column:   complete_day_count | that both sides read in full | 完整天数
-- Column:   negative_day_count | of these, days with a negative loss | 负损天数
-- Column:   supplied_kwh | supplied | 供电量
-- Column:   passed_kwh | of that, passed to the next level | 转供电量
-- Column:   sold_kwh | sold | 售电量
-- Column:   loss_kwh | supplied − passed − sold | 线损电量
-- Column:   loss_rate | lost over supplied | 线损率
-- Column:   usual_loss_rate | median of the level | 同级中位线损率
-- Column:   excess_kwh | lost beyond the usual rate | 超损电量
-- Column:   kind | high, negative, normal; NULL on fewer days than min_days | 线损类别
WITH summed AS (
    SELECT level, code, CAST(date_trunc('month', day) AS DATE) AS month, count(*) AS day_count,
        count(*) FILTER (WHERE complete) AS complete_day_count,
        count(*) FILTER (WHERE loss_kwh < 0) AS negative_day_count,
        sum(supplied_kwh) AS supplied_kwh, sum(passed_kwh) AS passed_kwh, sum(sold_kwh) AS sold_kwh,
        sum(loss_kwh) AS loss_kwh,
        CAST(sum(loss_kwh) / nullif(sum(supplied_kwh), 0) AS DECIMAL(12, 6)) AS loss_rate
    FROM loss.daily
    GROUP BY 1, 2, 3
), usual AS (
    SELECT level, month, CAST(median(loss_rate) AS DECIMAL(12, 6)) AS usual_loss_rate
    FROM summed WHERE level IN ('area', 'feeder', 'region') AND loss_rate IS NOT NULL
    GROUP BY level, month
), terms AS (
    SELECT months.month,
        max(limits.value) FILTER (WHERE limits.parameter = 'min_days') AS min_days,
        max(limits.value) FILTER (WHERE limits.parameter = 'high_ratio') AS high_ratio,
        max(limits.value) FILTER (WHERE limits.parameter = 'high_margin') AS high_margin
    FROM (SELECT DISTINCT month FROM summed) AS months
    JOIN limits_by_day AS limits ON limits.view_name = 'loss.monthly'
        AND months.month >= limits.first_day AND months.month <= limits.last_day
    GROUP BY months.month
)
SELECT summed.level, summed.code, summed.month, summed.day_count, summed.complete_day_count,
    summed.negative_day_count,
    CAST(summed.supplied_kwh AS DECIMAL(28, 4)) AS supplied_kwh,
    CAST(summed.passed_kwh AS DECIMAL(28, 4)) AS passed_kwh,
    CAST(summed.sold_kwh AS DECIMAL(28, 4)) AS sold_kwh,
    CAST(summed.loss_kwh AS DECIMAL(28, 4)) AS loss_kwh,
    summed.loss_rate, usual.usual_loss_rate,
    CAST(summed.loss_kwh - usual.usual_loss_rate * summed.supplied_kwh AS DECIMAL(28, 4)) AS excess_kwh,
    CASE
        WHEN summed.complete_day_count < terms.min_days OR summed.loss_rate IS NULL THEN NULL
        WHEN summed.loss_rate < 0 THEN 'negative'
        WHEN summed.loss_rate > terms.high_ratio * usual.usual_loss_rate
            AND summed.loss_rate > usual.usual_loss_rate + terms.high_margin THEN 'high'
        ELSE 'normal'
    END AS kind
FROM summed
LEFT JOIN usual ON usual.level = summed.level AND usual.month = summed.month
LEFT JOIN terms ON terms.month = summed.month
