-- Question: what is owed on each bill that stands, how old is it, and whose is it?
-- 问题:     每张有效账单欠费多少、账龄多长、属于谁？
-- Grain:    one row a bill that stands; amount − paid_amount + returned_amount = open_amount.
-- Units:    currency; days_overdue in days, 0 while not due.
-- Month:    issue (应收年月); money counts whenever it was booked. Classes are those of the day of issue.
--
-- paid_amount is all that ever went to the bill, returned_amount what was taken back of it (冲正, 退费):
-- a bill whose payment was returned is open again from its first due date.
-- Column:   bill_id | bill that stands | 账单编号
-- Column:   customer_id | customer | 用户编号
-- Column:   account_id | account | 缴费账户
-- Column:   voltage_code | voltage level on the day of issue | 电压等级
-- Column:   tariff_code | tariff class on the day of issue | 电价分类
-- Column:   usage_code | usage nature on the day of issue | 用电性质
-- Column:   industry_code | industry on the day of issue | 行业
-- Column:   region_code | region on the day of issue | 区域
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   issued_at | instant of issue, UTC | 发行时间
-- Column:   due_on | last day to pay | 缴费截止日
-- Column:   amount | billed, adjustments included | 应收金额
-- Column:   paid_amount | paid to it | 实收金额
-- Column:   returned_amount | of that, taken back | 冲正退费金额
-- Column:   open_amount | still owed; negative where more was paid than billed | 欠费金额
-- Column:   days_overdue | days past due | 逾期天数
-- Column:   bucket | ageing bucket; settled where nothing is open | 账龄
-- Column:   prior_year | issued in an earlier year | 陈欠
WITH moved AS (
    SELECT bill_id,
        sum(amount) FILTER (WHERE amount > 0) AS paid_amount,
        -sum(amount) FILTER (WHERE amount < 0) AS returned_amount
    FROM payment_allocations GROUP BY bill_id
)
SELECT owed.bill_id, owed.customer_id, owed.account_id,
    class.voltage_code, class.tariff_code, class.usage_code, class.industry_code, class.region_code,
    owed.bill_month, owed.issued_at, owed.due_on, owed.amount,
    CAST(coalesce(moved.paid_amount, 0) AS DECIMAL(18, 2)) AS paid_amount,
    CAST(coalesce(moved.returned_amount, 0) AS DECIMAL(18, 2)) AS returned_amount,
    owed.open_amount, owed.days_overdue,
    CASE
        WHEN owed.open_amount <= 0 THEN 'settled'
        WHEN owed.days_overdue = 0 THEN 'not_due'
        WHEN owed.days_overdue <= 30 THEN '1-30'
        WHEN owed.days_overdue <= 60 THEN '31-60'
        WHEN owed.days_overdue <= 90 THEN '61-90'
        WHEN owed.days_overdue <= 180 THEN '91-180'
        WHEN owed.days_overdue <= 365 THEN '181-365'
        ELSE '>365'
    END AS bucket,
    owed.prior_year
FROM receivables AS owed
LEFT JOIN moved ON moved.bill_id = owed.bill_id
LEFT JOIN customers_by_day AS class ON class.customer_id = owed.customer_id
    AND settlement_day(owed.issued_at) >= class.first_day AND settlement_day(owed.issued_at) <= class.last_day
