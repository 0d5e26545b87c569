-- Question: what share of each month's bills has been collected (电费回收率)?
-- 问题:     各月应收电费回收了多少（电费回收率）？
-- Grain:    one row a month of issue; as seen at the instant the session speaks for.
-- Units:    currency; collection_rate is a share, sum over sum, NULL where nothing was billed.
-- Month:    issue (应收年月). Cancelled bills are in neither sum; money above a bill's amount is not
--           counted as collected.
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   prior_year | whether of an earlier year (old debt) | 是否陈欠
-- Column:   bill_count | bills | 账单数
-- Column:   billed_amount | amount billed, currency | 应收电费
-- Column:   collected_amount | amount collected, currency | 实收电费
-- Column:   collection_rate | collected over billed | 电费回收率
SELECT bill_month,
    date_part('year', bill_month) < date_part('year', settlement_day(max(lake_time.as_of))) AS prior_year,
    count(*) AS bill_count,
    CAST(sum(amount) AS DECIMAL(28, 2)) AS billed_amount,
    CAST(sum(least(paid_amount, amount)) AS DECIMAL(28, 2)) AS collected_amount,
    CAST(sum(least(paid_amount, amount)) / nullif(sum(amount), 0) AS DECIMAL(9, 6)) AS collection_rate
FROM receivables
CROSS JOIN lake_time
GROUP BY bill_month
