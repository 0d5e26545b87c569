-- Question: how old is the money that is owed, and what is it owed for?
-- 问题:     欠费账龄如何，欠的是什么费？
-- Grain:    one row an ageing bucket, component and prior_year with something open.
-- Units:    currency; bills and customers counted, one with several components in each of them.
-- Month:    issue (应收年月); as seen at the instant the session speaks for.
-- Column:   bucket | ageing bucket by due date | 账龄
-- Column:   component | what is charged | 电费项目
-- Column:   prior_year | bills issued in an earlier year | 陈欠
-- Column:   open_amount | still owed | 欠费金额
-- Column:   line_count | bill lines | 明细数
-- Column:   bill_count | bills | 账单数
-- Column:   customer_count | customers | 户数
SELECT bucket, component, prior_year,
    CAST(sum(open_amount) AS DECIMAL(28, 2)) AS open_amount,
    count(*) AS line_count,
    count(DISTINCT bill_id) AS bill_count,
    count(DISTINCT customer_id) AS customer_count
FROM cash.ageing_lines
GROUP BY bucket, component, prior_year
