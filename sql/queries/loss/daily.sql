-- Question: what was supplied, sold and lost by transformer area, feeder, voltage level, region and in all
--           (台区, 线路, 分压, 分区, 全网线损)?
-- 问题:     台区、线路、分压、分区及全网每日供、售、损各多少？
-- Grain:    one row a level, code and settlement day with supply reads.
-- Units:    kWh; loss_rate is lost over supplied, NULL where nothing was supplied.
-- Month:    consumption, supply and sale of the same day from midnight to midnight (同期线损).
--
-- Both sides speak of the same instants or not at all: kWh are NULL on a day that a supply meter or a
-- customer concerned did not read in full, so that sums over days are of like with like.
--
--   area     the area's meter against its customers
--   feeder   the feeder's meter against all its customers, those of its areas among them
--   voltage  LV: areas against their customers; MV: feeders against areas and the customers that hang on
--            feeders themselves; HV: gates against feeders and the customers on none. passed_kwh is what
--            went on to the next level, and the three losses are the system's
--   region   feeders whose customers are all of one region, against these customers
--   system   gates against all customers
--
-- A supply meter counts in less out. What customers feed in is in neither side.
-- Column:   level | area, feeder, voltage, region or system | 层级
-- Column:   code | of the level | 编码
-- Column:   day | settlement day | 日期
-- Column:   complete | both sides read in full | 完整
-- Column:   customer_count | customers that had to read | 应采户数
-- Column:   complete_customer_count | that did, in full | 完整户数
-- Column:   supplied_kwh | supplied | 供电量
-- Column:   passed_kwh | of that, passed to the next level | 转供电量
-- Column:   sold_kwh | sold | 售电量
-- Column:   loss_kwh | supplied − passed − sold | 线损电量
-- Column:   loss_rate | lost over supplied | 线损率
WITH meters AS (
    SELECT asset_kind, asset_id, day,
        sum(CASE WHEN direction = 'in' THEN energy_kwh ELSE -energy_kwh END) AS energy_kwh,
        coalesce(sum(interval_min) FILTER (WHERE direction = 'in'), 0) = 1440
            AND coalesce(sum(interval_min) FILTER (WHERE direction = 'out'), 0) IN (0, 1440) AS complete
    FROM supply_reads
    GROUP BY asset_kind, asset_id, day
), whole AS (
    -- A level is complete if every meter of it that ever read did so on the day.
    SELECT meters.asset_kind, meters.day, sum(meters.energy_kwh) AS energy_kwh,
        bool_and(meters.complete) AND count(*) = max(known.asset_count) AS complete
    FROM meters
    JOIN (SELECT asset_kind, count(DISTINCT asset_id) AS asset_count FROM meters GROUP BY asset_kind) AS known
        ON known.asset_kind = meters.asset_kind
    GROUP BY meters.asset_kind, meters.day
), sold AS (
    SELECT level, code, day, sold_kwh, customer_count, complete_customer_count, complete FROM loss.sold_daily
), by_kind AS (
    SELECT sold_of.kind, sold.day, sum(sold.sold_kwh) AS sold_kwh, sum(sold.customer_count) AS customer_count,
        sum(sold.complete_customer_count) AS complete_customer_count
    FROM sold
    JOIN (VALUES ('area', 'LV'), ('direct', 'MV'), ('bulk', 'HV'), ('all', 'system')) AS sold_of (level, kind)
        ON sold_of.level = sold.level
    GROUP BY sold_of.kind, sold.day
), of_region AS (
    SELECT feeder_id, max(region_code) AS region_code
    FROM customers_by_day
    WHERE feeder_id IS NOT NULL
    GROUP BY feeder_id
    HAVING count(*) = count(region_code) AND min(region_code) = max(region_code)
), feeders AS (
    SELECT meters.asset_id, meters.day, meters.energy_kwh AS supplied_kwh,
        meters.complete AS supply_complete, coalesce(sold.sold_kwh, 0) AS sold_kwh,
        coalesce(sold.customer_count, 0) AS customer_count,
        coalesce(sold.complete_customer_count, 0) AS complete_customer_count
    FROM meters
    LEFT JOIN sold ON sold.level = 'feeder' AND sold.code = meters.asset_id AND sold.day = meters.day
    WHERE meters.asset_kind = 'feeder'
), region_sizes AS (
    SELECT of_region.region_code, count(DISTINCT feeders.asset_id) AS feeder_count
    FROM feeders JOIN of_region ON of_region.feeder_id = feeders.asset_id GROUP BY of_region.region_code
), compared AS (
    SELECT 'area' AS level, area_id AS code, day, supply_complete, customer_count, complete_customer_count,
        supplied_kwh, CAST(NULL AS DECIMAL(28, 4)) AS passed_kwh, sold_kwh
    FROM area_loss_daily
    UNION ALL
    SELECT 'feeder', asset_id, day, supply_complete, customer_count, complete_customer_count,
        supplied_kwh, NULL, sold_kwh
    FROM feeders
    UNION ALL
    SELECT 'region', of_region.region_code, feeders.day,
        bool_and(feeders.supply_complete) AND count(*) = max(region_sizes.feeder_count),
        sum(feeders.customer_count), sum(feeders.complete_customer_count),
        sum(feeders.supplied_kwh), NULL, sum(feeders.sold_kwh)
    FROM feeders
    JOIN of_region ON of_region.feeder_id = feeders.asset_id
    JOIN region_sizes ON region_sizes.region_code = of_region.region_code
    GROUP BY of_region.region_code, feeders.day
    UNION ALL
    SELECT 'voltage', steps.code, supply.day, supply.complete AND coalesce(next.complete, steps.next_kind IS NULL),
        coalesce(by_kind.customer_count, 0), coalesce(by_kind.complete_customer_count, 0),
        supply.energy_kwh, next.energy_kwh, coalesce(by_kind.sold_kwh, 0)
    FROM (VALUES ('LV', 'area', NULL), ('MV', 'feeder', 'area'), ('HV', 'gate', 'feeder'))
        AS steps (code, kind, next_kind)
    JOIN whole AS supply ON supply.asset_kind = steps.kind
    LEFT JOIN whole AS next ON next.asset_kind = steps.next_kind AND next.day = supply.day
    LEFT JOIN by_kind ON by_kind.kind = steps.code AND by_kind.day = supply.day
    UNION ALL
    SELECT 'system', 'all', supply.day, supply.complete,
        coalesce(by_kind.customer_count, 0), coalesce(by_kind.complete_customer_count, 0),
        supply.energy_kwh, NULL, coalesce(by_kind.sold_kwh, 0)
    FROM whole AS supply
    LEFT JOIN by_kind ON by_kind.kind = 'system' AND by_kind.day = supply.day
    WHERE supply.asset_kind = 'gate'
), told AS (
    SELECT *, supply_complete AND customer_count = complete_customer_count AS complete,
        supplied_kwh - coalesce(passed_kwh, 0) - sold_kwh AS loss_kwh
    FROM compared
)
SELECT level, code, day, complete,
    CAST(customer_count AS BIGINT) AS customer_count,
    CAST(complete_customer_count AS BIGINT) AS complete_customer_count,
    CASE WHEN complete THEN CAST(supplied_kwh AS DECIMAL(28, 4)) END AS supplied_kwh,
    CASE WHEN complete THEN CAST(passed_kwh AS DECIMAL(28, 4)) END AS passed_kwh,
    CASE WHEN complete THEN CAST(sold_kwh AS DECIMAL(28, 4)) END AS sold_kwh,
    CASE WHEN complete THEN CAST(loss_kwh AS DECIMAL(28, 4)) END AS loss_kwh,
    CASE WHEN complete AND supplied_kwh > 0 THEN CAST(loss_kwh / supplied_kwh AS DECIMAL(12, 6)) END AS loss_rate
FROM told
