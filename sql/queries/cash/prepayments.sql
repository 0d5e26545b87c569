-- Question: which accounts have paid ahead, how much, and for how long will it last (预收)?
-- 问题:     哪些账户有预收余额，有多少，够用多久？
-- Grain:    one row an account with money that no bill needs yet.
-- Units:    currency; months_covered in months of bills.
-- Month:    cash (实收年月) for what was received; the mean is of bills of the last three months of issue.
-- Column:   account_id | account | 缴费账户
-- Column:   customer_count | customers of the account | 户数
-- Column:   fee_controlled | one of them pays ahead by contract | 费控
-- Column:   received_amount | received, less returns | 实收金额
-- Column:   open_amount | owed at the same time | 欠费金额
-- Column:   prepaid_amount | paid ahead | 预收余额
-- Column:   mean_bill_amount | mean of its months with bills | 月均电费
-- Column:   months_covered | paid ahead over the mean; NULL without bills | 可用月数
WITH billed AS (
    SELECT bill.account_id, CAST(sum(bill.amount) AS DECIMAL(28, 2)) AS amount, count(DISTINCT bill.bill_month) AS month_count
    FROM bills_current AS bill
    CROSS JOIN lake_time
    WHERE bill.bill_month > CAST(date_trunc('month', settlement_day(lake_time.as_of)) - INTERVAL '3 months' AS DATE)
    GROUP BY bill.account_id
), held AS (
    SELECT account_id, count(*) AS customer_count, max(CASE WHEN prepaid THEN 1 ELSE 0 END) = 1 AS fee_controlled
    FROM customers_current GROUP BY account_id
)
SELECT balance.account_id, coalesce(held.customer_count, 0) AS customer_count, held.fee_controlled,
    balance.received_amount, balance.open_amount, balance.prepaid_amount,
    CAST(billed.amount / billed.month_count AS DECIMAL(18, 2)) AS mean_bill_amount,
    CAST(CASE WHEN billed.amount > 0 THEN balance.prepaid_amount * billed.month_count / billed.amount END
        AS DECIMAL(12, 2)) AS months_covered
FROM account_balances AS balance
LEFT JOIN billed ON billed.account_id = balance.account_id
LEFT JOIN held ON held.account_id = balance.account_id
WHERE balance.prepaid_amount > 0
