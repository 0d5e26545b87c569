-- Question: which of the customers of table `features_then` were lost in the 90 days after $as_of, and in which way?
-- Grain:    one row a row of `features_then`, its labels put beside it.
-- Units:    labels: 1 or 0, NULL while the 90 days have not passed; each way of leaving has its own.
--           label: the customer was closed, suspended or removed.
--           label_switched: another seller supplies what is still delivered; NULL if one did before.
--           label_own_generation: energy is fed in for the first time; NULL if it was in the 90 days before.
--           label_sustained_drop: the use fell to half or less of what the 90 days before and the middle change of
--           its tariff class let expect, with no suspension, closing or lesser capacity to say so; NULL where either
--           90 days have fewer than 60 days with reads, and for who left.
-- Month:    none; what is known now, which is what labels are for.
WITH cutoff AS (
    SELECT as_of AS available_at, $as_of + INTERVAL '90 days' AS until FROM lake_time
), changed AS (
    SELECT now.customer_id,
        bool_or(now.status IN ('closed', 'suspended', 'removed') OR now.op = 'd') AS gone,
        bool_or(now.service_type = 'delivery') AS switched,
        min(now.capacity_kva) AS capacity_kva
    FROM customers AS now
    WHERE now.valid_from > $as_of AND now.valid_from <= $as_of + INTERVAL '90 days'
    GROUP BY now.customer_id
), before AS (
    SELECT customer_id, service_type, capacity_kva, meter_id
    FROM customers_history WHERE valid_from <= $as_of AND (valid_to IS NULL OR valid_to > $as_of)
), fed_in AS (
    SELECT meter_id, bool_or(day < settlement_day($as_of)) AS before, bool_or(day >= settlement_day($as_of)) AS after
    FROM meter_reads
    WHERE channel = 'export' AND energy_kwh > 0
        AND day >= settlement_day($as_of) - INTERVAL '90 days' AND day < settlement_day($as_of) + INTERVAL '90 days'
    GROUP BY meter_id
), load AS (
    SELECT customer_id,
        CAST(avg(energy_kwh) FILTER (WHERE day < settlement_day($as_of)) AS DOUBLE) AS before_kwh,
        CAST(avg(energy_kwh) FILTER (WHERE day >= settlement_day($as_of)) AS DOUBLE) AS after_kwh,
        count(*) FILTER (WHERE day < settlement_day($as_of)) AS before_days,
        count(*) FILTER (WHERE day >= settlement_day($as_of)) AS after_days
    FROM consumption_daily
    WHERE day >= settlement_day($as_of) - INTERVAL '90 days' AND day < settlement_day($as_of) + INTERVAL '90 days'
        AND customer_id <> ''
    GROUP BY customer_id
), ratios AS (
    SELECT load.customer_id, features_then.tariff_code, load.after_kwh / nullif(load.before_kwh, 0) AS ratio
    FROM load
    JOIN features_then ON features_then.customer_id = load.customer_id
    WHERE load.before_days >= 60 AND load.after_days >= 60
), classes AS (
    SELECT tariff_code, median(ratio) AS ratio FROM ratios GROUP BY tariff_code
), fallen AS (
    SELECT ratios.customer_id, ratios.ratio <= classes.ratio / 2 AS fell
    FROM ratios JOIN classes ON classes.tariff_code = ratios.tariff_code
)
SELECT known.id, known.customer_id, known.as_of, known.exposure,
    CASE WHEN cutoff.available_at >= cutoff.until THEN CAST(coalesce(changed.gone, FALSE) AS INT) END AS label,
    CASE WHEN cutoff.available_at >= cutoff.until AND coalesce(before.service_type <> 'delivery', TRUE)
        THEN CAST(coalesce(changed.switched, FALSE) AS INT) END AS label_switched,
    CASE WHEN cutoff.available_at >= cutoff.until AND NOT coalesce(fed_in.before, FALSE)
        THEN CAST(coalesce(fed_in.after, FALSE) AS INT) END AS label_own_generation,
    CASE WHEN cutoff.available_at >= cutoff.until AND NOT coalesce(changed.gone, FALSE)
        THEN CAST(fallen.fell AND NOT coalesce(changed.capacity_kva < before.capacity_kva, FALSE) AS INT)
        END AS label_sustained_drop,
    known.* EXCEPT (id, customer_id, as_of, exposure)
FROM features_then AS known
CROSS JOIN cutoff
LEFT JOIN changed ON changed.customer_id = known.customer_id
LEFT JOIN before ON before.customer_id = known.customer_id
LEFT JOIN fed_in ON fed_in.meter_id = before.meter_id
LEFT JOIN fallen ON fallen.customer_id = known.customer_id
ORDER BY known.id
