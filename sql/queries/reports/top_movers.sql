-- Question: whose consumption moved most against the week before?
-- Grain:    one row a customer, at most twenty, the greatest change first.
-- Units:    kWh; change_share as a share.
-- Month:    consumption.
SELECT rank, customer_id, tariff_code, industry_code, region_code, energy_kwh, previous_energy_kwh,
    change_kwh, change_share
FROM top_movers
WHERE week_start = CAST($week_start AS DATE)
ORDER BY rank
