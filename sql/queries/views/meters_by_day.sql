-- Question: whose was a meter on a day?
-- Grain:    one row a meter and run of settlement days, first_day to last_day inclusive.
-- Units:    days.
-- Month:    consumption.
--
-- A meter that changes hands within a day is that day's last holder's. A meter
-- that is replaced keeps the day it was removed on, so that a customer's energy
-- is what both meters read.
SELECT meter_id, first_day, last_day, customer_id
FROM (
    SELECT meter_id, customer_id,
        least(
            coalesce(settlement_day(valid_to - INTERVAL '1 microsecond'), DATE '9999-12-31'),
            coalesce(
                CAST(lead(settlement_day(valid_from)) OVER (PARTITION BY meter_id ORDER BY valid_from, lsn)
                    - INTERVAL '1 day' AS DATE),
                DATE '9999-12-31')
        ) AS last_day,
        settlement_day(valid_from) AS first_day
    FROM customers_history
)
WHERE first_day <= last_day
