-- Question: which bills are not fully paid?
-- 问题:     哪些账单尚未缴清？
-- Grain:    one row a bill with something open.
-- Units:    currency; days_overdue in days, 0 while not due.
-- Month:    issue (应收年月).
-- Column:   bill_id | bill | 账单编号
-- Column:   customer_id | customer | 客户编号
-- Column:   account_id | account that is billed | 结算户号
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   issued_at | when it was issued | 发行时间
-- Column:   due_on | day it is due | 缴费期限
-- Column:   amount | amount billed, currency | 应收电费
-- Column:   paid_amount | amount paid, currency | 已缴金额
-- Column:   open_amount | amount still owed, currency | 欠费金额
-- Column:   days_overdue | days overdue, 0 while not due | 逾期天数
-- Column:   prior_year | whether of an earlier year (old debt) | 是否陈欠
-- Column:   bucket | ageing bucket | 账龄段
SELECT bill_id, customer_id, account_id, bill_month, issued_at, due_on, amount, paid_amount, open_amount,
    days_overdue, prior_year,
    CASE
        WHEN days_overdue = 0 THEN 'not_due'
        WHEN days_overdue <= 30 THEN '1-30'
        WHEN days_overdue <= 60 THEN '31-60'
        WHEN days_overdue <= 90 THEN '61-90'
        WHEN days_overdue <= 180 THEN '91-180'
        WHEN days_overdue <= 365 THEN '181-365'
        ELSE '>365'
    END AS bucket
FROM receivables
WHERE open_amount > 0
