-- Question: what has become of each request, and was it in time?
-- 问题:     每件工单办理结果如何，是否按时？
-- Grain:    one row a request.
-- Units:    days and hours, of the clock, not of office time.
-- Month:    none; stages by the time they happened.
--
-- category is contact, expansion or change by the request's type, other where the type is none of those
-- known. limit_days is what the supplier promised when it was accepted, in days of the clock: the limits
-- of this view, TYPE_days. A request that is open counts as late once its limit has passed. repeated: the
-- same customer made one of the same type within repeat_days before. What was accepted before the books
-- begin has no accepted_at, and no time.
-- Column:   request_id | request | 工单编号
-- Column:   request_type | type as sent | 业务类型
-- Column:   category | contact, expansion, change or other | 业务类别
-- Column:   customer_id | who asked, if a customer | 用户编号
-- Column:   region_code | where | 区域
-- Column:   before_kva | capacity before | 原容量
-- Column:   after_kva | capacity asked for | 申请容量
-- Column:   accepted_at | accepted | 受理时间
-- Column:   surveyed_at | surveyed | 勘查时间
-- Column:   approved_at | approved | 批复时间
-- Column:   connected_at | connected | 接电时间
-- Column:   closed_at | closed | 办结时间
-- Column:   outcome | how it ended | 办理结果
-- Column:   state | open, done, or withdrawn (also: refused) | 状态
-- Column:   ended_at | connected, or closed where nothing is to be connected | 完成时间
-- Column:   hours | from acceptance to the end, or to now | 历时小时
-- Column:   limit_days | what is promised | 承诺时限
-- Column:   in_time | ended or still within the limit; NULL without a limit or acceptance | 时限达标
-- Column:   repeated | the same again within 60 days | 重复来电
WITH stages AS (
    SELECT request_id, max(request_type) AS request_type, max(customer_id) AS customer_id,
        max(region_code) AS region_code, max(before_kva) AS before_kva, max(after_kva) AS after_kva,
        min(stage_at) FILTER (WHERE stage = 'accepted') AS accepted_at,
        min(stage_at) FILTER (WHERE stage = 'surveyed') AS surveyed_at,
        min(stage_at) FILTER (WHERE stage = 'approved') AS approved_at,
        min(stage_at) FILTER (WHERE stage = 'connected') AS connected_at,
        min(stage_at) FILTER (WHERE stage = 'closed') AS closed_at,
        max(outcome) FILTER (WHERE stage = 'closed') AS outcome
    FROM service_requests
    GROUP BY request_id
), types AS (
    SELECT * FROM (VALUES
        ('inquiry', 'contact'), ('fault_report', 'contact'), ('complaint', 'contact'), ('report', 'contact'),
        ('opinion', 'contact'), ('suggestion', 'contact'), ('praise', 'contact'),
        ('new_supply', 'expansion'), ('capacity_increase', 'expansion'),
        ('capacity_decrease', 'change'), ('suspension', 'change'), ('temporary_exchange', 'change'),
        ('relocation', 'change'), ('meter_move', 'change'), ('temporary_removal', 'change'),
        ('transfer', 'change'), ('split', 'change'), ('merge', 'change'), ('closure', 'change'),
        ('voltage_change', 'change'), ('class_change', 'change')
    ) AS types (request_type, category)
), known AS (
    SELECT *, settlement_day(coalesce(accepted_at, surveyed_at, approved_at, connected_at, closed_at)) AS first_day
    FROM stages
), timed AS (
    SELECT known.*, coalesce(types.category, 'other') AS category, promised.value AS limit_days,
        repeating.value AS repeat_days,
        CASE
            WHEN outcome IN ('withdrawn', 'refused', 'rejected', 'cancelled') THEN 'withdrawn'
            WHEN closed_at IS NOT NULL OR connected_at IS NOT NULL THEN 'done'
            ELSE 'open'
        END AS state,
        CASE WHEN types.category = 'expansion' THEN coalesce(connected_at, closed_at) ELSE closed_at END AS ended_at,
        lag(accepted_at) OVER (PARTITION BY customer_id, known.request_type ORDER BY accepted_at, request_id)
            AS before_at
    FROM known
    LEFT JOIN types ON types.request_type = known.request_type
    LEFT JOIN limits_by_day AS promised ON promised.view_name = 'service.requests'
        AND promised.parameter = concat(known.request_type, '_days')
        AND known.first_day >= promised.first_day AND known.first_day <= promised.last_day
    LEFT JOIN limits_by_day AS repeating ON repeating.view_name = 'service.requests'
        AND repeating.parameter = 'repeat_days'
        AND known.first_day >= repeating.first_day AND known.first_day <= repeating.last_day
), counted AS (
    SELECT timed.*,
        CAST(CAST(coalesce(timed.ended_at, lake_time.as_of) AS BIGINT) - CAST(timed.accepted_at AS BIGINT)
            AS DECIMAL(20, 0)) / 3600000000 AS hours
    FROM timed
    CROSS JOIN lake_time
)
SELECT request_id, request_type, category, customer_id, region_code, before_kva, after_kva,
    accepted_at, surveyed_at, approved_at, connected_at, closed_at, outcome, state, ended_at,
    CAST(hours AS DECIMAL(12, 2)) AS hours,
    limit_days,
    hours <= limit_days * 24 AS in_time,
    coalesce(customer_id IS NOT NULL
        AND CAST(accepted_at AS BIGINT) - CAST(before_at AS BIGINT) <= repeat_days * 86400000000, false) AS repeated
FROM counted
