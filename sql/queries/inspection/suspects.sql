-- Question: whom should an inspector visit first, and what speaks for it (窃电、违约用电嫌疑)?
-- 问题:     检查员应先去哪户，依据是什么？
-- Grain:    one row a customer with evidence; score 0 to 100, place 1 is the first to visit.
-- Units:    kWh a day; shares 0 to 1.
-- Month:    consumption of recent_days settled days (28) before the session's day, against the before_days (84)
--           before those.
--
-- Points are given for what is there, and the columns say for what; what inspections found before takes none
-- and adds none, and stands beside (how good the ranking is: inspection.hit_rate):
--
--   40 × drop_share         the use fell by a quarter or more against that of the customers of its tariff class
--   40 × loss_similarity    the loss of its transformer area rose at the same time by about what is missing:
--                           the smaller over the greater of missing_kwh and area_rise_kwh, if both are above 0
--   15                      a meter event: cover opened, voltage lost or energy the other way, in 180 days
--    5                      a register that fell for no reason, or ran back, in 180 days
--
-- These numbers ship as limits of the view: those in force on the session's day count.
-- A customer that has stolen for longer than four months shows in none of this but by the loss of the area
-- (see loss.watchlist). Losses are compared on days that are complete. A case that names its meter alone is
-- that of the customer who has the meter now. just_cleared: the last visit found nothing, in the last 90 days.
-- Column:   place | order of visits | 排名
-- Column:   customer_id | customer | 用户编号
-- Column:   meter_id | meter | 电能表编号
-- Column:   area_id | transformer area | 台区
-- Column:   region_code | region | 区域
-- Column:   score | points | 嫌疑分
-- Column:   recent_kwh | daily use now | 近期日均电量
-- Column:   expected_kwh | daily use before, as its class has changed since | 预期日均电量
-- Column:   missing_kwh | expected less recent | 日均缺失电量
-- Column:   drop_share | missing over expected | 下降比例
-- Column:   area_rise_kwh | daily loss of the area, now less before | 台区损失日均增量
-- Column:   loss_similarity | of what is missing and the rise | 电量相似度
-- Column:   event_kinds | meter events, by name | 计量告警
-- Column:   register_fault_count | registers that fell or ran back | 示数异常次数
-- Column:   open_case_id | case not visited yet | 未结案件编号
-- Column:   confirmed_count | earlier cases found as suspected | 已查实次数
-- Column:   cleared_count | earlier cases in which nothing was found | 已排除次数
-- Column:   last_outcome | of the last visit: confirmed, cleared or no_access | 最近检查结果
-- Column:   last_visit_on | day of the last visit | 最近检查日期
-- Column:   just_cleared | inspected and cleared lately | 近期已排除
WITH today AS (
    SELECT settlement_day(lake_time.as_of) AS day, lake_time.as_of,
        settlement_day(lake_time.as_of) - CAST(max(limits.value) FILTER (WHERE limits.parameter = 'recent_days')
            AS BIGINT) AS recent_from,
        settlement_day(lake_time.as_of) - CAST(sum(limits.value) FILTER (
            WHERE limits.parameter IN ('recent_days', 'before_days')) AS BIGINT) AS first_day,
        max(limits.value) FILTER (WHERE limits.parameter = 'min_days') AS min_days,
        max(limits.value) FILTER (WHERE limits.parameter = 'min_drop_share') AS min_drop_share,
        86400000000 * max(limits.value) FILTER (WHERE limits.parameter = 'evidence_days') AS evidence_us,
        max(limits.value) FILTER (WHERE limits.parameter = 'drop_points') AS drop_points,
        max(limits.value) FILTER (WHERE limits.parameter = 'loss_points') AS loss_points,
        max(limits.value) FILTER (WHERE limits.parameter = 'event_points') AS event_points,
        max(limits.value) FILTER (WHERE limits.parameter = 'register_points') AS register_points,
        settlement_day(lake_time.as_of) - CAST(max(limits.value) FILTER (WHERE limits.parameter = 'cleared_days')
            AS BIGINT) AS cleared_from
    FROM lake_time
    JOIN limits_by_day AS limits ON limits.view_name = 'inspection.suspects'
        AND settlement_day(lake_time.as_of) >= limits.first_day AND settlement_day(lake_time.as_of) <= limits.last_day
    GROUP BY lake_time.as_of
), days AS (
    SELECT read.customer_id, read.tariff_code, read.area_id, read.region_code, read.day, read.energy_kwh,
        read.day >= today.recent_from AS recent
    FROM consumption_daily AS read
    CROSS JOIN today
    WHERE read.customer_id <> '' AND read.day < today.day AND read.day >= today.first_day
        AND read.interval_count >= read.expected_interval_count
), means AS (
    SELECT customer_id, count(*) FILTER (WHERE recent) AS recent_count,
        count(*) FILTER (WHERE NOT recent) AS before_count,
        CAST(sum(energy_kwh) FILTER (WHERE recent) / nullif(count(*) FILTER (WHERE recent), 0) AS DECIMAL(18, 4))
            AS recent_kwh,
        CAST(sum(energy_kwh) FILTER (WHERE NOT recent) / nullif(count(*) FILTER (WHERE NOT recent), 0)
            AS DECIMAL(18, 4)) AS before_kwh
    FROM days
    CROSS JOIN today
    GROUP BY customer_id
    HAVING count(*) FILTER (WHERE recent) >= max(today.min_days)
        AND count(*) FILTER (WHERE NOT recent) >= max(today.min_days)
), known AS (
    SELECT means.*, customer.meter_id, customer.tariff_code, customer.area_id, customer.region_code
    FROM means
    JOIN customers_current AS customer ON customer.customer_id = means.customer_id AND customer.status = 'active'
), expected AS (
    -- By the middle change of the class, so that one large customer does not make it.
    SELECT *, CAST(before_kwh * coalesce(median(recent_kwh / nullif(before_kwh, 0)) OVER (PARTITION BY tariff_code), 1)
        AS DECIMAL(18, 4)) AS expected_kwh
    FROM known
), losses AS (
    SELECT loss.area_id,
        sum(loss.loss_kwh) FILTER (WHERE loss.day >= today.recent_from)
            / nullif(count(*) FILTER (WHERE loss.day >= today.recent_from), 0) AS recent_kwh,
        sum(loss.loss_kwh) FILTER (WHERE loss.day < today.recent_from)
            / nullif(count(*) FILTER (WHERE loss.day < today.recent_from), 0) AS before_kwh
    FROM area_loss_daily AS loss
    CROSS JOIN today
    WHERE loss.complete AND loss.day < today.day AND loss.day >= today.first_day
    GROUP BY loss.area_id
), events AS (
    SELECT event.meter_id, string_agg(DISTINCT event.kind, ', ' ORDER BY event.kind) AS kinds
    FROM meter_events AS event
    CROSS JOIN today
    WHERE event.kind IN ('cover_open', 'voltage_loss', 'reverse_flow')
        AND CAST(today.as_of AS BIGINT) - CAST(event.started_at AS BIGINT) < today.evidence_us
    GROUP BY event.meter_id
), registers AS (
    SELECT register.meter_id, count(*) AS fault_count
    FROM register_deltas AS register
    CROSS JOIN today
    WHERE register.kind IN ('error', 'reverse') AND register.tou = 'total'
        AND CAST(today.as_of AS BIGINT) - CAST(register.read_at AS BIGINT) < today.evidence_us
    GROUP BY register.meter_id
), told AS (
    SELECT coalesce(opened.customer_id, owner.customer_id) AS customer_id, opened.case_id, opened.outcome,
        settlement_day(opened.inspected_at) AS visited_on,
        row_number() OVER (PARTITION BY coalesce(opened.customer_id, owner.customer_id)
            ORDER BY opened.inspected_at DESC NULLS LAST, opened.case_id DESC) AS recency
    FROM inspection_cases AS opened
    LEFT JOIN customers_current AS owner
        ON owner.meter_id = opened.meter_id AND owner.status = 'active' AND opened.customer_id IS NULL
), cases AS (
    SELECT customer_id, min(case_id) FILTER (WHERE outcome IS NULL) AS open_case_id,
        count(*) FILTER (WHERE outcome = 'confirmed') AS confirmed_count,
        count(*) FILTER (WHERE outcome = 'cleared') AS cleared_count,
        min(outcome) FILTER (WHERE recency = 1) AS last_outcome, max(visited_on) AS last_visit_on
    FROM told
    GROUP BY customer_id
), weighed AS (
    SELECT expected.*, events.kinds, coalesce(registers.fault_count, 0) AS fault_count,
        expected.expected_kwh - expected.recent_kwh AS missing_kwh,
        CAST((expected.expected_kwh - expected.recent_kwh) / nullif(expected.expected_kwh, 0) AS DECIMAL(12, 6))
            AS drop_share,
        CAST(losses.recent_kwh - losses.before_kwh AS DECIMAL(18, 4)) AS area_rise_kwh
    FROM expected
    LEFT JOIN losses ON losses.area_id = expected.area_id
    LEFT JOIN events ON events.meter_id = expected.meter_id
    LEFT JOIN registers ON registers.meter_id = expected.meter_id
), compared AS (
    -- Bounded for rows that the condition leaves out as well: these are computed all the same.
    SELECT *, CASE WHEN missing_kwh > 0 AND area_rise_kwh > 0 AND drop_share >= min_drop_share
            THEN CAST(greatest(least(missing_kwh, area_rise_kwh), 0)
                / nullif(greatest(missing_kwh, area_rise_kwh), 0) AS DECIMAL(9, 6)) END AS loss_similarity
    FROM weighed
    CROSS JOIN today
), scored AS (
    SELECT *, CASE WHEN drop_share >= min_drop_share THEN drop_points * drop_share ELSE 0 END
            + loss_points * coalesce(loss_similarity, 0)
            + CASE WHEN kinds IS NOT NULL THEN event_points ELSE 0 END
            + CASE WHEN fault_count > 0 THEN register_points ELSE 0 END AS score
    FROM compared
)
SELECT row_number() OVER (ORDER BY scored.score DESC, scored.missing_kwh DESC, scored.customer_id) AS place,
    scored.customer_id, scored.meter_id, scored.area_id, scored.region_code,
    CAST(scored.score AS DECIMAL(9, 2)) AS score,
    scored.recent_kwh, scored.expected_kwh,
    CAST(scored.missing_kwh AS DECIMAL(18, 4)) AS missing_kwh,
    CAST(scored.drop_share AS DECIMAL(12, 6)) AS drop_share,
    scored.area_rise_kwh, scored.loss_similarity, scored.kinds AS event_kinds,
    scored.fault_count AS register_fault_count, cases.open_case_id,
    coalesce(cases.confirmed_count, 0) AS confirmed_count, coalesce(cases.cleared_count, 0) AS cleared_count,
    cases.last_outcome, cases.last_visit_on,
    coalesce(cases.last_outcome = 'cleared'
        AND cases.last_visit_on >= scored.cleared_from, FALSE) AS just_cleared
FROM scored
CROSS JOIN today
LEFT JOIN cases ON cases.customer_id = scored.customer_id
WHERE scored.score > 0
