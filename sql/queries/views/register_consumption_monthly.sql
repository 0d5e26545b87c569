-- Question: what did each customer's registers count in a month (抄见电量), over all the meters it had,
--           and how much of that is out of the ordinary?
-- 问题:     每个客户各月抄见电量多少，其中多少不正常？
-- Grain:    one row a customer, channel, TOU period and calendar month (its first day); customer_id is
--           empty for meters that no customer held. TOU periods are parts of total, not beside it.
-- Units:    kWh (kvarh of reactive channels); shares of energy, 0 to 1, NULL where it is zero.
-- Month:    consumption, by the settlement day of the closing read.
--
-- A meter that is replaced counts up to its removal read, the one in its place from its
-- installation read on: both are in the sum. energy_kwh is NULL where no interval could be counted,
-- and unknown_interval_count says how many are not in it. unusual is every kind of register_deltas
-- but normal, estimated what opens or closes with an estimate.
-- Column:   month | calendar month, its first day | 用电年月
-- Column:   customer_id | customer | 客户编号
-- Column:   channel | channel: import, export, reactive | 计量通道
-- Column:   tou | time-of-use period | 分时时段
-- Column:   energy_kwh | energy counted, kWh (kvarh if reactive) | 抄见电量
-- Column:   unusual_energy_kwh | of which found in another way than by a rising register | 非正常电量
-- Column:   unusual_share | share of it | 非正常比例
-- Column:   estimated_share | share that opens or closes with an estimate | 估算比例
-- Column:   meter_count | meters | 电能表数
-- Column:   interval_count | intervals between reads | 抄表区间数
-- Column:   unknown_interval_count | of which could not be counted | 无法计算区间数
-- Column:   first_read_at | first read that closes an interval | 首次抄表时间
-- Column:   last_read_at | last read | 末次抄表时间
SELECT CAST(date_trunc('month', day) AS DATE) AS month, customer_id, channel, tou,
    CAST(sum(delta_kwh) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(coalesce(sum(delta_kwh) FILTER (WHERE kind <> 'normal'), 0) AS DECIMAL(28, 4)) AS unusual_energy_kwh,
    CAST(coalesce(sum(delta_kwh) FILTER (WHERE kind <> 'normal'), 0) / nullif(sum(delta_kwh), 0) AS DECIMAL(9, 6))
        AS unusual_share,
    CAST(coalesce(sum(delta_kwh) FILTER (WHERE estimated), 0) / nullif(sum(delta_kwh), 0) AS DECIMAL(9, 6))
        AS estimated_share,
    count(DISTINCT meter_id) AS meter_count,
    count(*) AS interval_count,
    count(*) FILTER (WHERE delta_kwh IS NULL) AS unknown_interval_count,
    min(previous_read_at) AS first_read_at, max(read_at) AS last_read_at
FROM register_deltas
GROUP BY 1, 2, 3, 4
