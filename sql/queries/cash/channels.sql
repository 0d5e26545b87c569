-- Question: through which channels does the money come, and what comes back?
-- 问题:     电费经哪些渠道缴纳，退回多少？
-- Grain:    one row a month money was booked in (its first day) and channel.
-- Units:    currency; shares 0 to 1 of the month's receipts, NULL where there are none.
-- Month:    cash (实收年月).
--
-- online are the channels that need nobody at a counter: all but counter, kiosk and agent. Σ net_amount
-- over all months is what account_balances has as received.
-- Column:   cash_month | month of booking, its first day | 实收年月
-- Column:   channel | channel | 缴费渠道
-- Column:   online | without a counter or a machine of ours | 线上渠道
-- Column:   payment_count | payments received | 缴费笔数
-- Column:   account_count | accounts that paid | 缴费户数
-- Column:   received_amount | received for bills and ahead | 收款金额
-- Column:   prepaid_amount | of that, booked as paid ahead | 预收金额
-- Column:   returned_count | reversals and refunds | 冲正退费笔数
-- Column:   returned_amount | taken back | 冲正退费金额
-- Column:   net_amount | received less taken back | 净收金额
-- Column:   payment_share | of the month's payments | 笔数占比
-- Column:   received_share | of the month's money | 金额占比
-- Column:   returned_rate | returns over payments, counted | 退回率
WITH moved AS (
    SELECT CAST(date_trunc('month', settlement_day(booked_at)) AS DATE) AS cash_month, channel,
        count(*) FILTER (WHERE op IN ('PAY', 'PREPAY')) AS payment_count,
        count(DISTINCT account_id) FILTER (WHERE op IN ('PAY', 'PREPAY')) AS account_count,
        coalesce(sum(amount) FILTER (WHERE op IN ('PAY', 'PREPAY')), 0) AS received_amount,
        coalesce(sum(amount) FILTER (WHERE op = 'PREPAY'), 0) AS prepaid_amount,
        count(*) FILTER (WHERE op IN ('REVERSE', 'REFUND')) AS returned_count,
        coalesce(sum(amount) FILTER (WHERE op IN ('REVERSE', 'REFUND')), 0) AS returned_amount
    FROM payments
    GROUP BY 1, 2
), whole AS (
    SELECT *, sum(payment_count) OVER (PARTITION BY cash_month) AS all_payment_count,
        sum(received_amount) OVER (PARTITION BY cash_month) AS all_received_amount
    FROM moved
)
SELECT cash_month, channel, channel NOT IN ('counter', 'kiosk', 'agent') AS online,
    payment_count, account_count,
    CAST(received_amount AS DECIMAL(28, 2)) AS received_amount,
    CAST(prepaid_amount AS DECIMAL(28, 2)) AS prepaid_amount,
    returned_count,
    CAST(returned_amount AS DECIMAL(28, 2)) AS returned_amount,
    CAST(received_amount - returned_amount AS DECIMAL(28, 2)) AS net_amount,
    CAST(CAST(payment_count AS DECIMAL(20, 6)) / nullif(all_payment_count, 0) AS DECIMAL(9, 6)) AS payment_share,
    CAST(received_amount / nullif(all_received_amount, 0) AS DECIMAL(9, 6)) AS received_share,
    CAST(CAST(returned_count AS DECIMAL(20, 6)) / nullif(payment_count, 0) AS DECIMAL(9, 6)) AS returned_rate
FROM whole
