-- Question: how often are inspections right, and what do they bring in (查实率、追补电量电费)?
-- 问题:     用电检查的查实率是多少，追补了多少电量和电费？
-- Grain:    one row a month and kind of suspicion: theft or breach of contract.
-- Units:    kWh, yuan; shares 0 to 1.
-- Month:    of opening for opened_count, of the visit for all others.
--
-- Inspected is who was seen: confirmed and cleared. A visit without access is counted by itself and is in no
-- rate. The rate of several months is the sum of confirmed_count over the sum of inspected_count.
-- Column:   month | month | 月份
-- Column:   kind | theft or breach | 类别（窃电、违约）
-- Column:   opened_count | cases opened | 立案数
-- Column:   inspected_count | cases inspected | 检查数
-- Column:   confirmed_count | found as suspected | 查实数
-- Column:   cleared_count | nothing found | 排除数
-- Column:   no_access_count | visits without access | 未能检查数
-- Column:   hit_rate | confirmed over inspected | 查实率
-- Column:   recovered_energy_kwh | energy charged after all, kWh | 追补电量
-- Column:   recovered_amount | charged for it, yuan | 追补电费
-- Column:   penalty_amount | penalties, yuan | 违约使用电费
WITH told AS (
    SELECT CAST(date_trunc('month', settlement_day(opened_at)) AS DATE) AS month, kind, 'opened' AS what,
        CAST(NULL AS DECIMAL(18, 4)) AS energy_kwh, CAST(NULL AS DECIMAL(18, 2)) AS amount,
        CAST(NULL AS DECIMAL(18, 2)) AS penalty
    FROM inspection_cases
    UNION ALL
    SELECT CAST(date_trunc('month', settlement_day(inspected_at)) AS DATE), kind, outcome,
        recovered_energy_kwh, recovered_amount, penalty_amount
    FROM inspection_cases
    WHERE outcome IS NOT NULL
), counted AS (
    SELECT month, kind,
        count(*) FILTER (WHERE what = 'opened') AS opened_count,
        count(*) FILTER (WHERE what IN ('confirmed', 'cleared')) AS inspected_count,
        count(*) FILTER (WHERE what = 'confirmed') AS confirmed_count,
        count(*) FILTER (WHERE what = 'cleared') AS cleared_count,
        count(*) FILTER (WHERE what = 'no_access') AS no_access_count,
        coalesce(sum(energy_kwh), 0) AS energy_kwh, coalesce(sum(amount), 0) AS amount,
        coalesce(sum(penalty), 0) AS penalty
    FROM told
    GROUP BY month, kind
)
SELECT month, kind, opened_count, inspected_count, confirmed_count, cleared_count, no_access_count,
    CAST(CAST(confirmed_count AS DECIMAL(18, 6)) / nullif(inspected_count, 0) AS DECIMAL(9, 6)) AS hit_rate,
    CAST(energy_kwh AS DECIMAL(28, 4)) AS recovered_energy_kwh,
    CAST(amount AS DECIMAL(28, 2)) AS recovered_amount,
    CAST(penalty AS DECIMAL(28, 2)) AS penalty_amount
FROM counted
