-- Question: how much capacity came and went in a month (净增容量), and what is on its way (在途容量)?
-- 问题:     每月净增容量多少，在途容量多少？
-- Grain:    one row a calendar month (its first day) and region (all is all of them).
-- Units:    kVA.
-- Month:    the time a change holds from, as the customers' records have it.
--
-- new + increased − decreased − closed − suspended + resumed = net, and the capacity of active customers at
-- the month's end is that of the month before and the net. new are customers that become active for the
-- first time, resumed those that were suspended, cut off or removed; closed are those that end for good,
-- suspended those that stop otherwise. moved is what came with customers that changed region. pending is
-- what was applied for by the month's end and neither connected nor given up by then. Customers that are
-- there when the books begin count as new in that month.
-- Column:   month | its first day | 月份
-- Column:   region_code | region; all, or NULL where not known | 区域
-- Column:   new_kva | of new customers | 新装容量
-- Column:   increased_kva | more of active ones | 增容容量
-- Column:   decreased_kva | less of active ones | 减容容量
-- Column:   closed_kva | of those that closed | 销户容量
-- Column:   suspended_kva | of those that stopped otherwise | 暂停容量
-- Column:   resumed_kva | of those that came back | 恢复容量
-- Column:   moved_kva | of those that changed region, in less out | 区域调整容量
-- Column:   net_kva | all of this together | 净增容量
-- Column:   active_kva | of active customers at the end | 期末运行容量
-- Column:   pending_kva | applied for, not connected | 在途容量
WITH states AS (
    SELECT customer_id, valid_from, region_code, coalesce(capacity_kva, 0) AS kva, status = 'active' AS active,
        status,
        lag(coalesce(capacity_kva, 0)) OVER of_customer AS kva_before,
        lag(status = 'active') OVER of_customer AS active_before,
        lag(region_code) OVER of_customer AS region_before,
        coalesce(max(CASE WHEN status = 'active' THEN 1 END) OVER (PARTITION BY customer_id ORDER BY valid_from, lsn
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) = 1 AS was_active
    FROM customers_history
    WINDOW of_customer AS (PARTITION BY customer_id ORDER BY valid_from, lsn)
), ended AS (
    -- A deleted record ends in nothing.
    SELECT customer_id, valid_to, region_code, coalesce(capacity_kva, 0) AS kva
    FROM (
        SELECT *, lead(valid_from) OVER (PARTITION BY customer_id ORDER BY valid_from, lsn) AS next_from
        FROM customers_history
    )
    WHERE status = 'active' AND valid_to IS NOT NULL AND (next_from IS NULL OR next_from > valid_to)
), moves AS (
    SELECT valid_from AS at, region_code, CASE
            WHEN NOT coalesce(active_before, false) AND NOT was_active THEN 'new'
            WHEN NOT coalesce(active_before, false) THEN 'resumed'
            WHEN kva >= kva_before THEN 'increased' ELSE 'decreased' END AS kind,
        CASE WHEN coalesce(active_before, false) THEN kva - kva_before ELSE kva END AS kva
    FROM states WHERE active
    UNION ALL
    SELECT valid_from, region_before, CASE WHEN status = 'closed' THEN 'closed' ELSE 'suspended' END, -kva_before
    FROM states WHERE NOT active AND active_before
    UNION ALL
    SELECT valid_to, region_code, 'closed', -kva FROM ended
    UNION ALL
    SELECT valid_from, unnest([region_code, region_before]), 'moved', unnest([kva_before, -kva_before])
    FROM states WHERE active AND active_before AND (region_code IS DISTINCT FROM region_before)
), monthly AS (
    SELECT CAST(date_trunc('month', settlement_day(at)) AS DATE) AS month, unnest(['all', region_code]) AS region,
        kind, kva
    FROM moves
    CROSS JOIN lake_time
    WHERE at <= lake_time.as_of
), sums AS (
    SELECT month, region, kind, sum(kva) AS kva FROM monthly GROUP BY month, region, kind
), months AS (
    SELECT CAST(unnest(range(first_month, next_month, INTERVAL '1 month')) AS DATE) AS month
    FROM (
        SELECT min(month) AS first_month, CAST(date_trunc('month', settlement_day(max(lake_time.as_of)))
            + INTERVAL '1 month' AS DATE) AS next_month
        FROM monthly CROSS JOIN lake_time
    )
), grid AS (
    SELECT months.month, regions.region
    FROM months CROSS JOIN (SELECT DISTINCT region FROM monthly) AS regions
), told AS (
    SELECT grid.month, grid.region,
        coalesce(sum(sums.kva) FILTER (WHERE kind = 'new'), 0) AS new_kva,
        coalesce(sum(sums.kva) FILTER (WHERE kind = 'increased'), 0) AS increased_kva,
        coalesce(-sum(sums.kva) FILTER (WHERE kind = 'decreased'), 0) AS decreased_kva,
        coalesce(-sum(sums.kva) FILTER (WHERE kind = 'closed'), 0) AS closed_kva,
        coalesce(-sum(sums.kva) FILTER (WHERE kind = 'suspended'), 0) AS suspended_kva,
        coalesce(sum(sums.kva) FILTER (WHERE kind = 'resumed'), 0) AS resumed_kva,
        coalesce(sum(sums.kva) FILTER (WHERE kind = 'moved'), 0) AS moved_kva,
        coalesce(sum(sums.kva), 0) AS net_kva
    FROM grid
    LEFT JOIN sums ON sums.month = grid.month AND (sums.region IS NOT DISTINCT FROM grid.region)
    GROUP BY grid.month, grid.region
), asked AS (
    SELECT request_id, unnest(['all', region_code]) AS region,
        coalesce(after_kva, 0) - coalesce(before_kva, 0) AS kva, settlement_day(accepted_at) AS from_day,
        settlement_day(ended_at) AS to_day
    FROM service.requests
    WHERE category = 'expansion' AND accepted_at IS NOT NULL
), pending AS (
    SELECT months.month, asked.region, sum(asked.kva) AS kva
    FROM months
    CROSS JOIN lake_time
    JOIN asked ON asked.from_day < CAST(months.month + INTERVAL '1 month' AS DATE)
        AND (asked.to_day IS NULL OR asked.to_day >= CAST(months.month + INTERVAL '1 month' AS DATE))
    GROUP BY months.month, asked.region
)
SELECT told.month, told.region AS region_code,
    CAST(new_kva AS DECIMAL(28, 4)) AS new_kva,
    CAST(increased_kva AS DECIMAL(28, 4)) AS increased_kva,
    CAST(decreased_kva AS DECIMAL(28, 4)) AS decreased_kva,
    CAST(closed_kva AS DECIMAL(28, 4)) AS closed_kva,
    CAST(suspended_kva AS DECIMAL(28, 4)) AS suspended_kva,
    CAST(resumed_kva AS DECIMAL(28, 4)) AS resumed_kva,
    CAST(moved_kva AS DECIMAL(28, 4)) AS moved_kva,
    CAST(net_kva AS DECIMAL(28, 4)) AS net_kva,
    CAST(sum(net_kva) OVER (PARTITION BY told.region ORDER BY told.month) AS DECIMAL(28, 4)) AS active_kva,
    CAST(coalesce(pending.kva, 0) AS DECIMAL(28, 4)) AS pending_kva
FROM told
LEFT JOIN pending ON pending.month = told.month AND (pending.region IS NOT DISTINCT FROM told.region)
