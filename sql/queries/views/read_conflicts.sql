-- Question: which reads contradict an earlier one of the same key and revision?
-- 问题:     哪些读数与同键同修订号的先到读数矛盾？
-- Grain:    one row a read that was set aside: a key, a revision, and what it says against the one kept.
-- Units:    kWh in the interval (source meter_reads, supply_reads) or as the register shows (register_reads).
-- Month:    consumption.
--
-- The first to arrive is kept, and what the current tables show; what comes after it stays in the
-- raw tables and counts nowhere. Who is to put it right sends a higher revision. Of rows that
-- arrived at one instant the current table's is the kept one. differs_in names what is not the same.
-- Edits contradict nothing: they stand beside what they edit.
-- Column:   source | table it is told of | 来源表
-- Column:   day | settlement day | 结算日
-- Column:   asset_id | meter, or asset of the supply side | 表计或资产编号
-- Column:   channel | channel: import, export, reactive | 计量通道
-- Column:   tou | time-of-use period | 分时时段
-- Column:   read_at | time of the read | 抄表时间
-- Column:   revision | revision of the read | 修订号
-- Column:   kept_kwh | what the read that is kept says, kWh | 保留值
-- Column:   kept_quality | its quality | 保留值质量码
-- Column:   kept_multiplier | its multiplier | 保留值倍率
-- Column:   kept_available_at | when it became known | 保留值可用时间
-- Column:   quarantined_kwh | what the read set aside says, kWh | 隔离值
-- Column:   quarantined_quality | its quality | 隔离值质量码
-- Column:   quarantined_multiplier | its multiplier | 隔离值倍率
-- Column:   quarantined_available_at | when it became known | 隔离值可用时间
-- Column:   differs_in | what is not the same | 差异项
WITH landed AS (
    SELECT 'meter_reads' AS source, day, meter_id AS asset_id, channel, '' AS tou, read_at, revision,
        energy_kwh, quality, interval_min, CAST(NULL AS DECIMAL(18, 4)) AS multiplier,
        CAST(NULL AS DECIMAL(18, 4)) AS modulus_kwh, available_at
    FROM raw.meter_reads
    WHERE coalesce(edit_rule, 'clock') = 'clock'
    UNION ALL
    SELECT 'register_reads', day, meter_id, channel, tou, read_at, revision,
        register_kwh, quality, NULL, multiplier, modulus_kwh, available_at
    FROM raw.register_reads
    UNION ALL
    SELECT 'supply_reads', day, asset_id, direction, '', read_at, revision,
        energy_kwh, quality, interval_min, NULL, NULL, available_at
    FROM raw.supply_reads
), standing AS (
    SELECT 'meter_reads' AS source, day, meter_id AS asset_id, channel, '' AS tou, read_at, revision,
        energy_kwh, quality, interval_min, CAST(NULL AS DECIMAL(18, 4)) AS multiplier,
        CAST(NULL AS DECIMAL(18, 4)) AS modulus_kwh
    FROM meter_reads
    UNION ALL
    SELECT 'register_reads', day, meter_id, channel, tou, read_at, revision,
        register_kwh, quality, NULL, multiplier, modulus_kwh
    FROM register_reads
    UNION ALL
    SELECT 'supply_reads', day, asset_id, direction, '', read_at, revision,
        energy_kwh, quality, interval_min, NULL, NULL
    FROM supply_reads
), disputed AS (
    SELECT source, day, asset_id, channel, tou, read_at, revision
    FROM landed
    GROUP BY source, day, asset_id, channel, tou, read_at, revision
    HAVING count(*) > 1 AND (min(energy_kwh) <> max(energy_kwh) OR min(quality) <> max(quality)
        OR min(interval_min) <> max(interval_min) OR min(multiplier) <> max(multiplier)
        OR min(modulus_kwh) <> max(modulus_kwh))
), said AS (
    -- The few disputed keys on the left, so that they are what is held in memory.
    SELECT source, day, asset_id, channel, tou, read_at, revision,
        landed.energy_kwh, landed.quality, landed.interval_min, landed.multiplier, landed.modulus_kwh,
        min(landed.available_at) AS available_at
    FROM disputed
    JOIN landed USING (source, day, asset_id, channel, tou, read_at, revision)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
), against AS (
    SELECT source, day, asset_id, channel, tou, read_at, revision,
        said.energy_kwh, said.quality, said.interval_min, said.multiplier, said.modulus_kwh, said.available_at,
        said.energy_kwh = standing.energy_kwh AND said.quality = standing.quality
            AND (said.interval_min IS NOT DISTINCT FROM standing.interval_min)
            AND (said.multiplier IS NOT DISTINCT FROM standing.multiplier)
            AND (said.modulus_kwh IS NOT DISTINCT FROM standing.modulus_kwh) AS stands
    FROM said
    LEFT JOIN standing USING (source, day, asset_id, channel, tou, read_at, revision)
), ordered AS (
    SELECT *,
        row_number() OVER of_key AS place,
        first_value(energy_kwh) OVER of_key AS kept_kwh,
        first_value(quality) OVER of_key AS kept_quality,
        first_value(interval_min) OVER of_key AS kept_interval_min,
        first_value(multiplier) OVER of_key AS kept_multiplier,
        first_value(modulus_kwh) OVER of_key AS kept_modulus_kwh,
        first_value(available_at) OVER of_key AS kept_available_at
    FROM against
    WINDOW of_key AS (
        PARTITION BY source, day, asset_id, channel, tou, read_at, revision
        ORDER BY available_at, stands DESC NULLS LAST, energy_kwh, quality, interval_min, multiplier, modulus_kwh)
)
SELECT source, day, asset_id, channel, nullif(tou, '') AS tou, read_at, revision,
    kept_kwh, kept_quality, kept_multiplier, kept_available_at,
    energy_kwh AS quarantined_kwh, quality AS quarantined_quality, multiplier AS quarantined_multiplier,
    available_at AS quarantined_available_at,
    concat_ws(', ',
        CASE WHEN energy_kwh <> kept_kwh THEN 'energy' END,
        CASE WHEN quality <> kept_quality THEN 'quality' END,
        CASE WHEN interval_min <> kept_interval_min THEN 'interval' END,
        CASE WHEN multiplier <> kept_multiplier THEN 'multiplier' END,
        CASE WHEN modulus_kwh <> kept_modulus_kwh THEN 'modulus' END
    ) AS differs_in
FROM ordered
WHERE place > 1
