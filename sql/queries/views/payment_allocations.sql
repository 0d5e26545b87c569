-- Question: which money went to which bill, and which was taken back?
-- 问题:     每笔缴费销了哪些账单，哪些被冲回？
-- Grain:    one row a payment and bill; reversals and refunds are rows of their own.
-- Units:    amount in currency, negative where money was taken back.
-- Month:    cash (实收年月): booked_at.
--
-- Whoever took the money says what it is for, and that counts. Money for a bill that was rebilled
-- counts for the bill that replaced it (followed twice). A reversal that names no bills takes back
-- what the payment it refers to gave. A PAY that names no bill goes, less what was taken back of
-- it, to the open bills of its account, the one due first before the others; what is left over is
-- paid ahead (预收), see account_balances.
-- Column:   payment_id | payment | 缴费编号
-- Column:   bill_id | bill | 账单编号
-- Column:   account_id | account that is billed | 结算户号
-- Column:   channel | way it was paid | 缴费渠道
-- Column:   paid_at | when it was paid | 缴费时间
-- Column:   booked_at | when it was booked | 到账时间
-- Column:   amount | amount for the bill, currency, negative if taken back | 销账金额
WITH given AS (
    SELECT payment_id, op, ref_payment_id, account_id, channel, paid_at, booked_at,
        allocation['bill_id'] AS bill_id, allocation['amount'] AS amount
    FROM (SELECT *, unnest(allocations) AS allocation FROM payments)
), signed AS (
    SELECT payment_id, account_id, channel, paid_at, booked_at, bill_id,
        CASE WHEN op IN ('REVERSE', 'REFUND') THEN -amount ELSE amount END AS amount
    FROM given
    UNION ALL
    SELECT reversal.payment_id, reversal.account_id, reversal.channel, reversal.paid_at, reversal.booked_at,
        given.bill_id, -given.amount
    FROM payments AS reversal
    JOIN given ON given.payment_id = reversal.ref_payment_id
    WHERE reversal.op = 'REVERSE' AND coalesce(cardinality(reversal.allocations), 0) = 0
), replaced AS (
    SELECT ref_bill_id AS bill_id, max(bill_id) AS by_bill_id
    FROM bills WHERE kind = 'REBILL' AND ref_bill_id IS NOT NULL GROUP BY ref_bill_id
), named AS (
    SELECT signed.payment_id, coalesce(second.by_bill_id, first.by_bill_id, signed.bill_id) AS bill_id,
        signed.account_id, signed.channel, signed.paid_at, signed.booked_at, signed.amount
    FROM signed
    LEFT JOIN replaced AS first ON first.bill_id = signed.bill_id
    LEFT JOIN replaced AS second ON second.bill_id = first.by_bill_id
), returned AS (
    SELECT ref_payment_id AS payment_id, sum(amount) AS amount
    FROM payments WHERE op IN ('REVERSE', 'REFUND') AND ref_payment_id IS NOT NULL GROUP BY ref_payment_id
), unnamed AS (
    -- Each payment as a stretch of all that its account paid without naming a bill.
    SELECT payment_id, account_id, channel, paid_at, booked_at, amount,
        sum(amount) OVER (PARTITION BY account_id ORDER BY booked_at, payment_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto
    FROM (
        SELECT pay.payment_id, pay.account_id, pay.channel, pay.paid_at, pay.booked_at,
            pay.amount - coalesce(returned.amount, 0) AS amount
        FROM payments AS pay
        LEFT JOIN returned ON returned.payment_id = pay.payment_id
        WHERE pay.op = 'PAY' AND coalesce(cardinality(pay.allocations), 0) = 0
    ) WHERE amount > 0
), owing AS (
    -- And each bill as a stretch of what these accounts owe besides.
    SELECT bill_id, account_id, amount,
        sum(amount) OVER (PARTITION BY account_id ORDER BY due_on, bill_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS upto
    FROM (
        SELECT bill.bill_id, bill.account_id, bill.due_on, bill.amount - coalesce(paid.amount, 0) AS amount
        FROM (SELECT DISTINCT account_id FROM unnamed) AS payer
        JOIN bills_current AS bill ON bill.account_id = payer.account_id
        LEFT JOIN (SELECT bill_id, sum(amount) AS amount FROM named GROUP BY bill_id) AS paid
            ON paid.bill_id = bill.bill_id
    ) WHERE amount > 0
)
SELECT payment_id, bill_id, account_id, channel, paid_at, booked_at, CAST(amount AS DECIMAL(18, 2)) AS amount
FROM named
UNION ALL
SELECT unnamed.payment_id, owing.bill_id, unnamed.account_id, unnamed.channel, unnamed.paid_at, unnamed.booked_at,
    CAST(least(unnamed.upto, owing.upto) - greatest(unnamed.upto - unnamed.amount, owing.upto - owing.amount)
        AS DECIMAL(18, 2))
FROM unnamed
JOIN owing ON owing.account_id = unnamed.account_id
    AND owing.upto - owing.amount < unnamed.upto AND unnamed.upto - unnamed.amount < owing.upto
