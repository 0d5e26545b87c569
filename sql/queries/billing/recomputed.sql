-- Question: what should each line of a bill have been, by metered energy and the tariff in force?
-- 问题:     按抄见电量和当期电价，账单每一行应为多少？
-- Grain:    one row a bill, component and TOU period, of those billed and those that should have been.
-- Units:    quantity in kWh (energy, step, fund), kVA or kW months (basic), currency (power_factor);
--           price per unit of quantity; amounts in currency.
-- Month:    consumption; bill_month is that of issue (应收年月).
--
-- How a line is reckoned is told in billing.reckoning. Columns of a side that has no such line are NULL;
-- so are those recomputed, and difference_amount, of a bill of which not all is known (is_recomputable).
-- Withdrawn bills are here too; stands tells them.
--
-- Column:   bill_id | bill | 账单编号
-- Column:   kind | ORIGINAL or REBILL | 账单类型
-- Column:   stands | neither cancelled nor replaced | 是否有效
-- Column:   customer_id | customer | 用户编号
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   period_end | last day of consumption | 用电截止日
-- Column:   component | energy, step_N, basic, fund_NAME, power_factor; total without lines | 电费项目
-- Column:   tou | TOU period of energy, total without | 时段
-- Column:   billed_quantity | quantity as billed | 账单数量
-- Column:   billed_price | price as billed | 账单单价
-- Column:   billed_amount | amount as billed | 账单金额
-- Column:   recomputed_quantity | quantity as it should be | 复算数量
-- Column:   recomputed_price | price as it should be | 复算单价
-- Column:   recomputed_amount | amount as it should be | 复算金额
-- Column:   difference_amount | billed less recomputed | 差额
-- Column:   is_recomputable | energy (by period), class and price are known | 是否可复算
SELECT bill_id, kind, stands, customer_id, bill_month, period_end, component, tou,
    billed_quantity, billed_price, billed_amount,
    quantity AS recomputed_quantity, price AS recomputed_price, amount AS recomputed_amount,
    CASE WHEN is_recomputable
        THEN CAST(coalesce(billed_amount, 0) - coalesce(amount, 0) AS DECIMAL(18, 2)) END AS difference_amount,
    is_recomputable
FROM billing.reckoning
