-- Question: which days of meters should the rules of validation look at closely?
-- Grain:    one row a meter, channel and settlement day of vee_thresholds that may break a rule,
--           or on which a rule found something before.
-- Units:    kWh, or kvarh of reactive channels; capacity in kVA. due_from to due_to is when reads
--           are due: NULL where nobody is known to hold the meter.
-- Month:    consumption.
--
-- Aggregates only: a day comes out if it could break a rule, whether it does is for the rules to
-- say. A threshold that is not in force is NULL, and nothing breaks it.
WITH seen AS (
    SELECT day, meter_id, channel,
        max(interval_min) AS interval_min,
        count(*) AS interval_count,
        sum(energy_kwh) AS energy_kwh,
        max(energy_kwh) AS most_kwh,
        third_highest(energy_kwh) AS third_kwh,
        count(*) FILTER (WHERE energy_kwh = 0) AS zero_count,
        count(*) FILTER (WHERE quality IN (8, 9)) AS estimated_count,
        count(*) FILTER (WHERE edit_rule <> 'clock' AND edit_rule NOT LIKE 'user:%') AS edited_count,
        count(*) FILTER (WHERE edit_rule = 'clock' AND quality = 10) AS off_grid_count
    FROM meter_reads
    WHERE day >= $first_day AND day <= $last_day
    GROUP BY day, meter_id, channel
), history AS (
    SELECT day, meter_id, channel, max(interval_min) AS interval_min,
        CASE WHEN count(*) = max(1440 / interval_min) THEN sum(energy_kwh) END AS whole_kwh,
        max(energy_kwh) AS most_kwh
    FROM meter_reads
    WHERE day >= $first_like_day AND day <= $last_day
    GROUP BY day, meter_id, channel
), alike AS (
    SELECT vee_like_days.day, history.meter_id, history.channel,
        max(history.interval_min) AS interval_min,
        count(*) AS like_count,
        avg(history.whole_kwh) AS mean_kwh,
        max(history.most_kwh) AS most_kwh
    FROM vee_like_days
    JOIN history ON history.day = vee_like_days.like_day
    GROUP BY vee_like_days.day, history.meter_id, history.channel
), closing AS (
    SELECT day, meter_id, channel, register_kwh, multiplier, modulus_kwh
    FROM register_reads
    WHERE tou = 'total' AND day >= $day_before AND day <= $last_day
        AND read_at = day_start(CAST(day + INTERVAL '1 day' AS DATE))
), delta AS (
    -- A register that went back rolled over if it is little past its modulus; else nothing is known.
    SELECT ended.day, ended.meter_id, ended.channel,
        CAST(CASE
            WHEN ended.register_kwh >= began.register_kwh THEN ended.register_kwh - began.register_kwh
            WHEN ended.modulus_kwh = began.modulus_kwh
                AND 10 * (ended.register_kwh + ended.modulus_kwh - began.register_kwh) < ended.modulus_kwh
                THEN ended.register_kwh + ended.modulus_kwh - began.register_kwh
        END * ended.multiplier AS DECIMAL(18, 4)) AS delta_kwh
    FROM closing AS ended
    JOIN closing AS began ON began.meter_id = ended.meter_id AND began.channel = ended.channel
        AND began.day = CAST(ended.day - INTERVAL '1 day' AS DATE) AND began.multiplier = ended.multiplier
), held AS (
    SELECT of_day.day, customers_history.meter_id,
        max(customers_history.capacity_kva) AS capacity_kva,
        min(customers_history.valid_from) FILTER (WHERE status = 'active') AS active_from,
        max(coalesce(customers_history.valid_to, TIMESTAMP '2200-01-01T00:00:00Z'))
            FILTER (WHERE status = 'active') AS active_to
    FROM vee_thresholds AS of_day
    JOIN customers_history
        ON customers_history.valid_from < day_start(CAST(of_day.day + INTERVAL '1 day' AS DATE))
        AND (customers_history.valid_to IS NULL OR customers_history.valid_to > day_start(of_day.day))
    GROUP BY of_day.day, customers_history.meter_id
), found AS (
    SELECT DISTINCT day, meter_id, channel
    FROM vee_findings
    WHERE day >= $first_day AND day <= $last_day AND interval_count > 0
), known AS (
    SELECT coalesce(seen.day, alike.day) AS day,
        coalesce(seen.meter_id, alike.meter_id) AS meter_id,
        coalesce(seen.channel, alike.channel) AS channel,
        coalesce(seen.interval_min, alike.interval_min) AS interval_min,
        coalesce(seen.interval_count, 0) AS interval_count,
        seen.energy_kwh, seen.most_kwh, seen.third_kwh,
        seen.zero_count, seen.estimated_count, seen.edited_count, seen.off_grid_count,
        coalesce(alike.like_count, 0) AS like_count,
        alike.mean_kwh, alike.most_kwh AS like_most_kwh,
        max(CASE WHEN seen.channel = 'import' THEN seen.energy_kwh END)
            OVER (PARTITION BY coalesce(seen.day, alike.day), coalesce(seen.meter_id, alike.meter_id)) AS import_kwh,
        max(CASE WHEN seen.channel = 'export' THEN seen.energy_kwh END)
            OVER (PARTITION BY coalesce(seen.day, alike.day), coalesce(seen.meter_id, alike.meter_id)) AS export_kwh
    FROM seen
    FULL JOIN alike ON alike.day = seen.day AND alike.meter_id = seen.meter_id AND alike.channel = seen.channel
), judged AS (
    SELECT known.*, delta.delta_kwh, held.capacity_kva, held.active_from, held.active_to,
        held.meter_id IS NOT NULL AS is_held, found.meter_id IS NOT NULL AS was_found,
        CASE known.channel WHEN 'reactive_import' THEN coalesce(known.import_kwh, 0)
            WHEN 'reactive_export' THEN coalesce(known.export_kwh, 0) END AS active_kwh,
        limits.gap_hours, limits.like_days_min, limits.zero_run_hours,
        limits.spike_pct, limits.spike_min, limits.change_ratio, limits.capacity_ratio,
        limits.tolerance_kwh, limits.tolerance_pct, limits.high_ratio, limits.low_ratio,
        limits.kvarh_ratio, limits.kvarh_min
    FROM known
    JOIN vee_thresholds AS limits ON limits.day = known.day
    LEFT JOIN delta ON delta.day = known.day AND delta.meter_id = known.meter_id AND delta.channel = known.channel
    LEFT JOIN held ON held.day = known.day AND held.meter_id = known.meter_id
    LEFT JOIN found ON found.day = known.day AND found.meter_id = known.meter_id AND found.channel = known.channel
)
SELECT day, meter_id, channel, interval_min,
    CASE WHEN is_held THEN coalesce(active_from, day_start(day)) END AS due_from,
    CASE WHEN is_held THEN coalesce(active_to, day_start(day)) END AS due_to,
    CAST(capacity_kva AS DECIMAL(18, 4)) AS capacity_kva,
    delta_kwh AS register_delta_kwh,
    CAST(active_kwh AS DECIMAL(18, 4)) AS active_kwh,
    coalesce(export_kwh, 0) > 0 AS feeds_in
