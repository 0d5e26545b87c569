-- Question: what is owed on each bill that stands?
-- 问题:     每张有效账单还欠多少？
-- Grain:    one row a bill that stands; Σ amount − Σ paid_amount = Σ open_amount.
-- Units:    currency; open_amount is negative where more was paid than billed. days_overdue counts
--           from the due date to the day the session speaks for, 0 while not due.
-- Month:    issue (应收年月); money counts whenever it was booked.
-- Column:   bill_id | bill | 账单编号
-- Column:   customer_id | customer | 客户编号
-- Column:   account_id | account that is billed | 结算户号
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   issued_at | when it was issued | 发行时间
-- Column:   due_on | day it is due | 缴费期限
-- Column:   amount | amount billed, currency | 应收电费
-- Column:   paid_amount | amount paid, currency | 已缴金额
-- Column:   open_amount | amount still owed, currency | 欠费金额
-- Column:   payment_count | payments that went to it | 缴费次数
-- Column:   last_paid_at | when it was last paid | 最近缴费时间
-- Column:   days_overdue | days overdue, 0 while not due | 逾期天数
-- Column:   prior_year | whether of an earlier year (old debt) | 是否陈欠
WITH paid AS (
    SELECT bill_id, sum(amount) AS amount, max(paid_at) FILTER (WHERE amount > 0) AS last_paid_at,
        count(*) FILTER (WHERE amount > 0) AS payment_count
    FROM payment_allocations GROUP BY bill_id
)
SELECT bills_current.bill_id, bills_current.customer_id, bills_current.account_id, bills_current.bill_month,
    bills_current.issued_at, bills_current.due_on, bills_current.amount,
    CAST(coalesce(paid.amount, 0) AS DECIMAL(18, 2)) AS paid_amount,
    CAST(bills_current.amount - coalesce(paid.amount, 0) AS DECIMAL(18, 2)) AS open_amount,
    coalesce(paid.payment_count, 0) AS payment_count, paid.last_paid_at,
    greatest(CAST(settlement_day(lake_time.as_of) - bills_current.due_on AS BIGINT), 0) AS days_overdue,
    date_part('year', bills_current.bill_month) < date_part('year', settlement_day(lake_time.as_of)) AS prior_year
FROM bills_current
CROSS JOIN lake_time
LEFT JOIN paid ON paid.bill_id = bills_current.bill_id
