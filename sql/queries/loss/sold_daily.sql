-- Question: what was sold behind each supply meter, and did every customer there read in full?
-- 问题:     每块供电计量表下售电多少，用户是否全部采集完整？
-- Grain:    one row a level, code and settlement day with customers or reads: area, feeder (all customers of
--           it), direct (those of a feeder that hang on no area), bulk (those on no feeder), all (code all).
-- Units:    kWh; customers counted.
-- Month:    consumption, from midnight to midnight.
--
-- Active customers have to read, of the others those that do are counted. Where customers hang is what the
-- books say. Reads of meters that no customer holds are not sold.
-- Column:   level | area, feeder, direct, bulk or all | 层级
-- Column:   code | area, feeder or all | 编码
-- Column:   day | settlement day | 日期
-- Column:   sold_kwh | import of the customers | 售电量
-- Column:   customer_count | that had to read | 应采户数
-- Column:   complete_customer_count | that did, in full | 完整户数
-- Column:   complete | all of them did | 完整
WITH booked AS (
    SELECT customer_id, first_day, last_day, status,
        unnest(['area', 'feeder', CASE WHEN area_id IS NULL THEN 'direct' END,
            CASE WHEN area_id IS NULL AND feeder_id IS NULL THEN 'bulk' END, 'all']) AS level,
        unnest([area_id, feeder_id, feeder_id, 'all', 'all']) AS code
    FROM customers_by_day
), sold AS (
    -- The fewer on the left, so that they are what is held in memory.
    SELECT booked.level, booked.code, read.day, sum(read.energy_kwh) AS energy_kwh,
        count(*) FILTER (WHERE read.interval_count >= read.expected_interval_count) AS complete_count,
        count(*) FILTER (WHERE booked.status <> 'active') AS inactive_count
    FROM booked
    JOIN consumption_daily AS read ON read.customer_id = booked.customer_id
        AND read.day >= booked.first_day AND read.day <= booked.last_day
    WHERE booked.level IS NOT NULL AND booked.code IS NOT NULL
    GROUP BY booked.level, booked.code, read.day
), steps AS (
    SELECT level, code, unnest([first_day, CAST(last_day + INTERVAL '1 day' AS DATE)]) AS day,
        unnest([1, -1]) AS change
    FROM (
        SELECT level, code, first_day, least(last_day, DATE '9999-12-30') AS last_day
        FROM booked WHERE status = 'active' AND level IS NOT NULL AND code IS NOT NULL
    )
), active AS (
    -- From first_day until before next_day, so many active customers hang there.
    SELECT level, code, day AS first_day, lead(day) OVER (PARTITION BY level, code ORDER BY day) AS next_day,
        sum(change) OVER (PARTITION BY level, code ORDER BY day) AS active_count
    FROM (SELECT level, code, day, sum(change) AS change FROM steps GROUP BY level, code, day)
)
SELECT sold.level, sold.code, sold.day,
    CAST(sold.energy_kwh AS DECIMAL(28, 4)) AS sold_kwh,
    CAST(coalesce(active.active_count, 0) + sold.inactive_count AS BIGINT) AS customer_count,
    sold.complete_count AS complete_customer_count,
    sold.complete_count = coalesce(active.active_count, 0) + sold.inactive_count AS complete
FROM sold
LEFT JOIN active ON active.level = sold.level AND active.code = sold.code
    AND sold.day >= active.first_day AND sold.day < coalesce(active.next_day, DATE '9999-12-31')
