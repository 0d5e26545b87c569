-- Question: what was sold in the week by each axis, against the week before and a year ago?
-- Grain:    one row an axis and code that was sold to in any of the three weeks.
-- Units:    kWh, currency (provisional), currency per kWh; share of the axis's total; changes as
--           shares. customer_count is the greatest of the week's days.
-- Month:    consumption.
WITH sold AS (
    SELECT axis, code, name_en, name_zh,
        sum(energy_kwh) FILTER (WHERE day >= CAST($week_start AS DATE)) AS energy_kwh,
        sum(revenue) FILTER (WHERE day >= CAST($week_start AS DATE)) AS revenue,
        sum(priced_energy_kwh) FILTER (WHERE day >= CAST($week_start AS DATE)) AS priced_energy_kwh,
        max(customer_count) FILTER (WHERE day >= CAST($week_start AS DATE)) AS customer_count,
        sum(energy_kwh) FILTER (WHERE day < CAST($week_start AS DATE)
            AND day >= CAST($week_start AS DATE) - INTERVAL '7 days') AS previous_energy_kwh,
        sum(energy_kwh) FILTER (WHERE day < CAST($week_start AS DATE) - INTERVAL '7 days') AS year_ago_energy_kwh
    FROM sales_by_axis
    WHERE (day >= CAST($week_start AS DATE) - INTERVAL '7 days' AND day <= CAST($week_end AS DATE))
        OR (day >= CAST($week_start AS DATE) - INTERVAL '364 days'
            AND day <= CAST($week_end AS DATE) - INTERVAL '364 days')
    GROUP BY axis, code, name_en, name_zh
)
SELECT axis, code, name_en, name_zh,
    CAST(coalesce(energy_kwh, 0) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(revenue AS DECIMAL(28, 2)) AS revenue,
    CAST(revenue / nullif(priced_energy_kwh, 0) AS DECIMAL(18, 6)) AS average_price,
    CAST(coalesce(customer_count, 0) AS BIGINT) AS customer_count,
    CAST(coalesce(energy_kwh, 0) / nullif(sum(energy_kwh) OVER (PARTITION BY axis), 0) AS DECIMAL(18, 6)) AS share,
    CAST(energy_kwh / nullif(previous_energy_kwh, 0) - 1 AS DECIMAL(18, 6)) AS week_on_week,
    CAST(energy_kwh / nullif(year_ago_energy_kwh, 0) - 1 AS DECIMAL(18, 6)) AS year_on_year
FROM sold
ORDER BY axis, energy_kwh DESC NULLS LAST, code
