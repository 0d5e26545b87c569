-- Question: what went through a meter between one read of a register and the next, and can that be
--           told from what the register showed?
-- 问题:     相邻两次抄表之间走了多少电量，能否由示数判定？
-- Grain:    one row a meter, channel, TOU period and read, the closing one. A register's first read
--           closes nothing and has no row.
-- Units:    kWh (kvarh of reactive channels); registers as shown, before the multiplier CT × PT.
-- Month:    consumption: day is the settlement day that the closing read ends. customer_id is who
--           held the meter on it, empty where no customer did.
--
-- delta_kwh is what was counted, NULL where that cannot be known: never negative, never guessed.
-- A read carries the multiplier in force from it on, so an interval counts with the multiplier of
-- the read that opens it: transformers are exchanged under a reading, and what the register had
-- counted by then went through the old ones. kind says how it was found, why the reason:
--
--   normal                the register rose
--   multiplier_change     it rose, and the closing read brings another multiplier
--   replacement_boundary  the meter was put up or taken down within; delta_kwh is what it counted,
--                         NULL where it shows less than before
--   rollover              it fell because it passed modulus_kwh: what is left to it and the new
--                         value together are no more than plausible_kwh
--   reverse               it fell by reverse_kwh, and the meter's export register has counted by then
--   error                 it fell, and nothing of this explains it; or it rose again from such a fall to
--                         what it had shown before, so that the read between was wrong
--
-- plausible_kwh is twice the contracted capacity over the interval, begun hours counted whole:
-- meters are rated beyond the contract, but not for many times as much. Where no capacity is known
-- it is a tenth of the register's range, which is made to last for years. What rises is counted as
-- it shows: a delta_kwh beyond plausible_kwh is for a person to look at.
-- Column:   meter_id | meter | 电能表编号
-- Column:   channel | channel: import, export, reactive | 计量通道
-- Column:   tou | time-of-use period | 分时时段
-- Column:   day | settlement day of the closing read | 结算日
-- Column:   customer_id | customer that held the meter | 客户编号
-- Column:   previous_read_at | time of the opening read | 上次抄表时间
-- Column:   read_at | time of the closing read | 本次抄表时间
-- Column:   previous_register_kwh | register at the opening read, as shown | 上次示数
-- Column:   register_kwh | register at the closing read, as shown | 本次示数
-- Column:   multiplier | multiplier CT × PT of the interval | 综合倍率
-- Column:   modulus_kwh | value at which the register starts anew | 表计满度值
-- Column:   plausible_kwh | most that is plausible in the interval, kWh | 合理上限电量
-- Column:   delta_kwh | energy counted, kWh (kvarh if reactive) | 区间电量
-- Column:   reverse_kwh | what the register ran back by, kWh | 反向电量
-- Column:   kind | how it was found: normal, rollover and so on | 判定类型
-- Column:   why | the reason | 判定依据
-- Column:   estimated | whether a read of the two is an estimate | 是否估算
WITH intervals AS (
    SELECT meter_id, channel, tou, day, read_at, register_kwh, multiplier, modulus_kwh,
        lag(read_at) OVER of_register AS previous_read_at,
        lag(register_kwh) OVER of_register AS previous_register_kwh,
        lag(multiplier) OVER of_register AS previous_multiplier,
        lag(modulus_kwh) OVER of_register AS previous_modulus_kwh,
        lag(register_kwh, 2) OVER of_register AS before_register_kwh,
        quality IN (8, 9) OR lag(quality) OVER of_register IN (8, 9) AS estimated
    FROM register_reads
    WINDOW of_register AS (PARTITION BY meter_id, channel, tou ORDER BY read_at)
), held AS (
    -- The few on the left, so that they are what is held in memory.
    SELECT intervals.*, meters_by_day.customer_id,
        register_kwh < previous_register_kwh AS fell,
        meters_by_day.installed_at > previous_read_at AND meters_by_day.installed_at <= read_at AS put_up,
        meters_by_day.removed_at > previous_read_at AND meters_by_day.removed_at <= read_at AS taken_down,
        CAST(coalesce(
            2 * nullif(meters_by_day.capacity_kva, 0)
                * CAST((CAST(read_at AS BIGINT) - CAST(previous_read_at AS BIGINT)) / 3600000000 + 1 AS DECIMAL(10, 0)),
            previous_modulus_kwh * previous_multiplier / 10
        ) AS DECIMAL(28, 4)) AS plausible_kwh
    FROM meters_by_day
    RIGHT JOIN intervals ON intervals.meter_id = meters_by_day.meter_id
        AND intervals.day >= meters_by_day.first_day AND intervals.day <= meters_by_day.last_day
    WHERE previous_read_at IS NOT NULL
), counted AS (
    SELECT *,
        CAST((register_kwh - previous_register_kwh) * previous_multiplier AS DECIMAL(28, 4)) AS difference_kwh,
        CASE WHEN fell AND modulus_kwh = previous_modulus_kwh THEN CAST(
            CAST(register_kwh + modulus_kwh - previous_register_kwh AS DECIMAL(18, 4)) * previous_multiplier
        AS DECIMAL(28, 4)) END AS rolled_over_kwh,
        -- The opening read lies below both its neighbours, and not because it passed the last digit.
        previous_register_kwh < before_register_kwh AND register_kwh >= before_register_kwh
            AND CAST(previous_register_kwh + previous_modulus_kwh - before_register_kwh AS DECIMAL(18, 4))
                * previous_multiplier > plausible_kwh AS recovered
    FROM held
), feeding AS (
    SELECT meter_id, min(read_at) AS feeds_from
    FROM register_reads WHERE channel = 'export' AND register_kwh > 0 GROUP BY meter_id
), told AS (
    SELECT counted.*,
        CASE
            WHEN put_up THEN 'replacement_boundary'
            WHEN fell AND rolled_over_kwh <= plausible_kwh THEN 'rollover'
            WHEN taken_down THEN 'replacement_boundary'
            WHEN fell AND channel = 'import' AND feeding.feeds_from <= read_at THEN 'reverse'
            WHEN fell THEN 'error'
            WHEN recovered AND NOT coalesce(channel = 'import' AND feeding.feeds_from <= read_at, false) THEN 'error'
            WHEN multiplier <> previous_multiplier THEN 'multiplier_change'
            ELSE 'normal'
        END AS kind
    FROM feeding
    RIGHT JOIN counted ON counted.meter_id = feeding.meter_id
)
SELECT meter_id, channel, tou, day, coalesce(customer_id, '') AS customer_id,
    previous_read_at, read_at, previous_register_kwh, register_kwh,
    previous_multiplier AS multiplier, previous_modulus_kwh AS modulus_kwh, plausible_kwh,
    CASE WHEN kind = 'rollover' THEN rolled_over_kwh WHEN kind <> 'error' AND NOT fell THEN difference_kwh END
        AS delta_kwh,
    CASE WHEN kind = 'reverse' THEN -difference_kwh END AS reverse_kwh,
    kind,
    CASE kind
        WHEN 'multiplier_change' THEN
            concat('multiplier ', previous_multiplier, ' until the closing read, ', multiplier, ' from it on')
        WHEN 'replacement_boundary' THEN concat(
            CASE WHEN put_up THEN 'the meter was put up within' ELSE 'the meter was taken down within' END,
            CASE WHEN fell THEN '; it shows less than before' ELSE '' END)
        WHEN 'rollover' THEN concat('passed ', previous_modulus_kwh)
        WHEN 'reverse' THEN 'ran back; the meter feeds in'
        WHEN 'error' THEN CASE
            WHEN NOT fell THEN 'the read it opens with is below the ones before and after'
            WHEN modulus_kwh <> previous_modulus_kwh THEN concat('fell; its range became ', modulus_kwh)
            ELSE concat('fell; to have passed its range it would have counted ', rolled_over_kwh)
        END
    END AS why,
    estimated
FROM told
