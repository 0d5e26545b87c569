-- Question: what was the load of each class in each quarter of an hour (96点负荷)?
-- 问题:     各类用户每刻钟负荷多少（96点负荷）？
-- Grain:    one row an axis, code and quarter of an hour (its start, UTC) that has reads; axis all has the
--           one code all. Every axis adds up to the same.
-- Units:    load_kw is the mean power of the quarter; shares 0 to 1.
-- Month:    consumption.
--
-- An interval longer than a quarter is spread evenly over its quarters, what does not divide in the last
-- one, so that quarters and hours add up to the same; measured_share tells how much of the energy came
-- in quarters or shorter. The reads are looked at one by one: ask for days, not for years.
-- Column:   axis | all, voltage, tariff, usage, industry or region | 分类维度
-- Column:   code | class of the axis | 分类编码
-- Column:   quarter | start of the quarter of an hour, UTC | 时刻
-- Column:   day | settlement day | 日期
-- Column:   energy_kwh | energy in the quarter | 电量
-- Column:   load_kw | mean power | 负荷
-- Column:   measured_share | of the energy, read in quarters or shorter; NULL of none | 实测占比
WITH reads AS (
    SELECT read_at, day, meter_id, CAST(interval_min AS BIGINT) AS minutes, energy_kwh
    FROM meter_reads
    WHERE channel = 'import'
), classed AS (
    SELECT reads.read_at, reads.day, reads.minutes,
        class.voltage_code, class.tariff_code, class.usage_code, class.industry_code, class.region_code,
        sum(reads.energy_kwh) AS energy_kwh
    -- The right side of a join streams past the left, which is held in memory.
    FROM customers_by_day AS class
    RIGHT JOIN (
        meters_by_day
        RIGHT JOIN reads ON meters_by_day.meter_id = reads.meter_id
            AND reads.day >= meters_by_day.first_day AND reads.day <= meters_by_day.last_day
    ) ON class.customer_id = meters_by_day.customer_id
        AND reads.day >= class.first_day AND reads.day <= class.last_day
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), axes AS (
    SELECT read_at, day, minutes, energy_kwh,
        unnest(['all', 'voltage', 'tariff', 'usage', 'industry', 'region']) AS axis,
        unnest(['all', voltage_code, tariff_code, usage_code, industry_code, region_code]) AS code
    FROM classed
), summed AS (
    SELECT axis, code, read_at, day, minutes, sum(energy_kwh) AS energy_kwh, greatest(minutes / 15, 1) AS quarters
    FROM axes
    GROUP BY axis, code, read_at, day, minutes
), spread AS (
    SELECT *, CAST(trunc(energy_kwh / quarters, 4) AS DECIMAL(28, 4)) AS share, unnest(range(0, quarters)) AS step
    FROM summed
), placed AS (
    SELECT axis, code, day, minutes,
        (CAST(read_at AS BIGINT) - minutes * 60000000) / 900000000 + step AS place,
        CASE WHEN step < quarters - 1 THEN share ELSE energy_kwh - share * (quarters - 1) END AS energy_kwh
    FROM spread
)
SELECT axis, code, arrow_cast(place * 900000000, 'Timestamp(Microsecond, Some("UTC"))') AS quarter, day,
    CAST(sum(energy_kwh) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sum(energy_kwh) * 4 AS DECIMAL(28, 4)) AS load_kw,
    CAST(coalesce(sum(energy_kwh) FILTER (WHERE minutes <= 15), 0) / nullif(sum(energy_kwh), 0) AS DECIMAL(9, 6))
        AS measured_share
FROM placed
GROUP BY axis, code, place, day
