-- Question: which money went to which bill, and which was taken back?
-- Grain:    one row a payment and bill; reversals and refunds are rows of their own.
-- Units:    amount in currency, negative where money was taken back.
-- Month:    cash (实收年月): booked_at.
--
-- Money for a bill that was rebilled counts for the bill that replaced it
-- (followed twice). A reversal that names no bills takes back what the payment
-- it refers to gave.
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
)
SELECT signed.payment_id, coalesce(second.by_bill_id, first.by_bill_id, signed.bill_id) AS bill_id,
    signed.account_id, signed.channel, signed.paid_at, signed.booked_at,
    CAST(signed.amount AS DECIMAL(18, 2)) AS amount
FROM signed
LEFT JOIN replaced AS first ON first.bill_id = signed.bill_id
LEFT JOIN replaced AS second ON second.bill_id = first.by_bill_id
