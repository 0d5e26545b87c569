-- Question: how many contacts of each type, how many to ten thousand customers, answered in time, and again
--           (万户投诉率, 时限达标率, 重复率)?
-- 问题:     各类诉求有多少，每万户多少，是否按时，是否重复？
-- Grain:    one row a month of acceptance (its first day), region (all is all of them) and type of contact.
-- Units:    contacts counted, hours; rates 0 to 1, per_10k in contacts to ten thousand active customers.
-- Month:    acceptance.
--
-- The customers are those active at the month's end, or now in the month under way. in_time_rate leaves out
-- contacts that are open within their limit.
-- Column:   month | of acceptance, its first day | 受理月份
-- Column:   region_code | region; all, or NULL where not known | 区域
-- Column:   request_type | type of contact | 诉求类型
-- Column:   contact_count | accepted | 受理数
-- Column:   closed_count | of these, closed | 办结数
-- Column:   open_count | still open | 在办数
-- Column:   unresolved_count | closed without a solution | 未解决数
-- Column:   repeat_count | the same customer again within 60 days | 重复数
-- Column:   repeat_rate | over accepted | 重复率
-- Column:   p50_h | half are closed within | 办结时长中位
-- Column:   p90_h | nine in ten are closed within | 办结时长90分位
-- Column:   late_count | beyond the limit | 超时数
-- Column:   in_time_rate | within the limit, of those decided | 时限达标率
-- Column:   customer_count | active customers | 用户数
-- Column:   per_10k | contacts to ten thousand of these | 万户诉求率
WITH contacts AS (
    SELECT *, CAST(date_trunc('month', settlement_day(accepted_at)) AS DATE) AS month,
        unnest(['all', region_code]) AS region
    FROM service.requests
    WHERE category = 'contact' AND accepted_at IS NOT NULL
), counted AS (
    SELECT month, region, request_type, count(*) AS contact_count,
        count(closed_at) AS closed_count, count(*) - count(closed_at) AS open_count,
        count(*) FILTER (WHERE outcome = 'unresolved') AS unresolved_count,
        count(*) FILTER (WHERE repeated) AS repeat_count,
        percentile_cont(CASE WHEN closed_at IS NOT NULL THEN CAST(hours AS DOUBLE) END, 0.5) AS p50_h,
        percentile_cont(CASE WHEN closed_at IS NOT NULL THEN CAST(hours AS DOUBLE) END, 0.9) AS p90_h,
        count(*) FILTER (WHERE NOT in_time) AS late_count,
        count(*) FILTER (WHERE in_time AND closed_at IS NOT NULL) AS timely_count
    FROM contacts
    GROUP BY month, region, request_type
), months AS (
    SELECT DISTINCT counted.month, least(CAST(counted.month + INTERVAL '1 month' - INTERVAL '1 day' AS DATE),
        settlement_day(lake_time.as_of)) AS last_day
    FROM counted
    CROSS JOIN lake_time
), active AS (
    SELECT months.month, class.region_code
    FROM months
    JOIN customers_by_day AS class ON class.status = 'active'
        AND months.last_day >= class.first_day AND months.last_day <= class.last_day
), customers AS (
    SELECT month, region, count(*) AS customer_count
    FROM (SELECT month, unnest(['all', region_code]) AS region FROM active)
    GROUP BY month, region
)
SELECT counted.month, counted.region AS region_code, counted.request_type, counted.contact_count,
    counted.closed_count, counted.open_count, counted.unresolved_count, counted.repeat_count,
    CAST(CAST(counted.repeat_count AS DECIMAL(20, 6)) / counted.contact_count AS DECIMAL(9, 6)) AS repeat_rate,
    CAST(counted.p50_h AS DECIMAL(12, 2)) AS p50_h, CAST(counted.p90_h AS DECIMAL(12, 2)) AS p90_h,
    counted.late_count,
    CAST(CAST(counted.timely_count AS DECIMAL(20, 6)) / nullif(counted.timely_count + counted.late_count, 0)
        AS DECIMAL(9, 6)) AS in_time_rate,
    coalesce(customers.customer_count, 0) AS customer_count,
    CAST(CAST(counted.contact_count AS DECIMAL(20, 6)) * 10000 / nullif(customers.customer_count, 0)
        AS DECIMAL(12, 4)) AS per_10k
FROM counted
LEFT JOIN customers ON customers.month = counted.month AND customers.region IS NOT DISTINCT FROM counted.region
