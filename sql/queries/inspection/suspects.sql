-- Question: whom should an inspector visit first, and what speaks for it (窃电、违约用电嫌疑)?
-- 问题:     检查员应先去哪户，依据是什么？
-- Grain:    one row a customer with evidence; score 0 to 100, place 1 is the first to visit.
-- Units:    kWh a day; shares 0 to 1.
-- Month:    consumption of the 28 settled days before the session's day, against the 84 days before those.
--
-- No stream carries outcomes of inspections, so that nothing here has been confirmed and no hit rate is
-- told. Points are given for what is there, and the columns say for what:
--
--   40 × drop_share         the use fell by a quarter or more against that of the customers of its tariff class
--   40 × loss_similarity    the loss of its transformer area rose at the same time by about what is missing:
--                           the smaller over the greater of missing_kwh and area_rise_kwh, if both are above 0
--   15                      a meter event: cover opened, voltage lost or energy the other way, in 180 days
--    5                      a register that fell for no reason, or ran back, in 180 days
--
-- A customer that has stolen for longer than four months shows in none of this but by the loss of the area
-- (see loss.watchlist). Losses are compared on days that are complete.
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
WITH today AS (
    SELECT settlement_day(as_of) AS day FROM lake_time
), days AS (
    SELECT read.customer_id, read.tariff_code, read.area_id, read.region_code, read.day, read.energy_kwh,
        read.day >= CAST(today.day - INTERVAL '28 days' AS DATE) AS recent
    FROM consumption_daily AS read
    CROSS JOIN today
    WHERE read.customer_id <> '' AND read.day < today.day AND read.day >= CAST(today.day - INTERVAL '112 days' AS DATE)
        AND read.interval_count >= read.expected_interval_count
), means AS (
    SELECT customer_id, count(*) FILTER (WHERE recent) AS recent_count,
        count(*) FILTER (WHERE NOT recent) AS before_count,
        CAST(sum(energy_kwh) FILTER (WHERE recent) / nullif(count(*) FILTER (WHERE recent), 0) AS DECIMAL(18, 4))
            AS recent_kwh,
        CAST(sum(energy_kwh) FILTER (WHERE NOT recent) / nullif(count(*) FILTER (WHERE NOT recent), 0)
            AS DECIMAL(18, 4)) AS before_kwh
    FROM days
    GROUP BY customer_id
    HAVING count(*) FILTER (WHERE recent) >= 14 AND count(*) FILTER (WHERE NOT recent) >= 14
), known AS (
    SELECT means.*, customer.meter_id, customer.tariff_code, customer.area_id, customer.region_code
    FROM means
    JOIN customers_current AS customer ON customer.customer_id = means.customer_id AND customer.status = 'active'
), classes AS (
    -- The middle one, so that one large customer does not make the class.
    SELECT tariff_code, median(CASE WHEN before_kwh > 0 THEN recent_kwh / before_kwh END) AS ratio
    FROM known GROUP BY tariff_code
), expected AS (
    SELECT known.*, CAST(known.before_kwh * coalesce(classes.ratio, 1) AS DECIMAL(18, 4)) AS expected_kwh
    FROM known
    LEFT JOIN classes ON classes.tariff_code = known.tariff_code
), losses AS (
    SELECT loss.area_id,
        sum(loss.loss_kwh) FILTER (WHERE loss.day >= CAST(today.day - INTERVAL '28 days' AS DATE))
            / nullif(count(*) FILTER (WHERE loss.day >= CAST(today.day - INTERVAL '28 days' AS DATE)), 0) AS recent_kwh,
        sum(loss.loss_kwh) FILTER (WHERE loss.day < CAST(today.day - INTERVAL '28 days' AS DATE))
            / nullif(count(*) FILTER (WHERE loss.day < CAST(today.day - INTERVAL '28 days' AS DATE)), 0) AS before_kwh
    FROM area_loss_daily AS loss
    CROSS JOIN today
    WHERE loss.complete AND loss.day < today.day AND loss.day >= CAST(today.day - INTERVAL '112 days' AS DATE)
    GROUP BY loss.area_id
), events AS (
    SELECT event.meter_id, string_agg(DISTINCT event.kind, ', ' ORDER BY event.kind) AS kinds
    FROM meter_events AS event
    CROSS JOIN lake_time
    WHERE event.kind IN ('cover_open', 'voltage_loss', 'reverse_flow')
        AND event.started_at > lake_time.as_of - INTERVAL '180 days'
    GROUP BY event.meter_id
), registers AS (
    SELECT register.meter_id, count(*) AS fault_count
    FROM register_deltas AS register
    CROSS JOIN lake_time
    WHERE register.kind IN ('error', 'reverse') AND register.tou = 'total'
        AND register.read_at > lake_time.as_of - INTERVAL '180 days'
    GROUP BY register.meter_id
), weighed AS (
    SELECT expected.*, events.kinds, coalesce(registers.fault_count, 0) AS fault_count,
        expected.expected_kwh - expected.recent_kwh AS missing_kwh,
        CASE WHEN expected.expected_kwh > 0
            THEN CAST((expected.expected_kwh - expected.recent_kwh) / expected.expected_kwh AS DECIMAL(12, 6)) END
            AS drop_share,
        CAST(losses.recent_kwh - losses.before_kwh AS DECIMAL(18, 4)) AS area_rise_kwh
    FROM expected
    LEFT JOIN losses ON losses.area_id = expected.area_id
    LEFT JOIN events ON events.meter_id = expected.meter_id
    LEFT JOIN registers ON registers.meter_id = expected.meter_id
), compared AS (
    SELECT *, CASE WHEN missing_kwh > 0 AND area_rise_kwh > 0 AND drop_share >= 0.25
            THEN CAST(least(missing_kwh, area_rise_kwh) / greatest(missing_kwh, area_rise_kwh) AS DECIMAL(9, 6)) END
            AS loss_similarity
    FROM weighed
), scored AS (
    SELECT *, CASE WHEN drop_share >= 0.25 THEN 40 * drop_share ELSE 0 END + 40 * coalesce(loss_similarity, 0)
            + CASE WHEN kinds IS NOT NULL THEN 15 ELSE 0 END + CASE WHEN fault_count > 0 THEN 5 ELSE 0 END AS score
    FROM compared
)
SELECT row_number() OVER (ORDER BY score DESC, missing_kwh DESC, customer_id) AS place,
    customer_id, meter_id, area_id, region_code,
    CAST(score AS DECIMAL(9, 2)) AS score,
    recent_kwh, expected_kwh,
    CAST(missing_kwh AS DECIMAL(18, 4)) AS missing_kwh,
    CAST(drop_share AS DECIMAL(12, 6)) AS drop_share,
    area_rise_kwh, loss_similarity, kinds AS event_kinds, fault_count AS register_fault_count
FROM scored
WHERE score > 0
