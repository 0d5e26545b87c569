-- Question: who complains again and again, about to leave perhaps (重复投诉)?
-- 问题:     谁在反复投诉？
-- Grain:    one row a customer with so many complaints as min_complaints of limits, in its within_days before
--           the session's instant.
-- Units:    complaints and days counted; currency.
-- Month:    acceptance.
-- Column:   customer_id | customer | 用户编号
-- Column:   region_code | region | 区域
-- Column:   complaint_count | within 180 days | 投诉次数
-- Column:   unresolved_count | closed without a solution | 未解决次数
-- Column:   open_count | still open | 在办次数
-- Column:   first_at | first of these | 首次投诉时间
-- Column:   last_at | last of these | 最近投诉时间
-- Column:   days_since_last | from the last to now | 距今天数
-- Column:   open_amount | what the customer owes | 欠费金额
WITH owed AS (
    SELECT customer_id, sum(open_amount) AS open_amount FROM receivables_open GROUP BY customer_id
), terms AS (
    SELECT lake_time.as_of,
        max(limits.value) FILTER (WHERE limits.parameter = 'within_days') AS within_days,
        max(limits.value) FILTER (WHERE limits.parameter = 'min_complaints') AS min_complaints
    FROM lake_time
    JOIN limits_by_day AS limits ON limits.view_name = 'service.repeat_complaints'
        AND settlement_day(lake_time.as_of) >= limits.first_day AND settlement_day(lake_time.as_of) <= limits.last_day
    GROUP BY lake_time.as_of
), complaints AS (
    SELECT request.customer_id, max(request.region_code) AS region_code, count(*) AS complaint_count,
        count(*) FILTER (WHERE request.outcome = 'unresolved') AS unresolved_count,
        count(*) FILTER (WHERE request.state = 'open') AS open_count,
        min(request.accepted_at) AS first_at, max(request.accepted_at) AS last_at,
        max(settlement_day(terms.as_of)) AS today
    FROM service.requests AS request
    CROSS JOIN terms
    WHERE request.request_type = 'complaint' AND request.customer_id IS NOT NULL
        AND CAST(terms.as_of AS BIGINT) - CAST(request.accepted_at AS BIGINT) < terms.within_days * 86400000000
    GROUP BY request.customer_id
    HAVING count(*) >= max(terms.min_complaints)
)
SELECT complaints.customer_id, region_code, complaint_count, unresolved_count, open_count, first_at, last_at,
    CAST(today - settlement_day(last_at) AS BIGINT) AS days_since_last,
    CAST(coalesce(owed.open_amount, 0) AS DECIMAL(28, 2)) AS open_amount
FROM complaints
LEFT JOIN owed ON owed.customer_id = complaints.customer_id
