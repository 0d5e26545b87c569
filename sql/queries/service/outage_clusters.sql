-- Question: which outages of meters are one outage of the grid, and who is without supply (停电事件, 事故定位)?
-- 问题:     哪些停电属同一次停电，谁停电？
-- Grain:    one row a transformer area and stretch of time in which meters of it were without supply.
-- Units:    minutes; meters and customers counted; shares 0 to 1.
-- Month:    none; the time of the events.
--
-- Outages of an area that overlap, or begin within join_min of the end of another, are one. place says
-- what is probably out: area where area_share of its active customers and area_min_meters at least are,
-- service else. Of areas of one feeder that went out within together_min of each other, feeder_area_count
-- tells how many. Faults count that the region reported until report_min after. These are the limits of the
-- view on the day an outage begins. Meters that no area is known of have a row of their own, area_id NULL.
-- Column:   area_id | transformer area | 台区
-- Column:   feeder_id | feeder | 线路
-- Column:   started_at | first meter out, UTC | 停电开始
-- Column:   ended_at | last meter back, UTC; NULL while one is out | 停电结束
-- Column:   duration_min | from the one to the other, or to now | 停电时长
-- Column:   meter_count | meters that told | 上报表数
-- Column:   customer_count | active customers of the area | 台区户数
-- Column:   affected_share | the one over the other | 停电占比
-- Column:   customer_min | minutes of all meters | 停电户时
-- Column:   place | area or service | 停电范围
-- Column:   feeder_area_count | areas of the feeder out at once | 同线路停电台区数
-- Column:   fault_report_count | faults reported from the region then | 报修数
WITH terms AS (
    SELECT days.day,
        max(limits.value) FILTER (WHERE limits.parameter = 'join_min') AS join_min,
        max(limits.value) FILTER (WHERE limits.parameter = 'area_share') AS area_share,
        max(limits.value) FILTER (WHERE limits.parameter = 'area_min_meters') AS area_min_meters,
        max(limits.value) FILTER (WHERE limits.parameter = 'together_min') AS together_min,
        max(limits.value) FILTER (WHERE limits.parameter = 'report_min') AS report_min
    FROM (SELECT DISTINCT settlement_day(started_at) AS day FROM meter_events WHERE kind = 'outage') AS days
    JOIN limits_by_day AS limits ON limits.view_name = 'service.outage_clusters'
        AND days.day >= limits.first_day AND days.day <= limits.last_day
    GROUP BY days.day
), outages AS (
    SELECT terms.join_min, event.meter_id, event.started_at, event.ended_at, coalesce(event.ended_at, lake_time.as_of) AS until,
        class.area_id, class.feeder_id, class.region_code
    FROM meter_events AS event
    CROSS JOIN lake_time
    LEFT JOIN terms ON terms.day = settlement_day(event.started_at)
    LEFT JOIN meters_by_day AS holder ON holder.meter_id = event.meter_id
        AND settlement_day(event.started_at) >= holder.first_day AND settlement_day(event.started_at) <= holder.last_day
    LEFT JOIN customers_by_day AS class ON class.customer_id = holder.customer_id
        AND settlement_day(event.started_at) >= class.first_day AND settlement_day(event.started_at) <= class.last_day
    WHERE event.kind = 'outage'
), placed AS (
    SELECT *, coalesce(area_id, 'meter ' || meter_id) AS place,
        max(until) OVER (PARTITION BY coalesce(area_id, 'meter ' || meter_id) ORDER BY started_at, meter_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until_before
    FROM outages
), numbered AS (
    SELECT *, sum(CASE WHEN CAST(started_at AS BIGINT) - CAST(until_before AS BIGINT) <= join_min * 60000000
                THEN 0 ELSE 1 END)
            OVER (PARTITION BY place ORDER BY started_at, meter_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
    FROM placed
), clusters AS (
    SELECT place, stretch, max(area_id) AS area_id, max(feeder_id) AS feeder_id, max(region_code) AS region_code,
        min(started_at) AS started_at, max(until) AS until,
        count(*) - count(ended_at) AS open_count, count(DISTINCT meter_id) AS meter_count,
        sum((CAST(until AS BIGINT) - CAST(started_at AS BIGINT)) / 60000000) AS customer_min
    FROM numbered
    GROUP BY place, stretch
), sized AS (
    SELECT clusters.place, clusters.stretch, count(class.customer_id) AS customer_count
    FROM clusters
    LEFT JOIN customers_by_day AS class ON class.area_id = clusters.area_id AND class.status = 'active'
        AND settlement_day(clusters.started_at) >= class.first_day
        AND settlement_day(clusters.started_at) <= class.last_day
    GROUP BY clusters.place, clusters.stretch
), judged AS (
    SELECT clusters.*, sized.customer_count, terms.together_min, terms.report_min,
        clusters.meter_count >= terms.area_share * sized.customer_count
            AND clusters.meter_count >= terms.area_min_meters AS whole
    FROM clusters
    LEFT JOIN terms ON terms.day = settlement_day(clusters.started_at)
    JOIN sized ON sized.place = clusters.place AND sized.stretch = clusters.stretch
), together AS (
    SELECT one.place, one.stretch, count(DISTINCT other.area_id) AS area_count
    FROM judged AS one
    JOIN judged AS other ON other.feeder_id = one.feeder_id AND other.whole AND one.whole
        AND abs(CAST(other.started_at AS BIGINT) - CAST(one.started_at AS BIGINT)) <= one.together_min * 60000000
    GROUP BY one.place, one.stretch
), reported AS (
    SELECT judged.place, judged.stretch, count(*) AS report_count
    FROM judged
    JOIN service.requests AS request ON request.request_type = 'fault_report'
        AND request.region_code = judged.region_code
        AND request.accepted_at >= judged.started_at AND CAST(request.accepted_at AS BIGINT) - CAST(judged.until AS BIGINT) <= judged.report_min * 60000000
    GROUP BY judged.place, judged.stretch
)
SELECT judged.area_id, judged.feeder_id, judged.started_at,
    CASE WHEN judged.open_count = 0 THEN judged.until END AS ended_at,
    (CAST(judged.until AS BIGINT) - CAST(judged.started_at AS BIGINT)) / 60000000 AS duration_min,
    judged.meter_count, judged.customer_count,
    CAST(CAST(judged.meter_count AS DECIMAL(20, 6)) / nullif(judged.customer_count, 0) AS DECIMAL(9, 6))
        AS affected_share,
    CAST(judged.customer_min AS BIGINT) AS customer_min,
    CASE WHEN judged.whole THEN 'area' ELSE 'service' END AS place,
    coalesce(together.area_count, 0) AS feeder_area_count,
    coalesce(reported.report_count, 0) AS fault_report_count
FROM judged
LEFT JOIN together ON together.place = judged.place AND together.stretch = judged.stretch
LEFT JOIN reported ON reported.place = judged.place AND reported.stretch = judged.stretch
