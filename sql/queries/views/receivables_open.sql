-- Question: which bills are not fully paid?
-- Grain:    one row a bill with something open.
-- Units:    currency; days_overdue in days, 0 while not due.
-- Month:    issue (应收年月).
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
