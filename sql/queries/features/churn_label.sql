-- Question: which of the customers of table `churn_features` left in the 90 days after $as_of?
-- Grain:    one row a row of `churn_features`, its label put beside it.
-- Units:    label: 1 if the customer was closed, suspended or removed within 90 days, NULL while
--           these have not passed.
-- Month:    none; what is known now, which is what labels are for.
WITH left_since AS (
    SELECT DISTINCT customer_id FROM customers
    WHERE valid_from > $as_of AND valid_from <= $as_of + INTERVAL '90 days'
        AND (status IN ('closed', 'suspended', 'removed') OR op = 'd')
), cutoff AS (
    SELECT as_of AS available_at FROM lake_time
)
SELECT churn_features.id, churn_features.customer_id, churn_features.as_of, churn_features.exposure,
    CASE WHEN cutoff.available_at < $as_of + INTERVAL '90 days' THEN NULL
        ELSE CAST(left_since.customer_id IS NOT NULL AS INT) END AS label,
    churn_features.* EXCEPT (id, customer_id, as_of, exposure)
FROM churn_features
CROSS JOIN cutoff
LEFT JOIN left_since ON left_since.customer_id = churn_features.customer_id
ORDER BY churn_features.id
