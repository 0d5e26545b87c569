-- Question: how far is each application for supply or more capacity, and how long did each step take (报装)?
-- 问题:     每项报装办到哪一步，各步用时多少？
-- Grain:    one row an application: new_supply and capacity_increase.
-- Units:    kVA; days of the clock.
-- Month:    none; stages by the time they happened.
-- Column:   request_id | application | 工单编号
-- Column:   request_type | new_supply or capacity_increase | 业务类型
-- Column:   customer_id | customer, if known | 用户编号
-- Column:   region_code | region | 区域
-- Column:   tariff_code | class applied for, of the customer's record; NULL if not known | 电价分类
-- Column:   added_kva | capacity to be added | 新增容量
-- Column:   accepted_at | accepted | 受理时间
-- Column:   reached | last step: accepted, surveyed, approved, connected or withdrawn | 当前环节
-- Column:   pending | neither connected nor closed | 在途
-- Column:   survey_days | acceptance to survey | 受理至勘查
-- Column:   approval_days | survey to approval | 勘查至批复
-- Column:   connection_days | approval to connection | 批复至接电
-- Column:   total_days | acceptance to connection; of pending ones to now, of withdrawn ones to the end | 全程天数
-- Column:   limit_days | what is promised | 承诺时限
-- Column:   in_time | within it | 时限达标
WITH classes AS (
    SELECT customer_id, tariff_code, row_number() OVER (PARTITION BY customer_id ORDER BY valid_from DESC) AS age
    FROM customers_history
), applied AS (
    SELECT request.*, classes.tariff_code,
        coalesce(request.after_kva, 0) - coalesce(request.before_kva, 0) AS added_kva
    FROM service.requests AS request
    LEFT JOIN classes ON classes.customer_id = request.customer_id AND classes.age = 1
    WHERE request.category = 'expansion'
)
SELECT request_id, request_type, customer_id, region_code, tariff_code,
    CAST(added_kva AS DECIMAL(18, 4)) AS added_kva, accepted_at,
    CASE
        WHEN state = 'withdrawn' THEN 'withdrawn'
        WHEN connected_at IS NOT NULL OR closed_at IS NOT NULL THEN 'connected'
        WHEN approved_at IS NOT NULL THEN 'approved'
        WHEN surveyed_at IS NOT NULL THEN 'surveyed'
        ELSE 'accepted'
    END AS reached,
    state = 'open' AS pending,
    CAST((CAST(surveyed_at AS BIGINT) - CAST(accepted_at AS BIGINT)) / 86400000000.0 AS DECIMAL(12, 4)) AS survey_days,
    CAST((CAST(approved_at AS BIGINT) - CAST(surveyed_at AS BIGINT)) / 86400000000.0 AS DECIMAL(12, 4))
        AS approval_days,
    CAST((CAST(connected_at AS BIGINT) - CAST(approved_at AS BIGINT)) / 86400000000.0 AS DECIMAL(12, 4))
        AS connection_days,
    CAST(hours / 24 AS DECIMAL(12, 4)) AS total_days,
    limit_days, in_time
FROM applied
