-- Question: how much of what meters should have read on a day is there, and how much is estimated?
-- 问题:     每天应采的点数实采多少、估算多少？
-- Grain:    one row a settlement day that has reads.
-- Units:    intervals; completeness and estimated_share are shares, 0 to 1.
-- Month:    consumption.
--
-- Expected are the intervals of every customer that read on the day and, for
-- active customers that did not, as many as they ever read in a day; of one that
-- never read, as many as most customers do.
-- Column:   day | settlement day | 结算日
-- Column:   interval_count | intervals read | 实采点数
-- Column:   expected_interval_count | intervals that should have been read | 应采点数
-- Column:   estimated_interval_count | intervals estimated | 估算点数
-- Column:   completeness | read over expected | 采集完整率
-- Column:   estimated_share | estimated over read | 估算比例
WITH usual AS (
    SELECT customer_id, max(expected_interval_count) AS intervals
    FROM consumption_daily WHERE customer_id <> '' GROUP BY customer_id
), known AS (
    SELECT class.customer_id, class.first_day, class.last_day, usual.intervals,
        count(usual.intervals) OVER (PARTITION BY usual.intervals) AS holders
    FROM customers_by_day AS class
    LEFT JOIN usual ON usual.customer_id = class.customer_id
    WHERE class.status = 'active'
), active AS (
    SELECT customer_id, first_day, last_day,
        coalesce(intervals, first_value(intervals) OVER (ORDER BY holders DESC, intervals)) AS intervals
    FROM known
), present AS (
    SELECT rolled.day,
        sum(rolled.interval_count) AS interval_count,
        sum(rolled.expected_interval_count) AS expected_of_present,
        sum(rolled.estimated_interval_count) AS estimated_interval_count,
        coalesce(sum(active.intervals), 0) AS usual_of_active
    FROM consumption_daily AS rolled
    LEFT JOIN active ON active.customer_id = rolled.customer_id
        AND rolled.day >= active.first_day AND rolled.day <= active.last_day
    GROUP BY rolled.day
), steps AS (
    SELECT unnest([first_day, CAST(last_day + INTERVAL '1 day' AS DATE)]) AS day,
        unnest([intervals, -intervals]) AS change
    FROM (SELECT first_day, least(last_day, DATE '9999-12-30') AS last_day, intervals FROM active)
), due AS (
    -- From first_day until before next_day, all active customers together should read so much.
    SELECT day AS first_day, lead(day) OVER (ORDER BY day) AS next_day,
        sum(change) OVER (ORDER BY day) AS usual_of_all_active
    FROM (SELECT day, sum(change) AS change FROM steps GROUP BY day)
), compared AS (
    SELECT present.day, present.interval_count, present.estimated_interval_count,
        present.expected_of_present + coalesce(due.usual_of_all_active, 0) - present.usual_of_active
            AS expected_interval_count
    FROM present
    LEFT JOIN due ON present.day >= due.first_day AND present.day < coalesce(due.next_day, DATE '9999-12-31')
)
SELECT day,
    CAST(interval_count AS BIGINT) AS interval_count,
    CAST(expected_interval_count AS BIGINT) AS expected_interval_count,
    CAST(estimated_interval_count AS BIGINT) AS estimated_interval_count,
    CAST(CAST(interval_count AS DECIMAL(20, 6)) / nullif(expected_interval_count, 0) AS DECIMAL(9, 6)) AS completeness,
    CAST(CAST(estimated_interval_count AS DECIMAL(20, 6)) / nullif(interval_count, 0) AS DECIMAL(9, 6))
        AS estimated_share
FROM compared
