-- Question: how much load will the applications under way bring, and when?
-- 问题:     在途报装将带来多少负荷，何时？
-- Grain:    one row an application that is pending.
-- Units:    kVA, kW, days; demand_factor in kW to a kVA.
-- Month:    none; as seen at the instant the session speaks for.
--
-- demand_factor (需用系数) is what the class of the application drew in its highest hour of the last 90
-- days, over the capacity of its active customers; of all classes where the class is not known or draws
-- nothing. expected_on counts half of the days that connected applications of the type took, from
-- acceptance; overdue ones are expected today. The whole load is there once machines have come into use,
-- two months after connection: no ramp is in this.
-- Column:   request_id | application | 工单编号
-- Column:   request_type | new_supply or capacity_increase | 业务类型
-- Column:   customer_id | customer, if known | 用户编号
-- Column:   region_code | region | 区域
-- Column:   tariff_code | class; NULL if not known | 电价分类
-- Column:   reached | last step | 当前环节
-- Column:   accepted_at | accepted | 受理时间
-- Column:   added_kva | capacity to be added | 新增容量
-- Column:   demand_factor | of its class | 需用系数
-- Column:   expected_kw | load it will bring | 预计新增负荷
-- Column:   expected_on | day it is expected on; NULL where none was ever connected | 预计接电日
WITH recent AS (
    SELECT load.axis, load.code, max(load.peak_kw) AS peak_kw
    FROM load.daily AS load
    CROSS JOIN lake_time
    WHERE load.axis IN ('all', 'tariff')
        AND load.day > CAST(settlement_day(lake_time.as_of) - INTERVAL '91 days' AS DATE)
    GROUP BY load.axis, load.code
), capacity AS (
    SELECT axis, code, sum(kva) AS kva
    FROM (
        SELECT unnest(['all', 'tariff']) AS axis, unnest(['all', tariff_code]) AS code, capacity_kva AS kva
        FROM customers_current WHERE status = 'active'
    )
    GROUP BY axis, code
), factors AS (
    SELECT recent.axis, recent.code,
        CAST(CASE WHEN capacity.kva > 0 AND recent.peak_kw > 0 THEN recent.peak_kw / capacity.kva END
            AS DECIMAL(12, 6)) AS demand_factor
    FROM recent
    JOIN capacity ON capacity.axis = recent.axis AND capacity.code = recent.code
), usual AS (
    SELECT request_type, CAST(round(percentile_cont(CAST(total_days AS DOUBLE), 0.5)) AS BIGINT) AS days
    FROM expansion.applications
    WHERE reached = 'connected' AND accepted_at IS NOT NULL
    GROUP BY request_type
), asked AS (
    SELECT pending.*, coalesce(own.demand_factor, every.demand_factor) AS demand_factor, usual.days,
        settlement_day(lake_time.as_of) AS today
    FROM expansion.applications AS pending
    CROSS JOIN lake_time
    LEFT JOIN factors AS own ON own.axis = 'tariff' AND own.code = pending.tariff_code
    LEFT JOIN factors AS every ON every.axis = 'all'
    LEFT JOIN usual ON usual.request_type = pending.request_type
    WHERE pending.pending
)
SELECT request_id, request_type, customer_id, region_code, tariff_code, reached, accepted_at, added_kva,
    demand_factor,
    CAST(added_kva * demand_factor AS DECIMAL(18, 4)) AS expected_kw,
    greatest(settlement_day(arrow_cast(CAST(accepted_at AS BIGINT) + days * 86400000000,
        'Timestamp(Microsecond, Some("UTC"))')), CASE WHEN days IS NOT NULL THEN today END) AS expected_on
FROM asked
