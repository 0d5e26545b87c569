-- Question: which supply contracts have ended or will soon, and of whom is none known (合同到期)?
-- 问题:     哪些供用电合同已到期或将到期，哪些没有合同期限？
-- Grain:    one row a customer that is neither pending nor closed.
-- Units:    days, kVA, kW.
-- Month:    none; as seen at the instant the session speaks for.
--
-- state names the least of within_1 to within_3, days, that the contract ends in: limits of this view.
-- Column:   customer_id | customer | 用户编号
-- Column:   status | state of supply | 用户状态
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   region_code | region | 区域
-- Column:   capacity_kva | contracted capacity | 合同容量
-- Column:   demand_mode | basic charge by capacity or demand; NULL without one | 基本电费方式
-- Column:   contract_kw | contracted demand | 合同需量
-- Column:   contract_end | last day of the contract | 合同到期日
-- Column:   days_left | to that day, negative once it has passed; NULL where none is known | 剩余天数
-- Column:   state | none, expired, days at most (30, 90, 365 as shipped) or later | 到期分档
WITH terms AS (
    SELECT settlement_day(lake_time.as_of) AS today,
        CAST(max(limits.value) FILTER (WHERE limits.parameter = 'within_1') AS BIGINT) AS within_1,
        CAST(max(limits.value) FILTER (WHERE limits.parameter = 'within_2') AS BIGINT) AS within_2,
        CAST(max(limits.value) FILTER (WHERE limits.parameter = 'within_3') AS BIGINT) AS within_3
    FROM lake_time
    LEFT JOIN limits_by_day AS limits ON limits.view_name = 'contracts.status'
        AND settlement_day(lake_time.as_of) >= limits.first_day AND settlement_day(lake_time.as_of) <= limits.last_day
    GROUP BY lake_time.as_of
)
SELECT customer_id, status, tariff_code, region_code, capacity_kva, demand_mode, contract_kw, contract_end,
    CAST(contract_end - today AS BIGINT) AS days_left,
    CASE
        WHEN contract_end IS NULL THEN 'none'
        WHEN contract_end < today THEN 'expired'
        WHEN contract_end <= today + within_1 THEN CAST(within_1 AS VARCHAR)
        WHEN contract_end <= today + within_2 THEN CAST(within_2 AS VARCHAR)
        WHEN contract_end <= today + within_3 THEN CAST(within_3 AS VARCHAR)
        ELSE 'later'
    END AS state
FROM customers_current
CROSS JOIN terms
WHERE status NOT IN ('pending', 'closed')
