-- Question: what became of bills that were replaced, line by line, and what had been wrong with them?
-- 问题:     被替换的账单逐行变成了什么，原先错在哪里？
-- Grain:    one row a replaced bill, component and TOU period of it or of the bill in its place.
-- Units:    as in billing.recomputed; change_amount in currency, positive where the new bill asks more.
-- Month:    issue (应收年月) of the replaced bill.
--
-- reason is why the replaced line was not what it should be, empty where it was; reissue_reason the same of
-- the line in its place. See billing.checked.
--
-- Column:   bill_id | bill that was replaced | 原账单
-- Column:   reissue_bill_id | bill in its place | 重发账单
-- Column:   customer_id | customer | 用户编号
-- Column:   bill_month | month of issue of the replaced bill | 应收年月
-- Column:   component | energy, step_N, basic, fund_NAME, power_factor | 电费项目
-- Column:   tou | TOU period of energy, total without | 时段
-- Column:   quantity | quantity as first billed | 原数量
-- Column:   amount | amount as first billed | 原金额
-- Column:   reissued_quantity | quantity as billed anew | 重发数量
-- Column:   reissued_amount | amount as billed anew | 重发金额
-- Column:   change_amount | anew less first | 变动额
-- Column:   reason | why the first was wrong | 原差错原因
-- Column:   reissue_reason | why the new one is wrong | 重发差错原因
WITH pairs AS (
    SELECT ref_bill_id AS bill_id, bill_id AS reissue_bill_id, anew,
        CASE WHEN anew THEN bill_id ELSE ref_bill_id END AS side_bill_id
    FROM bills
    CROSS JOIN (VALUES (false), (true)) AS sides (anew)
    WHERE kind = 'REBILL' AND ref_bill_id IS NOT NULL
), replaced AS (
    SELECT bill_id, bill_month FROM bills
), sides AS (
    SELECT pairs.bill_id, pairs.reissue_bill_id, checked.customer_id, checked.component, checked.tou,
        coalesce(sum(billed_quantity) FILTER (WHERE NOT anew), 0) AS quantity,
        coalesce(sum(billed_amount) FILTER (WHERE NOT anew), 0) AS amount,
        coalesce(sum(billed_quantity) FILTER (WHERE anew), 0) AS reissued_quantity,
        coalesce(sum(billed_amount) FILTER (WHERE anew), 0) AS reissued_amount,
        max(reason) FILTER (WHERE NOT anew) AS reason,
        max(reason) FILTER (WHERE anew) AS reissue_reason
    FROM billing.checked AS checked
    JOIN pairs ON pairs.side_bill_id = checked.bill_id
    GROUP BY 1, 2, 3, 4, 5
)
SELECT sides.bill_id, sides.reissue_bill_id, sides.customer_id, replaced.bill_month, sides.component, sides.tou,
    CAST(sides.quantity AS DECIMAL(18, 4)) AS quantity, CAST(sides.amount AS DECIMAL(18, 2)) AS amount,
    CAST(sides.reissued_quantity AS DECIMAL(18, 4)) AS reissued_quantity,
    CAST(sides.reissued_amount AS DECIMAL(18, 2)) AS reissued_amount,
    CAST(sides.reissued_amount - sides.amount AS DECIMAL(18, 2)) AS change_amount,
    sides.reason, sides.reissue_reason
FROM sides
JOIN replaced ON replaced.bill_id = sides.bill_id
