-- Question: which class was a customer settled in on a day?
-- Grain:    one row a customer and run of settlement days, first_day to last_day inclusive.
-- Units:    days.
-- Month:    consumption.
--
-- A day is settled in the state that was last in force on it: a change at noon
-- counts for the whole day, and a customer who left at noon keeps that day.
SELECT customer_id, first_day, last_day, meter_id, status,
    voltage_code, tariff_code, usage_code, industry_code, region_code, area_id, feeder_id
FROM (
    SELECT *,
        least(
            coalesce(settlement_day(valid_to - INTERVAL '1 microsecond'), DATE '9999-12-31'),
            coalesce(
                CAST(lead(settlement_day(valid_from)) OVER (PARTITION BY customer_id ORDER BY valid_from)
                    - INTERVAL '1 day' AS DATE),
                DATE '9999-12-31')
        ) AS last_day,
        settlement_day(valid_from) AS first_day
    FROM customers_history
)
WHERE first_day <= last_day
