-- Question: how many reads arrived again and again, and changed nothing?
-- 问题:     有多少读数重复到达而没有任何影响？
-- Grain:    one row a table (source) and settlement day that has reads.
-- Units:    rows as they landed; duplicate_share is a share, 0 to 1.
-- Month:    consumption.
--
-- A duplicate is a row beyond the first of the same key and revision that says the same: a
-- resend, or a message delivered twice. What says something else is in read_conflicts. Rows that
-- landed are the distinct keys and revisions, the duplicates and the conflicts together. Edits
-- stand beside what they edit and are neither.
-- Column:   source | table it is told of | 来源表
-- Column:   day | settlement day | 结算日
-- Column:   row_count | rows that landed | 入库行数
-- Column:   duplicate_count | rows that say the same again | 重复行数
-- Column:   duplicate_share | duplicates over rows | 重复率
WITH landed AS (
    SELECT 'meter_reads' AS source, day, meter_id AS asset_id, channel, '' AS tou, read_at, revision,
        energy_kwh, quality, interval_min, CAST(NULL AS DECIMAL(18, 4)) AS multiplier,
        CAST(NULL AS DECIMAL(18, 4)) AS modulus_kwh
    FROM raw.meter_reads
    WHERE coalesce(edit_rule, 'clock') = 'clock'
    UNION ALL
    SELECT 'register_reads', day, meter_id, channel, tou, read_at, revision,
        register_kwh, quality, NULL, multiplier, modulus_kwh
    FROM raw.register_reads
    UNION ALL
    SELECT 'supply_reads', day, asset_id, direction, '', read_at, revision,
        energy_kwh, quality, interval_min, NULL, NULL
    FROM raw.supply_reads
), contents AS (
    SELECT source, day, count(*) AS row_count
    FROM landed
    GROUP BY source, day, asset_id, channel, tou, read_at, revision,
        energy_kwh, quality, interval_min, multiplier, modulus_kwh
)
SELECT source, day,
    CAST(sum(row_count) AS BIGINT) AS row_count,
    CAST(sum(row_count - 1) AS BIGINT) AS duplicate_count,
    CAST(CAST(sum(row_count - 1) AS DECIMAL(20, 6)) / sum(row_count) AS DECIMAL(9, 6)) AS duplicate_share
FROM contents
GROUP BY source, day
