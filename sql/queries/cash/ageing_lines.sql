-- Question: which lines of which bills are open, and for how long?
-- 问题:     哪些账单的哪些明细未缴清，欠了多久？
-- Grain:    one row a line of a bill with something open; Σ open_amount of a bill is what it owes.
-- Units:    currency; kWh, kW or kVA of quantity as the component is billed; days_overdue in days.
-- Month:    issue (应收年月); money counts whenever it was booked.
--
-- Money pays a bill, not a line: a part of the bill is spread over its lines in proportion to their
-- amounts, each cent once (the share of all lines up to one, less the share of those before it). A
-- line that gives money back, such as a power factor reward, takes its negative share. What a bill
-- comes to beyond its lines is the line unitemised, lines of adjustments follow those of the bill.
-- Column:   bill_id | bill that stands | 账单编号
-- Column:   line_no | place in the bill, from 1 | 明细序号
-- Column:   component | what is charged | 电费项目
-- Column:   tou | time-of-use period, where charged by it | 分时时段
-- Column:   customer_id | customer | 用户编号
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   due_on | last day to pay | 缴费截止日
-- Column:   amount | billed in the line | 应收金额
-- Column:   paid_amount | the line's part of what was paid | 实收金额
-- Column:   open_amount | still owed of the line | 欠费金额
-- Column:   days_overdue | days past due | 逾期天数
-- Column:   bucket | ageing bucket | 账龄
-- Column:   prior_year | issued in an earlier year | 陈欠
WITH open AS (
    SELECT bill_id, customer_id, bill_month, due_on, amount, paid_amount, days_overdue, bucket, prior_year
    FROM receivables_open
), lines AS (
    SELECT bills.kind = 'ADJUST' AND adjusted.bill_id IS NOT NULL AS added, bills.bill_id AS of_bill_id,
        coalesce(adjusted.bill_id, bills.bill_id) AS bill_id, bills.lines
    FROM bills
    LEFT JOIN open AS adjusted ON bills.kind = 'ADJUST' AND adjusted.bill_id = bills.ref_bill_id
), itemised AS (
    SELECT open.bill_id, lines.added, lines.of_bill_id,
        unnest(lines.lines) AS line, unnest(range(0, CAST(coalesce(cardinality(lines.lines), 0) AS BIGINT))) AS place
    FROM open
    JOIN lines ON lines.bill_id = open.bill_id
), written AS (
    SELECT bill_id, added, of_bill_id, place, line['component'] AS component, line['tou'] AS tou,
        line['amount'] AS amount
    FROM itemised
    WHERE line IS NOT NULL
), whole AS (
    SELECT bill_id, added, of_bill_id, place, component, tou, amount FROM written
    UNION ALL
    SELECT open.bill_id, true, NULL, 9223372036854775807, 'unitemised', NULL,
        open.amount - coalesce(itemised.amount, 0)
    FROM open
    LEFT JOIN (SELECT bill_id, sum(amount) AS amount FROM written GROUP BY bill_id) AS itemised
        ON itemised.bill_id = open.bill_id
    WHERE open.amount <> coalesce(itemised.amount, 0)
), numbered AS (
    SELECT open.*, whole.component, whole.tou, whole.amount AS line_amount,
        row_number() OVER of_bill AS line_no,
        CAST(sum(whole.amount) OVER of_bill AS DECIMAL(18, 2)) AS upto
    FROM open
    JOIN whole ON whole.bill_id = open.bill_id
    WINDOW of_bill AS (PARTITION BY open.bill_id ORDER BY whole.added, whole.of_bill_id NULLS LAST, whole.place
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), spread AS (
    SELECT *, CAST(paid_amount * upto / amount AS DECIMAL(18, 2)) AS paid_upto,
        CAST(paid_amount * CAST(upto - line_amount AS DECIMAL(18, 2)) / amount AS DECIMAL(18, 2)) AS paid_before
    FROM numbered
)
SELECT bill_id, CAST(line_no AS BIGINT) AS line_no, component, tou, customer_id, bill_month, due_on,
    CAST(line_amount AS DECIMAL(18, 2)) AS amount,
    CAST(paid_upto - paid_before AS DECIMAL(18, 2)) AS paid_amount,
    CAST(line_amount - (paid_upto - paid_before) AS DECIMAL(18, 2)) AS open_amount,
    days_overdue, bucket, prior_year
FROM spread
