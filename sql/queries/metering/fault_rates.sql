-- Question: what share of the meters is faulty in a month, and what share is exchanged (故障差错率, 轮换率)?
-- 问题:     每月电能表故障率、轮换率多少？
-- Grain:    one row a calendar month (its first day) and region; region all is all of them.
-- Units:    meters counted; rates 0 to 1, NULL where no meter is up.
-- Month:    consumption.
-- Column:   month | its first day | 月份
-- Column:   region_code | region of the holder; all, or NULL where not known | 区域
-- Column:   meter_count | meters that read or were looked at | 电能表数
-- Column:   faulty_count | faulty ones, see meter_health | 故障表数
-- Column:   stuck_count | stuck for stuck_days of meter_health at least | 停走表数
-- Column:   spiking_count | with a spike | 突变表数
-- Column:   off_clock_count | with a clock off the grid | 时钟超差表数
-- Column:   rolled_over_count | that passed their last digit | 翻转表数
-- Column:   register_error_count | whose register fell for no reason | 示数异常表数
-- Column:   replaced_count | put up in the place of another | 换装表数
-- Column:   fault_rate | faulty over all | 故障率
-- Column:   replacement_rate | put up over all | 轮换率
WITH meters AS (
    SELECT health.*, stuck.value AS stuck_days, unnest(['all', health.region_code]) AS region
    FROM metering.meter_health AS health
    LEFT JOIN limits_by_day AS stuck ON stuck.view_name = 'metering.meter_health' AND stuck.parameter = 'stuck_days'
        AND health.month >= stuck.first_day AND health.month <= stuck.last_day
), counted AS (
    SELECT month, region, count(*) AS meter_count,
        count(*) FILTER (WHERE faulty) AS faulty_count,
        count(*) FILTER (WHERE stuck_day_count >= stuck_days) AS stuck_count,
        count(*) FILTER (WHERE spike_day_count > 0) AS spiking_count,
        count(*) FILTER (WHERE clock_day_count > 0) AS off_clock_count,
        count(*) FILTER (WHERE rollover_count > 0) AS rolled_over_count,
        count(*) FILTER (WHERE register_error_count > 0) AS register_error_count,
        count(*) FILTER (WHERE installed) AS replaced_count
    FROM meters
    GROUP BY month, region
)
SELECT month, region AS region_code, meter_count, faulty_count, stuck_count, spiking_count, off_clock_count,
    rolled_over_count, register_error_count, replaced_count,
    CAST(CAST(faulty_count AS DECIMAL(20, 6)) / nullif(meter_count, 0) AS DECIMAL(9, 6)) AS fault_rate,
    CAST(CAST(replaced_count AS DECIMAL(20, 6)) / nullif(meter_count, 0) AS DECIMAL(9, 6)) AS replacement_rate
FROM counted
