-- Question: what did inspectors find at the customers of table `features_then` in the cases of the 30 days after $as_of?
-- Grain:    one row a row of `features_then`, its label put beside it.
-- Units:    label: 1 if the first case of theft opened in these days was confirmed, 0 if it was cleared or there was
--           none, NULL while the days have not passed, before the visit and where the inspector could not enter.
-- Month:    none; what is known now, which is what labels are for. Who was never looked at counts as honest: the
--           probability is that of being found, the least that theft can be.
WITH told AS (
    SELECT coalesce(opened.customer_id, owner.customer_id) AS customer_id, opened.outcome,
        row_number() OVER (PARTITION BY coalesce(opened.customer_id, owner.customer_id)
            ORDER BY opened.opened_at, opened.case_id) AS place
    FROM inspection_cases AS opened
    LEFT JOIN customers_history AS owner ON opened.customer_id IS NULL AND owner.meter_id = opened.meter_id
        AND owner.valid_from <= opened.opened_at AND (owner.valid_to IS NULL OR owner.valid_to > opened.opened_at)
    WHERE opened.kind = 'theft' AND opened.opened_at > $as_of AND opened.opened_at <= $as_of + INTERVAL '30 days'
)
SELECT features_then.id, features_then.customer_id, features_then.as_of, features_then.exposure,
    CASE WHEN lake_time.as_of < $as_of + INTERVAL '30 days' THEN NULL
        WHEN told.outcome = 'confirmed' THEN 1
        WHEN told.customer_id IS NULL OR told.outcome = 'cleared' THEN 0 END AS label,
    features_then.* EXCEPT (id, customer_id, as_of, exposure)
FROM features_then
CROSS JOIN lake_time
LEFT JOIN told ON told.customer_id = features_then.customer_id AND told.place = 1
ORDER BY features_then.id
