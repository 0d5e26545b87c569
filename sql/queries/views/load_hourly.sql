-- Question: what was the system's load in each hour?
-- Grain:    one row an hour (its start, UTC) that has reads.
-- Units:    load_kw is the mean power of the hour, kWh in it divided by one hour.
-- Month:    consumption.
SELECT hour, day,
    CAST(sum(energy_kwh) AS DECIMAL(28, 4)) AS load_kw,
    CAST(sum(customer_count) AS BIGINT) AS customer_count
FROM consumption_hourly
GROUP BY hour, day
