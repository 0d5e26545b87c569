-- Question: what share of a month's bills had been collected by a date (电费回收率, 截至日)?
-- 问题:     某月应收到某日为止回收了多少（电费回收率）？
-- Grain:    one row a month of issue and date it is seen on, from the month's first bill to the day the
--           session speaks for.
-- Units:    currency; collection_rate is a share, sum over sum, NULL where nothing was billed.
-- Month:    issue (应收年月); money counts from the day it was booked and its bill stands.
--
-- On each date those bills count that stood on it: one that was cancelled later is in, until it was, and
-- the one in its place from then on. Money paid ahead counts once the bill that used it is issued, what
-- was taken back no longer, and what is above a bill's amount not at all. The last date agrees with
-- collection_rate. This is by the dates of bills and money as known now; what was known at an instant
-- is the session AS OF it.
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   seen_on | end of this settlement day | 截至日
-- Column:   prior_year | on that date the month is of an earlier year | 陈欠
-- Column:   bill_count | bills that stood | 账单数
-- Column:   billed_amount | billed | 应收金额
-- Column:   collected_amount | collected of it | 实收金额
-- Column:   open_amount | not collected | 欠费金额
-- Column:   collection_rate | collected over billed | 电费回收率
WITH ended AS (
    SELECT bill_id, min(day) AS day
    FROM (
        SELECT coalesce(ref_bill_id, bill_id) AS bill_id, settlement_day(issued_at) AS day
        FROM bills WHERE kind = 'CANCEL'
        UNION ALL
        SELECT ref_bill_id, settlement_day(issued_at) FROM bills WHERE kind = 'REBILL' AND ref_bill_id IS NOT NULL
    ) GROUP BY bill_id
), replaced AS (
    SELECT ref_bill_id AS bill_id, max(bill_id) AS by_bill_id
    FROM bills WHERE kind = 'REBILL' AND ref_bill_id IS NOT NULL GROUP BY ref_bill_id
), versions AS (
    -- Each bill that ever stood, from when until before when, and the one in the end in its place.
    SELECT bills.bill_id, bills.bill_month, bills.amount, settlement_day(bills.issued_at) AS from_day,
        coalesce(ended.day, DATE '9999-12-31') AS to_day,
        coalesce(second.by_bill_id, first.by_bill_id, bills.bill_id) AS last_bill_id
    FROM bills
    LEFT JOIN ended ON ended.bill_id = bills.bill_id
    LEFT JOIN replaced AS first ON first.bill_id = bills.bill_id
    LEFT JOIN replaced AS second ON second.bill_id = first.by_bill_id
    LEFT JOIN bills AS adjusted ON bills.kind = 'ADJUST' AND adjusted.bill_id = bills.ref_bill_id
    WHERE bills.kind IN ('ORIGINAL', 'REBILL') OR (bills.kind = 'ADJUST' AND adjusted.bill_id IS NULL)
), events AS (
    SELECT bill_id, from_day AS day, amount, CAST(0 AS DECIMAL(18, 2)) AS paid_amount
    FROM versions WHERE from_day < to_day
    UNION ALL
    SELECT versions.bill_id, greatest(versions.from_day, settlement_day(adjustment.issued_at)) AS day,
        adjustment.amount AS amount, 0 AS paid_amount
    FROM bills AS adjustment
    JOIN versions ON versions.bill_id = adjustment.ref_bill_id
    WHERE adjustment.kind = 'ADJUST' AND greatest(versions.from_day, settlement_day(adjustment.issued_at)) < to_day
    UNION ALL
    SELECT versions.bill_id, greatest(versions.from_day, settlement_day(money.booked_at)) AS day,
        0 AS amount, money.amount AS paid_amount
    FROM payment_allocations AS money
    JOIN versions ON versions.last_bill_id = money.bill_id
    WHERE greatest(versions.from_day, settlement_day(money.booked_at)) < to_day
), states AS (
    SELECT bill_id, day,
        sum(sum(amount)) OVER upto AS amount,
        sum(sum(paid_amount)) OVER upto AS paid_amount,
        row_number() OVER upto AS place
    FROM events
    GROUP BY bill_id, day
    WINDOW upto AS (PARTITION BY bill_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), moments AS (
    SELECT bill_id, day, 1 AS standing, amount, least(paid_amount, amount) AS collected_amount FROM states
    UNION ALL
    SELECT bill_id, to_day, 0, 0, 0 FROM versions WHERE from_day < to_day AND to_day < DATE '9999-12-31'
), steps AS (
    SELECT bill_id, day,
        standing - coalesce(lag(standing) OVER of_bill, 0) AS bill_count,
        amount - coalesce(lag(amount) OVER of_bill, 0) AS billed_amount,
        collected_amount - coalesce(lag(collected_amount) OVER of_bill, 0) AS collected_amount
    FROM moments
    WINDOW of_bill AS (PARTITION BY bill_id ORDER BY day)
), daily AS (
    SELECT versions.bill_month, steps.day, sum(steps.bill_count) AS bill_count,
        sum(steps.billed_amount) AS billed_amount, sum(steps.collected_amount) AS collected_amount
    FROM steps
    JOIN versions ON versions.bill_id = steps.bill_id
    GROUP BY versions.bill_month, steps.day
), dates AS (
    SELECT bill_month, unnest(range(first_day, last_day, INTERVAL '1 day')) AS seen_on
    FROM (
        SELECT bill_month, min(day) AS first_day,
            CAST(settlement_day(max(lake_time.as_of)) + INTERVAL '1 day' AS DATE) AS last_day
        FROM daily CROSS JOIN lake_time
        GROUP BY bill_month
    )
), seen AS (
    SELECT dates.bill_month, CAST(dates.seen_on AS DATE) AS seen_on,
        sum(daily.bill_count) OVER upto AS bill_count,
        sum(daily.billed_amount) OVER upto AS billed_amount,
        sum(daily.collected_amount) OVER upto AS collected_amount
    FROM dates
    LEFT JOIN daily ON daily.bill_month = dates.bill_month AND daily.day = CAST(dates.seen_on AS DATE)
    WINDOW upto AS (PARTITION BY dates.bill_month ORDER BY dates.seen_on
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT bill_month, seen_on,
    date_part('year', bill_month) < date_part('year', seen_on) AS prior_year,
    CAST(bill_count AS BIGINT) AS bill_count,
    CAST(billed_amount AS DECIMAL(28, 2)) AS billed_amount,
    CAST(collected_amount AS DECIMAL(28, 2)) AS collected_amount,
    CAST(billed_amount - collected_amount AS DECIMAL(28, 2)) AS open_amount,
    CAST(collected_amount / nullif(billed_amount, 0) AS DECIMAL(9, 6)) AS collection_rate
FROM seen
