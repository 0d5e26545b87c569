-- Question: which reads say what was drawn at which time of the day?
-- 问题:     哪些读数能说明一天中各时刻的用电？
-- Grain:    one row a read, in its newest revision or edit.
-- Units:    kWh; demand_kw is the mean power of the interval.
-- Month:    consumption.
--
-- Reads of a clock that was off by more than could be put right (quality 10 by the rule clock) are
-- left out: they count in kWh, not in time of use and demand.
-- Column:   meter_id | meter | 电能表编号
-- Column:   channel | channel: import, export, reactive | 计量通道
-- Column:   read_at | end of the interval read | 抄表时间
-- Column:   interval_min | length of the interval, minutes | 采集间隔
-- Column:   energy_kwh | energy of the interval, kWh | 区间电量
-- Column:   demand_kw | mean power of the interval, kW | 平均功率
-- Column:   quality | quality of the read, as ESPI numbers it | 数据质量码
-- Column:   revision | revision of the read | 修订号
-- Column:   edit_rule | rule or person that edited it | 修改规则
-- Column:   day | settlement day | 结算日
SELECT meter_id, channel, read_at, interval_min, energy_kwh,
    CAST(energy_kwh * 60 / interval_min AS DECIMAL(18, 4)) AS demand_kw,
    quality, revision, edit_rule, day
FROM meter_reads
WHERE quality <> 10 OR edit_rule IS DISTINCT FROM 'clock'
