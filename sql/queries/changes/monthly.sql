-- Question: how many changes of which type, of how much capacity, and how fast (变更用电)?
-- 问题:     各类变更用电有多少，容量多少，多快？
-- Grain:    one row a month of acceptance (its first day), region (all is all of them) and type with requests.
-- Units:    requests counted, kVA, days of the clock; rates 0 to 1.
-- Month:    acceptance.
--
-- Of the twelve types a row is there as soon as a request of it is. capacity_kva is what the capacity
-- changes by where the request says so, negative for less; done_kva that of the requests done.
-- Column:   month | of acceptance, its first day | 受理月份
-- Column:   region_code | region; all, or NULL where not known | 区域
-- Column:   request_type | type of change | 变更类型
-- Column:   name_zh | its name in Chinese | 中文名称
-- Column:   request_count | accepted | 受理数
-- Column:   done_count | of these, done | 办结数
-- Column:   withdrawn_count | given up | 终止数
-- Column:   open_count | under way | 在办数
-- Column:   capacity_kva | change of capacity asked for | 申请变更容量
-- Column:   done_kva | of the requests done | 完成变更容量
-- Column:   p50_days | half were done within | 办理时长中位
-- Column:   p90_days | nine in ten were done within | 办理时长90分位
-- Column:   late_count | done or open beyond the limit | 超时数
-- Column:   late_rate | of those done or late | 逾期率
WITH names AS (
    SELECT * FROM (VALUES
        ('capacity_decrease', '减容'), ('suspension', '暂停'), ('temporary_exchange', '暂换'),
        ('relocation', '迁址'), ('meter_move', '移表'), ('temporary_removal', '暂拆'), ('transfer', '更名过户'),
        ('split', '分户'), ('merge', '并户'), ('closure', '销户'), ('voltage_change', '改压'),
        ('class_change', '改类')
    ) AS names (request_type, name_zh)
), asked AS (
    SELECT *, CAST(date_trunc('month', settlement_day(accepted_at)) AS DATE) AS month,
        unnest(['all', region_code]) AS region, after_kva - before_kva AS kva,
        CASE WHEN state = 'done' THEN CAST(hours AS DOUBLE) / 24 END AS done_days
    FROM service.requests
    WHERE category = 'change' AND accepted_at IS NOT NULL
), counted AS (
    SELECT month, region, request_type, count(*) AS request_count,
        count(*) FILTER (WHERE state = 'done') AS done_count,
        count(*) FILTER (WHERE state = 'withdrawn') AS withdrawn_count,
        count(*) FILTER (WHERE state = 'open') AS open_count,
        coalesce(sum(kva), 0) AS capacity_kva,
        coalesce(sum(kva) FILTER (WHERE state = 'done'), 0) AS done_kva,
        percentile_cont(done_days, 0.5) AS p50_days, percentile_cont(done_days, 0.9) AS p90_days,
        count(*) FILTER (WHERE NOT in_time AND state <> 'withdrawn') AS late_count,
        count(*) FILTER (WHERE in_time AND state = 'done') AS timely_count
    FROM asked
    GROUP BY month, region, request_type
)
SELECT counted.month, counted.region AS region_code, counted.request_type, names.name_zh, counted.request_count,
    counted.done_count, counted.withdrawn_count, counted.open_count,
    CAST(counted.capacity_kva AS DECIMAL(28, 4)) AS capacity_kva,
    CAST(counted.done_kva AS DECIMAL(28, 4)) AS done_kva,
    CAST(counted.p50_days AS DECIMAL(12, 2)) AS p50_days, CAST(counted.p90_days AS DECIMAL(12, 2)) AS p90_days,
    counted.late_count,
    CAST(CAST(counted.late_count AS DECIMAL(20, 6)) / nullif(counted.timely_count + counted.late_count, 0)
        AS DECIMAL(9, 6)) AS late_rate
FROM counted
JOIN names ON names.request_type = counted.request_type
