-- Question: which lines of the bills that stand are not what they should be, why, and by how much?
-- 问题:     有效账单中哪些行不正确，原因是什么，差多少？
-- Grain:    one row a bill, component and TOU period that differ; none of a bill that is right.
-- Units:    as in billing.recomputed; difference_amount in currency, positive where too much was charged.
-- Month:    consumption; bill_month is that of issue (应收年月).
--
-- The reasons are told in billing.checked, which has the lines of withdrawn bills as well.
--
-- Column:   bill_id | bill | 账单编号
-- Column:   kind | ORIGINAL or REBILL | 账单类型
-- Column:   customer_id | customer | 用户编号
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   component | energy, step_N, basic, fund_NAME, power_factor; total without lines | 电费项目
-- Column:   tou | TOU period of energy, total without | 时段
-- Column:   reason | why it differs | 差错原因
-- Column:   billed_quantity | quantity as billed | 账单数量
-- Column:   billed_price | price as billed | 账单单价
-- Column:   billed_amount | amount as billed | 账单金额
-- Column:   recomputed_quantity | quantity as it should be | 复算数量
-- Column:   recomputed_price | price as it should be | 复算单价
-- Column:   recomputed_amount | amount as it should be | 复算金额
-- Column:   difference_amount | billed less recomputed | 差额
SELECT bill_id, kind, customer_id, bill_month, component, tou, reason,
    billed_quantity, billed_price, billed_amount, recomputed_quantity, recomputed_price, recomputed_amount,
    difference_amount
FROM billing.checked
WHERE stands AND reason IS NOT NULL
