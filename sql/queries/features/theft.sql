-- Question: which signs of use past the meter does each active customer show at an instant?
-- Grain:    one row a customer that is active with a meter at $as_of, in a session that shows what was known then.
-- Units:    shares 0 to 1, kWh a day, counts. exposure is what 30 days of the missing energy would have cost at the
--           customer's mean price of the last 28 days; 0 where none is missing.
-- Month:    consumption; the days are those of inspection.suspects, whose evidence this is. area_loss_share and
--           area_loss_change speak of the 28 settlement days before $as_of and the 84 before these, complete days
--           alone: who has stolen for longer shows in the former.
WITH active AS (
    SELECT * FROM customers_history
    WHERE status = 'active' AND meter_id IS NOT NULL
        AND valid_from <= $as_of AND (valid_to IS NULL OR valid_to > $as_of)
), load AS (
    SELECT customer_id,
        sum(revenue) / nullif(sum(energy_kwh), 0) AS price,
        CAST(stddev_pop(CAST(energy_kwh AS DOUBLE)) / nullif(CAST(avg(energy_kwh) AS DOUBLE), 0) AS DOUBLE) AS variation,
        CAST(count(*) FILTER (WHERE energy_kwh = 0) AS DOUBLE) / count(*) AS zero_share
    FROM consumption_daily
    WHERE day >= settlement_day($as_of) - INTERVAL '28 days' AND day < settlement_day($as_of)
    GROUP BY customer_id
), areas AS (
    SELECT area_id,
        sum(loss_kwh) FILTER (WHERE day >= settlement_day($as_of) - INTERVAL '28 days')
            / nullif(sum(supplied_kwh) FILTER (WHERE day >= settlement_day($as_of) - INTERVAL '28 days'), 0) AS recent,
        sum(loss_kwh) FILTER (WHERE day < settlement_day($as_of) - INTERVAL '28 days')
            / nullif(sum(supplied_kwh) FILTER (WHERE day < settlement_day($as_of) - INTERVAL '28 days'), 0) AS before
    FROM area_loss_daily
    WHERE complete AND day >= settlement_day($as_of) - INTERVAL '112 days' AND day < settlement_day($as_of)
    GROUP BY area_id
)
SELECT active.customer_id AS id, active.customer_id, arrow_cast($as_of, 'Timestamp(Microsecond, Some("UTC"))') AS as_of,
    CAST(greatest(coalesce(suspect.missing_kwh, 0), 0) * 30 * coalesce(load.price, 0) AS DECIMAL(18, 2)) AS exposure,
    CAST(coalesce(suspect.drop_share, 0) AS DOUBLE) AS drop_share,
    CAST(coalesce(suspect.loss_similarity, 0) AS DOUBLE) AS loss_similarity,
    CAST(areas.recent AS DOUBLE) AS area_loss_share,
    CAST(areas.recent AS DOUBLE) - CAST(areas.before AS DOUBLE) AS area_loss_change,
    CASE WHEN suspect.event_kinds IS NULL THEN 0.0 ELSE 1.0 END AS meter_events_180d,
    CAST(coalesce(suspect.register_fault_count, 0) AS DOUBLE) AS register_faults_180d,
    CAST(coalesce(suspect.confirmed_count, 0) AS DOUBLE) AS confirmed_before,
    round(load.variation, 9) AS load_variation,
    load.zero_share AS zero_day_share
FROM active
LEFT JOIN inspection.suspects AS suspect ON suspect.customer_id = active.customer_id
LEFT JOIN load ON load.customer_id = active.customer_id
LEFT JOIN areas ON areas.area_id = active.area_id
ORDER BY active.customer_id
