-- Question: what share of the bills of the last twelve months has been collected?
-- Grain:    one row a month of issue up to the week's, at most twelve.
-- Units:    currency, shares; as seen at the instant the session speaks for.
-- Month:    issue (应收年月).
SELECT bill_month, billed_amount, collected_amount, collection_rate, prior_year
FROM collection_rate
WHERE bill_month <= CAST($week_end AS DATE)
    AND bill_month > CAST($week_end AS DATE) - INTERVAL '12 months'
ORDER BY bill_month
