-- Question: which bills stand, net of cancelling, rebilling and adjustment?
-- 问题:     冲销、重发、退补之后，哪些账单有效？
-- Grain:    one row a bill that stands; a cancelled or replaced bill is not among them.
-- Units:    kWh; amounts in currency. amount includes adjustments of the bill.
-- Month:    issue (应收年月): bill_month is the first day of the month of issue.
-- Column:   bill_id | bill | 账单编号
-- Column:   kind | ORIGINAL, REBILL, or an ADJUST that stands alone | 账单类型
-- Column:   ref_bill_id | bill it replaces or adjusts | 原账单编号
-- Column:   customer_id | customer | 客户编号
-- Column:   account_id | account that is billed | 结算户号
-- Column:   period_start | first day billed | 计费起始日
-- Column:   period_end | last day billed | 计费截止日
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   issued_at | when it was issued | 发行时间
-- Column:   due_on | day it is due | 缴费期限
-- Column:   tariff_version | version of the tariff | 电价版本
-- Column:   energy_kwh | energy billed, kWh, adjustments included | 发行电量
-- Column:   amount | amount billed, currency, adjustments included | 应收电费
-- Column:   adjustment_amount | adjustments in it, currency | 退补金额
WITH withdrawn AS (
    SELECT coalesce(ref_bill_id, bill_id) AS bill_id FROM bills WHERE kind = 'CANCEL'
    UNION
    SELECT ref_bill_id FROM bills WHERE kind = 'REBILL' AND ref_bill_id IS NOT NULL
), adjustments AS (
    SELECT ref_bill_id AS bill_id, sum(energy_kwh) AS energy_kwh, sum(amount) AS amount
    FROM bills WHERE kind = 'ADJUST' AND ref_bill_id IS NOT NULL GROUP BY ref_bill_id
)
SELECT bills.bill_id, bills.kind, bills.ref_bill_id, bills.customer_id, bills.account_id,
    bills.period_start, bills.period_end, bills.bill_month, bills.issued_at, bills.due_on,
    bills.tariff_version,
    CAST(bills.energy_kwh + coalesce(adjustments.energy_kwh, 0) AS DECIMAL(18, 4)) AS energy_kwh,
    CAST(bills.amount + coalesce(adjustments.amount, 0) AS DECIMAL(18, 2)) AS amount,
    CAST(coalesce(adjustments.amount, 0) AS DECIMAL(18, 2)) AS adjustment_amount
FROM bills
LEFT JOIN withdrawn ON withdrawn.bill_id = bills.bill_id
LEFT JOIN adjustments ON adjustments.bill_id = bills.bill_id
LEFT JOIN bills AS adjusted ON bills.kind = 'ADJUST' AND adjusted.bill_id = bills.ref_bill_id
WHERE withdrawn.bill_id IS NULL
    -- An adjustment is part of its bill; one whose bill is not known stands alone.
    AND (bills.kind IN ('ORIGINAL', 'REBILL') OR (bills.kind = 'ADJUST' AND adjusted.bill_id IS NULL))
