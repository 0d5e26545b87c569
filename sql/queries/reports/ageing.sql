-- Question: how old is the money that is owed?
-- Grain:    one row an ageing bucket, in order; as seen at the instant the session speaks for.
-- Units:    currency.
-- Month:    issue (应收年月).
SELECT bucket, name_en, name_zh, open_amount, prior_year_amount, bill_count, customer_count
FROM receivables_ageing
ORDER BY bucket_order
