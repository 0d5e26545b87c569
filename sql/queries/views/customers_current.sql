-- Question: who are the customers, and in which state, at the instant the session speaks for?
-- Grain:    one row a customer.
-- Units:    capacity in kVA, contracted demand in kW.
-- Month:    none.
SELECT history.*
FROM customers_history AS history
JOIN lake_time ON history.valid_from <= lake_time.as_of
    AND (history.valid_to IS NULL OR lake_time.as_of < history.valid_to)
