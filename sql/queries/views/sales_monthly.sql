-- Question: what was sold in each month of consumption, by the five axes?
-- Grain:    one row a calendar month (its first day) and combination of the five axes.
-- Units:    kWh; revenue in currency; average_price in currency per kWh, NULL where no energy has a price.
-- Month:    consumption. Revenue is provisional (未发行): metered kWh × the price of the class valid
--           on the day; bills correct it when they are issued.
SELECT CAST(date_trunc('month', day) AS DATE) AS month,
    voltage_code, tariff_code, usage_code, industry_code, region_code,
    CAST(sum(energy_kwh) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sum(revenue) AS DECIMAL(28, 2)) AS revenue,
    CAST(sum(energy_kwh) FILTER (WHERE revenue IS NOT NULL) AS DECIMAL(28, 4)) AS priced_energy_kwh,
    CAST(sum(revenue) / nullif(sum(energy_kwh) FILTER (WHERE revenue IS NOT NULL), 0) AS DECIMAL(18, 6)) AS average_price,
    count(DISTINCT nullif(customer_id, '')) AS customer_count
FROM consumption_daily
GROUP BY CAST(date_trunc('month', day) AS DATE), voltage_code, tariff_code, usage_code, industry_code, region_code
