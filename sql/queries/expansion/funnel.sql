-- Question: of what was applied for in a month, how much was surveyed, approved, connected or given up, and
--           how fast (接电转化率, 平均接电时长)?
-- 问题:     每月受理的报装有多少勘查、批复、接电、终止，多快？
-- Grain:    one row a month of acceptance (its first day), region (all is all of them) and type.
-- Units:    applications counted, kVA, days; rates 0 to 1.
-- Month:    acceptance: later steps count in the month their application was accepted in.
--
-- Applications whose acceptance lies before the books begin are left out. conversion_rate is what has been
-- connected of what was accepted, and rises until none is pending.
-- Column:   month | of acceptance, its first day | 受理月份
-- Column:   region_code | region; all, or NULL where not known | 区域
-- Column:   request_type | new_supply or capacity_increase | 业务类型
-- Column:   accepted_count | accepted | 受理数
-- Column:   surveyed_count | of these, surveyed | 勘查数
-- Column:   approved_count | approved | 批复数
-- Column:   connected_count | connected | 接电数
-- Column:   withdrawn_count | given up | 终止数
-- Column:   pending_count | under way | 在途数
-- Column:   accepted_kva | accepted | 受理容量
-- Column:   connected_kva | connected | 接电容量
-- Column:   pending_kva | under way | 在途容量
-- Column:   withdrawn_kva | given up | 终止容量
-- Column:   conversion_rate | capacity connected over accepted | 接电转化率
-- Column:   p50_days | half were connected within | 接电时长中位
-- Column:   p90_days | nine in ten were connected within | 接电时长90分位
-- Column:   mean_days | mean to connection | 平均接电时长
-- Column:   late_count | connected or pending beyond the limit | 超时数
-- Column:   in_time_rate | of the connected and late, those in time | 时限达标率
WITH applied AS (
    SELECT *, CAST(date_trunc('month', settlement_day(accepted_at)) AS DATE) AS month,
        unnest(['all', region_code]) AS region,
        CASE WHEN reached = 'connected' THEN CAST(total_days AS DOUBLE) END AS connected_days
    FROM expansion.applications
    WHERE accepted_at IS NOT NULL
), counted AS (
    SELECT month, region, request_type, count(*) AS accepted_count,
        count(*) FILTER (WHERE survey_days IS NOT NULL) AS surveyed_count,
        count(*) FILTER (WHERE approval_days IS NOT NULL) AS approved_count,
        count(*) FILTER (WHERE reached = 'connected') AS connected_count,
        count(*) FILTER (WHERE reached = 'withdrawn') AS withdrawn_count,
        count(*) FILTER (WHERE pending) AS pending_count,
        sum(added_kva) AS accepted_kva,
        coalesce(sum(added_kva) FILTER (WHERE reached = 'connected'), 0) AS connected_kva,
        coalesce(sum(added_kva) FILTER (WHERE pending), 0) AS pending_kva,
        coalesce(sum(added_kva) FILTER (WHERE reached = 'withdrawn'), 0) AS withdrawn_kva,
        percentile_cont(connected_days, 0.5) AS p50_days, percentile_cont(connected_days, 0.9) AS p90_days,
        sum(total_days) FILTER (WHERE reached = 'connected') AS connected_days,
        count(*) FILTER (WHERE NOT in_time AND reached <> 'withdrawn') AS late_count,
        count(*) FILTER (WHERE in_time AND reached = 'connected') AS timely_count
    FROM applied
    GROUP BY month, region, request_type
)
SELECT month, region AS region_code, request_type, accepted_count, surveyed_count, approved_count,
    connected_count, withdrawn_count, pending_count,
    CAST(accepted_kva AS DECIMAL(28, 4)) AS accepted_kva,
    CAST(connected_kva AS DECIMAL(28, 4)) AS connected_kva,
    CAST(pending_kva AS DECIMAL(28, 4)) AS pending_kva,
    CAST(withdrawn_kva AS DECIMAL(28, 4)) AS withdrawn_kva,
    CAST(connected_kva / nullif(accepted_kva, 0) AS DECIMAL(9, 6)) AS conversion_rate,
    CAST(p50_days AS DECIMAL(12, 2)) AS p50_days, CAST(p90_days AS DECIMAL(12, 2)) AS p90_days,
    CAST(connected_days / nullif(connected_count, 0) AS DECIMAL(12, 2)) AS mean_days,
    late_count,
    CAST(CAST(timely_count AS DECIMAL(20, 6)) / nullif(timely_count + late_count, 0) AS DECIMAL(9, 6)) AS in_time_rate
FROM counted
