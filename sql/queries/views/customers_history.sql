-- Question: which state was a customer in, and from when to when?
-- Grain:    one row a customer and period; periods of a customer do not overlap.
-- Units:    capacity in kVA, contracted demand in kW; valid_from inclusive, valid_to exclusive.
-- Month:    none; event time of the change, whenever it became known.
--
-- Changes are ordered by the time they hold from, then by their place in the
-- source's log, so that one that arrives late or out of order is put where it
-- belongs and ends the period before it. A deletion ends a period and begins none.
SELECT
    customer_id, lsn, valid_from, valid_to, account_id, meter_id, status,
    voltage_code, tariff_code, usage_code, industry_code, region_code,
    area_id, feeder_id, capacity_kva, demand_mode, contract_kw, pf_standard,
    service_type, prepaid, contract_end, available_at
FROM (
    SELECT *, lead(valid_from) OVER (PARTITION BY customer_id ORDER BY valid_from, lsn) AS valid_to
    FROM customers
)
WHERE op <> 'd' AND (valid_to IS NULL OR valid_from < valid_to)