FROM judged
WHERE edited_count > 0 OR was_found
    OR (interval_count > 0 AND interval_count - off_grid_count < 1440 / interval_min AND gap_hours IS NOT NULL)
    OR (interval_count = 0 AND active_from IS NOT NULL AND like_count >= like_days_min AND gap_hours IS NOT NULL)
    OR CAST(zero_count AS DOUBLE) * interval_min >= 60 * zero_run_hours
        AND channel = 'import' AND coalesce(export_kwh, 0) = 0
    OR 100 * (CAST(most_kwh AS DOUBLE) - CAST(third_kwh AS DOUBLE)) >= spike_pct * CAST(third_kwh AS DOUBLE)
        AND third_kwh > 0 AND most_kwh > spike_min
    OR CAST(most_kwh AS DOUBLE) >= change_ratio * CAST(like_most_kwh AS DOUBLE)
        AND most_kwh > 0 AND channel = 'import'
    OR CAST(most_kwh AS DOUBLE) * 60 / interval_min >= capacity_ratio * CAST(capacity_kva AS DOUBLE)
        AND capacity_kva > 0
    OR estimated_count > 0 AND energy_kwh <> delta_kwh
    OR abs(CAST(energy_kwh AS DOUBLE) - CAST(delta_kwh AS DOUBLE))
        >= greatest(tolerance_kwh, abs(CAST(delta_kwh AS DOUBLE)) * tolerance_pct / 100)
    OR CAST(energy_kwh AS DOUBLE) >= high_ratio * CAST(mean_kwh AS DOUBLE)
        AND energy_kwh > 0 AND channel = 'import'
    OR CAST(energy_kwh AS DOUBLE) <= low_ratio * CAST(mean_kwh AS DOUBLE)
        AND mean_kwh > 0 AND channel = 'import'
    OR abs(CAST(energy_kwh AS DOUBLE)) >= greatest(kvarh_min, kvarh_ratio * CAST(active_kwh AS DOUBLE))
        AND active_kwh IS NOT NULL
ORDER BY meter_id, channel, day
