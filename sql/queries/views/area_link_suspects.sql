-- Question: which customers hang on another transformer than the books say (户变关系)?
-- 问题:     哪些客户实际所接变压器与档案不符（户变关系）？
-- Grain:    one row a calendar month (its first day) and pair of areas on one feeder, of which one sells
--           more than it is supplied with and the other loses about as much more than is usual.
-- Units:    kWh over the days on which both areas are complete; rates and shares 0 to 1.
-- Month:    consumption.
--
-- A customer who is booked in one area and wired to another makes the first negative and the
-- second high, by the same energy. Named are pairs compared on at least seven days, where the one
-- is negative on four days of five and over all, the other above twice the usual rate over all, and
-- the energies beyond the usual loss differ by less than half. usual_loss_rate is the median of all
-- areas in the month. day_correlation tells pairs whose surplus and shortage also move together from
-- day to day, which one customer's do, from those that merely have the same size; theft next to a
-- wrong booking does not.
-- Column:   month | calendar month, its first day | 月份
-- Column:   feeder_id | feeder | 线路编号
-- Column:   low_area_id | area that sells more than it is supplied with | 负损台区
-- Column:   high_area_id | area that loses more than is usual | 高损台区
-- Column:   day_count | days compared | 可比天数
-- Column:   negative_day_count | days on which the low area's loss was negative | 负损天数
-- Column:   low_loss_kwh | loss of the low area, kWh | 负损台区线损电量
-- Column:   low_loss_rate | loss rate of the low area | 负损台区线损率
-- Column:   high_loss_kwh | loss of the high area, kWh | 高损台区线损电量
-- Column:   high_loss_rate | loss rate of the high area | 高损台区线损率
-- Column:   usual_loss_rate | median loss rate of all areas | 线损率中位数
-- Column:   surplus_kwh | what the low area sells too much, kWh | 多计电量
-- Column:   missing_kwh | what the high area sells too little, kWh | 少计电量
-- Column:   similarity | how alike the two energies are, 1 the same | 电量相近度
-- Column:   day_correlation | correlation of the two from day to day | 逐日相关系数
WITH compared AS (
    SELECT CAST(date_trunc('month', day) AS DATE) AS month, day, area_id, feeder_id, supplied_kwh, sold_kwh, loss_kwh
    FROM area_loss_daily WHERE complete AND supplied_kwh > 0
), usual AS (
    SELECT month, CAST(median(loss_rate) AS DECIMAL(12, 6)) AS loss_rate
    FROM (
        SELECT month, area_id, sum(loss_kwh) / sum(supplied_kwh) AS loss_rate
        FROM compared GROUP BY month, area_id
    ) GROUP BY month
), pairs AS (
    SELECT low.month, low.feeder_id, low.area_id AS low_area_id, high.area_id AS high_area_id,
        usual.loss_rate AS usual_loss_rate,
        count(*) AS day_count,
        count(*) FILTER (WHERE low.loss_kwh < 0) AS negative_day_count,
        sum(low.supplied_kwh) AS low_supplied_kwh, sum(low.loss_kwh) AS low_loss_kwh,
        sum(high.supplied_kwh) AS high_supplied_kwh, sum(high.loss_kwh) AS high_loss_kwh,
        sum(usual.loss_rate * low.supplied_kwh - low.loss_kwh) AS surplus_kwh,
        sum(high.loss_kwh - usual.loss_rate * high.supplied_kwh) AS missing_kwh,
        corr(CAST(-low.loss_kwh AS DOUBLE), CAST(high.loss_kwh AS DOUBLE)) AS day_correlation
    FROM compared AS low
    JOIN usual ON usual.month = low.month
    JOIN compared AS high ON high.feeder_id = low.feeder_id AND high.day = low.day AND high.area_id <> low.area_id
    GROUP BY low.month, low.feeder_id, low.area_id, high.area_id, usual.loss_rate
)
SELECT month, feeder_id, low_area_id, high_area_id, day_count, negative_day_count,
    CAST(low_loss_kwh AS DECIMAL(28, 4)) AS low_loss_kwh,
    CAST(low_loss_kwh / low_supplied_kwh AS DECIMAL(12, 6)) AS low_loss_rate,
    CAST(high_loss_kwh AS DECIMAL(28, 4)) AS high_loss_kwh,
    CAST(high_loss_kwh / high_supplied_kwh AS DECIMAL(12, 6)) AS high_loss_rate,
    usual_loss_rate,
    CAST(surplus_kwh AS DECIMAL(28, 4)) AS surplus_kwh,
    CAST(missing_kwh AS DECIMAL(28, 4)) AS missing_kwh,
    CAST(least(surplus_kwh, missing_kwh) / greatest(surplus_kwh, missing_kwh) AS DECIMAL(9, 6)) AS similarity,
    CASE WHEN abs(day_correlation) < 2 THEN CAST(day_correlation AS DECIMAL(9, 6)) END AS day_correlation
FROM pairs
WHERE day_count >= 7
    AND low_loss_kwh < 0 AND 5 * negative_day_count >= 4 * day_count
    AND high_loss_kwh > 2 * greatest(usual_loss_rate, 0) * high_supplied_kwh
    AND surplus_kwh > 0 AND missing_kwh > 0
    AND least(surplus_kwh, missing_kwh) * 2 > greatest(surplus_kwh, missing_kwh)
