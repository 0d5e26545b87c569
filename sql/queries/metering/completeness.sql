-- Question: how much of what meters should have read on a day is there, by class, and how much is estimated
--           (采集完整率, 估算占比)?
-- 问题:     各类用户每日采集完整率多少，估算占比多少？
-- Grain:    one row an axis, code and settlement day; axis all has the one code all.
-- Units:    intervals and customers counted; shares 0 to 1, NULL where nothing was due.
-- Month:    consumption.
--
-- Due are, as in completeness_daily, the intervals of every customer that read and, for active customers
-- that did not, as many as they ever read in a day; of one that never read, as many as most customers do.
-- Every axis adds up to the same. Meters that no customer holds have intervals and no customer.
-- Column:   axis | all, voltage, tariff, usage, industry or region | 分类维度
-- Column:   code | class of the axis | 分类编码
-- Column:   day | settlement day | 日期
-- Column:   interval_count | intervals there are | 实采点数
-- Column:   due_interval_count | intervals due | 应采点数
-- Column:   estimated_interval_count | of those there are, estimated | 估算点数
-- Column:   completeness | there over due | 采集完整率
-- Column:   estimated_share | estimated over there | 估算占比
-- Column:   due_customer_count | customers due | 应采户数
-- Column:   read_customer_count | that read at all | 实采户数
-- Column:   complete_customer_count | that read in full | 完整户数
-- Column:   read_rate | customers that read over due | 采集成功率
WITH usual AS (
    SELECT customer_id, max(expected_interval_count) AS intervals
    FROM consumption_daily WHERE customer_id <> '' GROUP BY customer_id
), known AS (
    SELECT class.*, usual.intervals, count(usual.intervals) OVER (PARTITION BY usual.intervals) AS holders
    FROM customers_by_day AS class
    LEFT JOIN usual ON usual.customer_id = class.customer_id
    WHERE class.status = 'active'
), active AS (
    SELECT customer_id, first_day, least(last_day, DATE '9999-12-30') AS last_day,
        voltage_code, tariff_code, usage_code, industry_code, region_code,
        coalesce(intervals, first_value(intervals) OVER (ORDER BY holders DESC, intervals)) AS intervals
    FROM known
), present AS (
    SELECT rolled.day, rolled.interval_count, rolled.expected_interval_count, rolled.estimated_interval_count,
        coalesce(active.intervals, 0) AS usual_of_active, active.customer_id IS NOT NULL AS is_active,
        rolled.customer_id <> '' AS is_held,
        unnest(['all', 'voltage', 'tariff', 'usage', 'industry', 'region']) AS axis,
        unnest(['all', rolled.voltage_code, rolled.tariff_code, rolled.usage_code, rolled.industry_code,
            rolled.region_code]) AS code
    FROM consumption_daily AS rolled
    LEFT JOIN active ON active.customer_id = rolled.customer_id
        AND rolled.day >= active.first_day AND rolled.day <= active.last_day
), there AS (
    SELECT axis, code, day, sum(interval_count) AS interval_count,
        sum(expected_interval_count) AS expected_of_present, sum(usual_of_active) AS usual_of_active,
        sum(estimated_interval_count) AS estimated_interval_count, count(*) FILTER (WHERE is_held) AS customer_count,
        count(*) FILTER (WHERE is_active) AS active_count,
        count(*) FILTER (WHERE is_held AND interval_count >= expected_interval_count) AS complete_count
    FROM present
    GROUP BY axis, code, day
), classed AS (
    SELECT first_day, last_day, intervals,
        unnest(['all', 'voltage', 'tariff', 'usage', 'industry', 'region']) AS axis,
        unnest(['all', voltage_code, tariff_code, usage_code, industry_code, region_code]) AS code
    FROM active
), steps AS (
    SELECT axis, code, unnest([first_day, CAST(last_day + INTERVAL '1 day' AS DATE)]) AS day,
        unnest([1, -1]) AS customers, unnest([intervals, -intervals]) AS intervals
    FROM classed
), due AS (
    SELECT axis, code, day AS first_day, lead(day) OVER of_code AS next_day,
        sum(customers) OVER of_code AS customers, sum(intervals) OVER of_code AS intervals
    FROM (
        SELECT axis, code, day, sum(customers) AS customers, sum(intervals) AS intervals
        FROM steps GROUP BY axis, code, day
    )
    WINDOW of_code AS (PARTITION BY axis, code ORDER BY day)
), days AS (
    SELECT DISTINCT day FROM consumption_daily
), owed AS (
    SELECT due.axis, due.code, days.day, due.customers, due.intervals
    FROM due
    JOIN days ON days.day >= due.first_day AND days.day < coalesce(due.next_day, DATE '9999-12-31')
), compared AS (
    SELECT coalesce(there.axis, owed.axis) AS axis, coalesce(there.code, owed.code) AS code,
        coalesce(there.day, owed.day) AS day,
        coalesce(there.interval_count, 0) AS interval_count,
        coalesce(there.expected_of_present, 0) + coalesce(owed.intervals, 0) - coalesce(there.usual_of_active, 0)
            AS due_interval_count,
        coalesce(there.estimated_interval_count, 0) AS estimated_interval_count,
        coalesce(owed.customers, 0) + coalesce(there.customer_count - there.active_count, 0) AS due_customer_count,
        coalesce(there.customer_count, 0) AS read_customer_count,
        coalesce(there.complete_count, 0) AS complete_customer_count
    FROM there
    FULL JOIN owed ON owed.axis = there.axis AND owed.day = there.day
        AND (owed.code IS NOT DISTINCT FROM there.code)
)
SELECT axis, code, day,
    CAST(interval_count AS BIGINT) AS interval_count,
    CAST(due_interval_count AS BIGINT) AS due_interval_count,
    CAST(estimated_interval_count AS BIGINT) AS estimated_interval_count,
    CAST(CAST(interval_count AS DECIMAL(20, 6)) / nullif(due_interval_count, 0) AS DECIMAL(9, 6)) AS completeness,
    CAST(CAST(estimated_interval_count AS DECIMAL(20, 6)) / nullif(interval_count, 0) AS DECIMAL(9, 6))
        AS estimated_share,
    CAST(due_customer_count AS BIGINT) AS due_customer_count,
    CAST(read_customer_count AS BIGINT) AS read_customer_count,
    CAST(complete_customer_count AS BIGINT) AS complete_customer_count,
    CAST(CAST(read_customer_count AS DECIMAL(20, 6)) / nullif(due_customer_count, 0) AS DECIMAL(9, 6)) AS read_rate
FROM compared
WHERE due_customer_count > 0 OR interval_count > 0
