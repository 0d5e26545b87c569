-- Question: do bills less allocated money come to what is owed, month by month?
-- 问题:     逐月应收减已分配是否等于应收余额？
-- Grain:    one row a month of issue of bills that stand; NULL for money given to bills that do not.
-- Units:    currency; difference_amount is 0 where the books agree.
-- Month:    issue (应收年月); money counts whenever it was booked.
--
-- billed − allocated = receivable in every row, but in that of NULL: money that names a bill nobody knows,
-- or one that was cancelled and not issued anew, is owed back or for later bills (see account_balances).
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   bill_count | bills that stand | 账单数
-- Column:   issued_amount | issued by all versions in the month, cancellations negative | 发行金额
-- Column:   billed_amount | billed by those that stand | 应收金额
-- Column:   allocated_amount | allocated to them, returns negative | 已分配金额
-- Column:   receivable_amount | owed on them, less what was overpaid | 应收余额
-- Column:   overpaid_amount | paid above a bill's amount | 多缴金额
-- Column:   difference_amount | billed − allocated − receivable | 差额
WITH allocated AS (
    SELECT bill.bill_month, sum(money.amount) AS amount
    FROM payment_allocations AS money
    LEFT JOIN bills_current AS bill ON bill.bill_id = money.bill_id
    GROUP BY bill.bill_month
), owed AS (
    SELECT bill_month, count(*) AS bill_count, sum(amount) AS billed_amount, sum(open_amount) AS receivable_amount,
        -sum(least(open_amount, 0)) AS overpaid_amount
    FROM receivables GROUP BY bill_month
), issued AS (
    SELECT bill_month, sum(amount) AS amount FROM bills GROUP BY bill_month
)
SELECT coalesce(owed.bill_month, allocated.bill_month) AS bill_month,
    coalesce(owed.bill_count, 0) AS bill_count,
    CAST(issued.amount AS DECIMAL(28, 2)) AS issued_amount,
    CAST(coalesce(owed.billed_amount, 0) AS DECIMAL(28, 2)) AS billed_amount,
    CAST(coalesce(allocated.amount, 0) AS DECIMAL(28, 2)) AS allocated_amount,
    CAST(coalesce(owed.receivable_amount, 0) AS DECIMAL(28, 2)) AS receivable_amount,
    CAST(coalesce(owed.overpaid_amount, 0) AS DECIMAL(28, 2)) AS overpaid_amount,
    CAST(coalesce(owed.billed_amount, 0) - coalesce(allocated.amount, 0) - coalesce(owed.receivable_amount, 0)
        AS DECIMAL(28, 2)) AS difference_amount
FROM owed
FULL JOIN allocated ON allocated.bill_month = owed.bill_month
LEFT JOIN issued ON issued.bill_month = owed.bill_month
