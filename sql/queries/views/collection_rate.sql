-- Question: what share of each month's bills has been collected (电费回收率)?
-- Grain:    one row a month of issue; as seen at the instant the session speaks for.
-- Units:    currency; collection_rate is a share, sum over sum, NULL where nothing was billed.
-- Month:    issue (应收年月). Cancelled bills are in neither sum; money above a bill's amount is not
--           counted as collected.
SELECT bill_month,
    date_part('year', bill_month) < date_part('year', settlement_day(max(lake_time.as_of))) AS prior_year,
    count(*) AS bill_count,
    CAST(sum(amount) AS DECIMAL(28, 2)) AS billed_amount,
    CAST(sum(least(paid_amount, amount)) AS DECIMAL(28, 2)) AS collected_amount,
    CAST(sum(least(paid_amount, amount)) / nullif(sum(amount), 0) AS DECIMAL(9, 6)) AS collection_rate
FROM receivables
CROSS JOIN lake_time
GROUP BY bill_month
