-- Question: who is at risk by the newest scores of $model, where it costs most?
-- Grain:    one row a scored customer or bill, the twenty greatest expected losses.
-- Units:    probability 0 to 1; exposure in currency; expected_loss is their product.
-- Month:    that of the model: issue for arrears, consumption for churn.
WITH runs AS (
    SELECT run_id FROM risk_scores WHERE model = $model ORDER BY as_of DESC, run_id DESC LIMIT 1
)
SELECT scores.id, coalesce(bills.customer_id, scores.id) AS customer_id, scores.probability, scores.exposure,
    scores.probability * CAST(coalesce(scores.exposure, 0) AS DOUBLE) AS expected_loss,
    scores.reason_1, scores.reason_2, scores.reason_3,
    scores.reason_1_zh, scores.reason_2_zh, scores.reason_3_zh, scores.action
FROM risk_scores AS scores JOIN runs ON runs.run_id = scores.run_id
LEFT JOIN (SELECT DISTINCT bill_id, customer_id FROM bills WHERE kind IN ('ORIGINAL', 'REBILL')) AS bills
    ON bills.bill_id = scores.id AND scores.model = 'arrears'
WHERE scores.model = $model
ORDER BY expected_loss DESC, scores.probability DESC, scores.id
LIMIT 20
