-- Question: what was wrong with which meter in a month?
-- 问题:     某月哪块电能表出了什么问题？
-- Grain:    one row a meter and calendar month (its first day) with import reads, register reads or findings.
-- Units:    days, intervals, reads and events counted.
-- Month:    consumption.
--
-- stuck_day_count are days on which every interval, stuck_min_intervals (4) at least, read the same and not
-- nothing. Spikes and clocks off the grid are those that validation found (vee_findings, reads edited by the rule
-- clock): none before it has run. A clock that is fast by whole intervals shows in none of these. Rollovers
-- are no fault. faulty is a meter stuck for stuck_days (3), with a clock off the grid, a register that fell or
-- was misread for no reason (register_deltas: error), an opened cover or a lost voltage. Both numbers are
-- limits of this view, the one on the day, the other on the first of the month.
-- Column:   meter_id | meter | 电能表编号
-- Column:   month | its first day | 月份
-- Column:   customer_id | who held it last in the month; NULL where no one | 用户编号
-- Column:   region_code | the holder's region | 区域
-- Column:   read_day_count | days with import reads | 有数天数
-- Column:   complete_day_count | of these, days in full | 完整天数
-- Column:   estimated_interval_count | estimated intervals | 估算点数
-- Column:   stuck_day_count | days that read the same throughout | 示值不变天数
-- Column:   spike_day_count | days with a spike | 突变天数
-- Column:   clock_day_count | days off the grid | 时钟超差天数
-- Column:   rollover_count | registers that passed their last digit | 翻转次数
-- Column:   reverse_count | registers that ran back | 倒走次数
-- Column:   register_error_count | registers that fell for no reason | 示数异常次数
-- Column:   event_count | opened covers, lost voltages, reverse flows | 告警次数
-- Column:   installed | put up within the month in the place of another | 本月换装
-- Column:   faulty | as said above | 故障
WITH read_days AS (
    SELECT meter_id, day, count(*) AS interval_count, min(interval_min) AS interval_min,
        min(energy_kwh) AS least_kwh, max(energy_kwh) AS most_kwh,
        count(*) FILTER (WHERE quality IN (8, 9)) AS estimated_count,
        max(CASE WHEN edit_rule = 'clock' THEN 1 ELSE 0 END) AS off_grid
    FROM meter_reads
    WHERE channel = 'import'
    GROUP BY meter_id, day
), found AS (
    SELECT meter_id, day, rule FROM vee_findings
    WHERE rule IN ('spike', 'clock') AND interval_count > 0
    UNION
    SELECT meter_id, day, 'clock' FROM read_days WHERE off_grid = 1
), told AS (
    SELECT meter_id, day, 1 AS read_days, CASE WHEN interval_count * interval_min >= 1440 THEN 1 ELSE 0 END AS complete,
        estimated_count AS estimated,
        CASE WHEN interval_count >= least.value AND least_kwh = most_kwh AND most_kwh > 0 THEN 1 ELSE 0 END AS stuck,
        0 AS spikes, 0 AS clocks, 0 AS rollovers, 0 AS reverses, 0 AS errors, 0 AS events
    FROM read_days
    LEFT JOIN limits_by_day AS least ON least.view_name = 'metering.meter_health'
        AND least.parameter = 'stuck_min_intervals'
        AND read_days.day >= least.first_day AND read_days.day <= least.last_day
    UNION ALL
    SELECT meter_id, day, 0, 0, 0, 0, CASE WHEN rule = 'spike' THEN 1 ELSE 0 END,
        CASE WHEN rule = 'clock' THEN 1 ELSE 0 END, 0, 0, 0, 0
    FROM found
    UNION ALL
    SELECT meter_id, day, 0, 0, 0, 0, 0, 0, CASE WHEN kind = 'rollover' THEN 1 ELSE 0 END,
        CASE WHEN kind = 'reverse' THEN 1 ELSE 0 END, CASE WHEN kind = 'error' THEN 1 ELSE 0 END, 0
    FROM register_deltas
    WHERE tou = 'total'
    UNION ALL
    SELECT meter_id, settlement_day(started_at), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
    FROM meter_events
    WHERE kind IN ('cover_open', 'voltage_loss', 'reverse_flow')
), months AS (
    SELECT meter_id, CAST(date_trunc('month', day) AS DATE) AS month,
        sum(read_days) AS read_days, sum(complete) AS complete, sum(estimated) AS estimated, sum(stuck) AS stuck,
        sum(spikes) AS spikes, sum(clocks) AS clocks, sum(rollovers) AS rollovers, sum(reverses) AS reverses,
        sum(errors) AS errors, sum(events) AS events
    FROM told
    GROUP BY 1, 2
), serious AS (
    SELECT DISTINCT meter_id, CAST(date_trunc('month', settlement_day(started_at)) AS DATE) AS month
    FROM meter_events WHERE kind IN ('cover_open', 'voltage_loss')
), held AS (
    SELECT months.meter_id, months.month, holder.customer_id, holder.installed_at, class.region_code,
        row_number() OVER (PARTITION BY months.meter_id, months.month
            ORDER BY holder.first_day DESC, class.first_day DESC) AS age
    FROM months
    JOIN meters_by_day AS holder ON holder.meter_id = months.meter_id
        AND holder.first_day < CAST(months.month + INTERVAL '1 month' AS DATE) AND holder.last_day >= months.month
    LEFT JOIN customers_by_day AS class ON class.customer_id = holder.customer_id
        AND class.first_day < CAST(months.month + INTERVAL '1 month' AS DATE) AND class.last_day >= months.month
)
SELECT months.meter_id, months.month, held.customer_id, held.region_code,
    CAST(months.read_days AS BIGINT) AS read_day_count,
    CAST(months.complete AS BIGINT) AS complete_day_count,
    CAST(months.estimated AS BIGINT) AS estimated_interval_count,
    CAST(months.stuck AS BIGINT) AS stuck_day_count,
    CAST(months.spikes AS BIGINT) AS spike_day_count,
    CAST(months.clocks AS BIGINT) AS clock_day_count,
    CAST(months.rollovers AS BIGINT) AS rollover_count,
    CAST(months.reverses AS BIGINT) AS reverse_count,
    CAST(months.errors AS BIGINT) AS register_error_count,
    CAST(months.events AS BIGINT) AS event_count,
    coalesce(settlement_day(held.installed_at) >= months.month
        AND settlement_day(held.installed_at) < CAST(months.month + INTERVAL '1 month' AS DATE), false) AS installed,
    months.stuck >= stuck.value OR months.clocks > 0 OR months.errors > 0 OR serious.meter_id IS NOT NULL AS faulty
FROM months
LEFT JOIN held ON held.meter_id = months.meter_id AND held.month = months.month AND held.age = 1
LEFT JOIN serious ON serious.meter_id = months.meter_id AND serious.month = months.month
LEFT JOIN limits_by_day AS stuck ON stuck.view_name = 'metering.meter_health' AND stuck.parameter = 'stuck_days'
    AND months.month >= stuck.first_day AND months.month <= stuck.last_day
