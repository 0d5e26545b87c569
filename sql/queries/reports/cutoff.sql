-- Question: what do the figures rest on?
-- Grain:    one row.
-- Units:    as_of is the instant they speak for; shares 0 to 1; messages refused in all.
-- Month:    consumption, the days of the week.
WITH read AS (
    SELECT count(*) AS days, sum(interval_count) AS interval_count,
        sum(expected_interval_count) AS expected_interval_count,
        sum(estimated_interval_count) AS estimated_interval_count
    FROM completeness_daily
    WHERE day >= CAST($week_start AS DATE) AND day <= CAST($week_end AS DATE)
), refused AS (
    SELECT count(*) AS dead_letters FROM dead_letters
)
SELECT lake_time.as_of, read.days,
    CAST(coalesce(read.interval_count, 0) AS BIGINT) AS interval_count,
    CAST(CAST(read.interval_count AS DECIMAL(20, 6)) / nullif(read.expected_interval_count, 0) AS DECIMAL(9, 6))
        AS completeness,
    CAST(CAST(read.estimated_interval_count AS DECIMAL(20, 6)) / nullif(read.interval_count, 0) AS DECIMAL(9, 6))
        AS estimated_share,
    refused.dead_letters
FROM lake_time CROSS JOIN read CROSS JOIN refused
