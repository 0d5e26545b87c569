-- Question: what has become of each request, and was it in time?
-- 问题:     每件工单办理结果如何，是否按时？
-- Grain:    one row a request.
-- Units:    days and hours, of the clock, not of office time.
-- Month:    none; stages by the time they happened.
--
-- category is contact, expansion or change by the request's type, other where the type is none of those
-- known. limit_days is what the supplier promises: no stream carries it, so that it is said here, in
-- days of the clock: fault repaired in 1, complaint and report answered in 7 and 10, inquiry in 5, opinion and
-- suggestion in 10, new supply and more capacity connected in 45, changes done in 15. A request that is
-- open counts as late once its limit has passed. repeated: the same customer made one of the same type within
-- 60 days before. What was accepted before the books begin has no accepted_at, and no time.
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
        ('inquiry', 'contact', 5), ('fault_report', 'contact', 1), ('complaint', 'contact', 7),
        ('report', 'contact', 10), ('opinion', 'contact', 10), ('suggestion', 'contact', 10),
        ('praise', 'contact', NULL), ('new_supply', 'expansion', 45), ('capacity_increase', 'expansion', 45),
        ('capacity_decrease', 'change', 15), ('suspension', 'change', 15), ('temporary_exchange', 'change', 15),
        ('relocation', 'change', 15), ('meter_move', 'change', 15), ('temporary_removal', 'change', 15),
        ('transfer', 'change', 15), ('split', 'change', 15), ('merge', 'change', 15), ('closure', 'change', 15),
        ('voltage_change', 'change', 15), ('class_change', 'change', 15)
    ) AS types (request_type, category, limit_days)
), timed AS (
    SELECT stages.*, coalesce(types.category, 'other') AS category, types.limit_days,
        CASE
            WHEN outcome IN ('withdrawn', 'refused', 'rejected', 'cancelled') THEN 'withdrawn'
            WHEN closed_at IS NOT NULL OR connected_at IS NOT NULL THEN 'done'
            ELSE 'open'
        END AS state,
        CASE WHEN types.category = 'expansion' THEN coalesce(connected_at, closed_at) ELSE closed_at END AS ended_at,
        lag(accepted_at) OVER (PARTITION BY customer_id, stages.request_type ORDER BY accepted_at, request_id)
            AS before_at
    FROM stages
    LEFT JOIN types ON types.request_type = stages.request_type
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
    CAST(limit_days AS BIGINT) AS limit_days,
    hours <= limit_days * 24 AS in_time,
    coalesce(customer_id IS NOT NULL AND accepted_at <= before_at + INTERVAL '60 days', false) AS repeated
FROM counted
