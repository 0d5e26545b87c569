-- Question: how many of the bills that stand are wrong, for which reason, and what does that come to?
-- 问题:     有效账单有多少出错，各因何故，金额合计多少？
-- Grain:    one row a month of issue and reason; reason correct for the bills without any difference.
-- Units:    amounts in currency; rates 0 to 1.
-- Month:    issue (应收年月).
--
-- A bill is counted once for each reason it has. bill_rate (核算差错率) is of the bills of the month.
-- unknown_line_count says how many lines could not be recomputed: they are in no amount.
--
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   reason | why bills differ, or correct | 差错原因
-- Column:   bill_count | bills with it | 账单数
-- Column:   bill_rate | of the bills of the month | 占比
-- Column:   line_count | lines with it | 明细行数
-- Column:   unknown_line_count | lines that could not be recomputed | 未复算行数
-- Column:   overcharged_amount | charged too much | 多计电费
-- Column:   undercharged_amount | charged too little | 少计电费
-- Column:   net_amount | too much less too little | 差额合计
WITH standing AS (
    SELECT current.bill_id, current.bill_month, found.reason, found.component, found.difference_amount
    FROM bills_current AS current
    LEFT JOIN billing.audit AS found ON found.bill_id = current.bill_id
    WHERE current.kind IN ('ORIGINAL', 'REBILL')
), months AS (
    SELECT bill_month, count(DISTINCT bill_id) AS bill_count
    FROM bills_current WHERE kind IN ('ORIGINAL', 'REBILL') GROUP BY 1
), counted AS (
    SELECT bill_month, coalesce(reason, 'correct') AS reason, count(DISTINCT bill_id) AS bill_count,
        count(reason) AS line_count,
        count(reason) FILTER (WHERE difference_amount IS NULL) AS unknown_line_count,
        coalesce(sum(difference_amount) FILTER (WHERE difference_amount > 0), 0) AS overcharged_amount,
        coalesce(-sum(difference_amount) FILTER (WHERE difference_amount < 0), 0) AS undercharged_amount
    FROM standing GROUP BY 1, 2
)
SELECT counted.bill_month, counted.reason, counted.bill_count,
    CAST(CAST(counted.bill_count AS DECIMAL(18, 0)) / CAST(nullif(months.bill_count, 0) AS DECIMAL(18, 0))
        AS DECIMAL(9, 6)) AS bill_rate,
    counted.line_count, counted.unknown_line_count,
    CAST(counted.overcharged_amount AS DECIMAL(28, 2)) AS overcharged_amount,
    CAST(counted.undercharged_amount AS DECIMAL(28, 2)) AS undercharged_amount,
    CAST(counted.overcharged_amount - counted.undercharged_amount AS DECIMAL(28, 2)) AS net_amount
FROM counted
JOIN months ON months.bill_month = counted.bill_month
