-- Question: what was lost between a transformer area's meter and its customers' (台区线损)?
-- 问题:     台区总表与客户表之间损失了多少电量（台区线损）？
-- Grain:    one row a transformer area and settlement day with supply reads.
-- Units:    kWh; loss_rate is lost over supplied, negative where more was sold than supplied, NULL where
--           nothing was supplied.
-- Month:    consumption, supply and sale of the same day from midnight to midnight.
--
-- Both sides speak of the same instants or not at all: kWh are NULL on a day that the area's meter
-- or one of its customers did not read in full, and the counts say which it was. Sums over days are
-- therefore of like with like. Supplied is what flowed in less what flowed out, sold the import of
-- the customers that the books have in the area; what customers feed in is in neither. Active
-- customers have to read, of the others those that do are counted. feeder_id is the books'.
-- Column:   area_id | transformer area | 台区编号
-- Column:   feeder_id | feeder | 线路编号
-- Column:   day | settlement day | 结算日
-- Column:   complete | whether supply and all customers read in full | 是否完整
-- Column:   supply_complete | whether the area's meter read in full | 考核表是否完整
-- Column:   customer_count | customers that should read | 应采户数
-- Column:   complete_customer_count | customers that read in full | 采集完整户数
-- Column:   supplied_kwh | energy supplied, kWh | 供电量
-- Column:   sold_kwh | energy sold, kWh | 售电量
-- Column:   loss_kwh | energy lost, kWh | 线损电量
-- Column:   loss_rate | lost over supplied | 线损率
WITH supplied AS (
    SELECT asset_id AS area_id, day,
        sum(CASE WHEN direction = 'in' THEN energy_kwh ELSE -energy_kwh END) AS energy_kwh,
        coalesce(sum(interval_min) FILTER (WHERE direction = 'in'), 0) = 1440
            AND coalesce(sum(interval_min) FILTER (WHERE direction = 'out'), 0) IN (0, 1440) AS complete
    FROM supply_reads WHERE asset_kind = 'area'
    GROUP BY asset_id, day
), sold AS (
    -- The fewer on the left, so that they are what is held in memory.
    SELECT read.area_id, read.day, max(read.feeder_id) AS feeder_id, sum(read.energy_kwh) AS energy_kwh,
        count(*) FILTER (WHERE read.interval_count >= read.expected_interval_count) AS complete_count,
        count(*) FILTER (WHERE class.status <> 'active') AS inactive_count
    FROM customers_by_day AS class
    RIGHT JOIN consumption_daily AS read ON read.customer_id = class.customer_id
        AND read.day >= class.first_day AND read.day <= class.last_day
    WHERE read.area_id IS NOT NULL
    GROUP BY read.area_id, read.day
), steps AS (
    SELECT area_id, unnest([first_day, CAST(last_day + INTERVAL '1 day' AS DATE)]) AS day, unnest([1, -1]) AS change
    FROM (
        SELECT area_id, first_day, least(last_day, DATE '9999-12-30') AS last_day
        FROM customers_by_day WHERE status = 'active' AND area_id IS NOT NULL
    )
), booked AS (
    -- From first_day until before next_day, so many active customers are in the area.
    SELECT area_id, day AS first_day, lead(day) OVER (PARTITION BY area_id ORDER BY day) AS next_day,
        sum(change) OVER (PARTITION BY area_id ORDER BY day) AS active_count
    FROM (SELECT area_id, day, sum(change) AS change FROM steps GROUP BY area_id, day)
), compared AS (
    SELECT supplied.area_id, sold.feeder_id, supplied.day, supplied.complete AS supply_complete,
        supplied.energy_kwh AS supplied_kwh, coalesce(sold.energy_kwh, 0) AS sold_kwh,
        coalesce(booked.active_count, 0) + coalesce(sold.inactive_count, 0) AS customer_count,
        coalesce(sold.complete_count, 0) AS complete_customer_count
    FROM supplied
    LEFT JOIN sold ON sold.area_id = supplied.area_id AND sold.day = supplied.day
    LEFT JOIN booked ON booked.area_id = supplied.area_id
        AND supplied.day >= booked.first_day AND supplied.day < coalesce(booked.next_day, DATE '9999-12-31')
), told AS (
    SELECT *, supply_complete AND complete_customer_count = customer_count AS complete FROM compared
)
SELECT area_id, feeder_id, day, complete, supply_complete, customer_count, complete_customer_count,
    CASE WHEN complete THEN CAST(supplied_kwh AS DECIMAL(28, 4)) END AS supplied_kwh,
    CASE WHEN complete THEN CAST(sold_kwh AS DECIMAL(28, 4)) END AS sold_kwh,
    CASE WHEN complete THEN CAST(supplied_kwh - sold_kwh AS DECIMAL(28, 4)) END AS loss_kwh,
    CASE WHEN complete AND supplied_kwh > 0
        THEN CAST((supplied_kwh - sold_kwh) / supplied_kwh AS DECIMAL(12, 6)) END AS loss_rate
FROM told
