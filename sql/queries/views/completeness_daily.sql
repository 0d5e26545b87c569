-- Question: how much of what meters should have read on a day is there, and how much is estimated?
-- Grain:    one row a settlement day that has reads.
-- Units:    intervals; completeness and estimated_share are shares, 0 to 1.
-- Month:    consumption.
--
-- Expected are the intervals of every customer that read on the day and, for
-- active customers that did not, as many as they ever read in a day; of one that
-- never read, as many as most customers do.
WITH usual AS (
    SELECT customer_id, max(expected_interval_count) AS intervals
    FROM consumption_daily WHERE customer_id <> '' GROUP BY customer_id
), most AS (
    SELECT intervals FROM usual GROUP BY intervals ORDER BY count(*) DESC, intervals LIMIT 1
), active AS (
    SELECT class.customer_id, class.first_day, class.last_day,
        coalesce(usual.intervals, most.intervals) AS intervals
    FROM customers_by_day AS class
    CROSS JOIN most
    LEFT JOIN usual ON usual.customer_id = class.customer_id
    WHERE class.status = 'active'
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
    SELECT first_day AS day, intervals, CAST(NULL AS BOOLEAN) AS wanted FROM active
    UNION ALL
    SELECT CAST(last_day + INTERVAL '1 day' AS DATE), -intervals, NULL FROM active WHERE last_day < DATE '9999-12-31'
    UNION ALL
    SELECT day, 0, TRUE FROM present
), by_day AS (
    SELECT day, sum(intervals) AS change, bool_or(wanted) AS wanted FROM steps GROUP BY day
), due AS (
    SELECT day, wanted, sum(change) OVER (ORDER BY day) AS usual_of_all_active FROM by_day
)
SELECT present.day,
    CAST(present.interval_count AS BIGINT) AS interval_count,
    CAST(present.expected_of_present + due.usual_of_all_active - present.usual_of_active AS BIGINT)
        AS expected_interval_count,
    CAST(present.estimated_interval_count AS BIGINT) AS estimated_interval_count,
    CAST(CAST(present.interval_count AS DECIMAL(20, 6))
        / nullif(present.expected_of_present + due.usual_of_all_active - present.usual_of_active, 0)
        AS DECIMAL(9, 6)) AS completeness,
    CAST(CAST(present.estimated_interval_count AS DECIMAL(20, 6)) / nullif(present.interval_count, 0)
        AS DECIMAL(9, 6)) AS estimated_share
FROM present
JOIN due ON due.day = present.day
