-- Question: what does each account owe, and what has it paid ahead (预收)?
-- 问题:     每个结算户欠费多少、预收多少？
-- Grain:    one row an account with bills or payments; billed − received = open − prepaid.
-- Units:    currency.
-- Month:    issue (应收年月) for what is billed and open, cash (实收年月) for what was received.
--
-- Paid ahead is all money received, less reversals and refunds, that no bill needs: not yet
-- allocated, above a bill's amount, or for a bill that was cancelled and not issued again.
-- Column:   account_id | account that is billed | 结算户号
-- Column:   billed_amount | amount billed, currency | 应收电费
-- Column:   received_amount | money received, currency | 实收金额
-- Column:   open_amount | amount still owed, currency | 欠费金额
-- Column:   prepaid_amount | money paid ahead, currency | 预收金额
SELECT account_id,
    CAST(sum(billed) AS DECIMAL(28, 2)) AS billed_amount,
    CAST(sum(received) AS DECIMAL(28, 2)) AS received_amount,
    CAST(sum(owed) AS DECIMAL(28, 2)) AS open_amount,
    CAST(sum(received) - sum(settled) AS DECIMAL(28, 2)) AS prepaid_amount
FROM (
    SELECT account_id, amount AS billed, 0 AS received, greatest(open_amount, 0) AS owed,
        least(paid_amount, amount) AS settled
    FROM receivables
    UNION ALL
    SELECT account_id, 0, CASE WHEN op IN ('REVERSE', 'REFUND') THEN -amount ELSE amount END, 0, 0
    FROM payments
)
GROUP BY account_id
