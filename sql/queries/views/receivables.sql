-- Question: what is owed on each bill that stands?
-- Grain:    one row a bill that stands; Σ amount − Σ paid_amount = Σ open_amount.
-- Units:    currency; open_amount is negative where more was paid than billed. days_overdue counts
--           from the due date to the day the session speaks for, 0 while not due.
-- Month:    issue (应收年月); money counts whenever it was booked.
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
