-- Question: which supply contracts have ended or will soon, and of whom is none known (合同到期)?
-- 问题:     哪些供用电合同已到期或将到期，哪些没有合同期限？
-- Grain:    one row a customer that is neither pending nor closed.
-- Units:    days, kVA, kW.
-- Month:    none; as seen at the instant the session speaks for.
-- Column:   customer_id | customer | 用户编号
-- Column:   status | state of supply | 用户状态
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   region_code | region | 区域
-- Column:   capacity_kva | contracted capacity | 合同容量
-- Column:   demand_mode | basic charge by capacity or demand; NULL without one | 基本电费方式
-- Column:   contract_kw | contracted demand | 合同需量
-- Column:   contract_end | last day of the contract | 合同到期日
-- Column:   days_left | to that day, negative once it has passed; NULL where none is known | 剩余天数
-- Column:   state | none, expired, 30, 90, 365 (days at most) or later | 到期分档
SELECT customer_id, status, tariff_code, region_code, capacity_kva, demand_mode, contract_kw, contract_end,
    CAST(contract_end - settlement_day(lake_time.as_of) AS BIGINT) AS days_left,
    CASE
        WHEN contract_end IS NULL THEN 'none'
        WHEN contract_end < settlement_day(lake_time.as_of) THEN 'expired'
        WHEN contract_end <= settlement_day(lake_time.as_of) + INTERVAL '30 days' THEN '30'
        WHEN contract_end <= settlement_day(lake_time.as_of) + INTERVAL '90 days' THEN '90'
        WHEN contract_end <= settlement_day(lake_time.as_of) + INTERVAL '365 days' THEN '365'
        ELSE 'later'
    END AS state
FROM customers_current
CROSS JOIN lake_time
WHERE status NOT IN ('pending', 'closed')
