-- Question: what were the headline figures of the week, against the week before and a year ago?
-- Grain:    one row a figure, in report order.
-- Units:    as `unit` says; changes are shares, NULL where there is nothing to compare with.
-- Month:    consumption; collection_rate is of bills (应收年月) that fell due in the 28 days to the
--           period's end, by what was booked until then. A year ago is 364 days: the same weekdays.
WITH periods AS (
    SELECT 'week' AS period, CAST($week_start AS DATE) AS first_day, CAST($week_end AS DATE) AS last_day
    UNION ALL
    SELECT 'previous', CAST(CAST($week_start AS DATE) - INTERVAL '7 days' AS DATE),
        CAST(CAST($week_end AS DATE) - INTERVAL '7 days' AS DATE)
    UNION ALL
    SELECT 'year_ago', CAST(CAST($week_start AS DATE) - INTERVAL '364 days' AS DATE),
        CAST(CAST($week_end AS DATE) - INTERVAL '364 days' AS DATE)
), sold AS (
    SELECT periods.period, sum(sales.energy_kwh) AS energy_kwh, sum(sales.revenue) AS revenue,
        sum(sales.priced_energy_kwh) AS priced_energy_kwh
    FROM periods
    JOIN (
        SELECT * FROM sales_daily
        WHERE (day >= CAST($week_start AS DATE) - INTERVAL '7 days' AND day <= CAST($week_end AS DATE))
            OR (day >= CAST($week_start AS DATE) - INTERVAL '364 days'
                AND day <= CAST($week_end AS DATE) - INTERVAL '364 days')
    ) AS sales ON sales.day >= periods.first_day AND sales.day <= periods.last_day
    GROUP BY periods.period
), loaded AS (
    SELECT periods.period, max(load.load_kw) AS peak_kw, avg(load.load_kw) AS mean_kw
    FROM periods
    JOIN (
        SELECT * FROM load_hourly
        WHERE (day >= CAST($week_start AS DATE) - INTERVAL '7 days' AND day <= CAST($week_end AS DATE))
            OR (day >= CAST($week_start AS DATE) - INTERVAL '364 days'
                AND day <= CAST($week_end AS DATE) - INTERVAL '364 days')
    ) AS load ON load.day >= periods.first_day AND load.day <= periods.last_day
    GROUP BY periods.period
), read AS (
    SELECT periods.period, sum(days.interval_count) AS interval_count,
        sum(days.expected_interval_count) AS expected_interval_count,
        sum(days.estimated_interval_count) AS estimated_interval_count
    FROM periods
    JOIN (
        SELECT * FROM completeness_daily
        WHERE (day >= CAST($week_start AS DATE) - INTERVAL '7 days' AND day <= CAST($week_end AS DATE))
            OR (day >= CAST($week_start AS DATE) - INTERVAL '364 days'
                AND day <= CAST($week_end AS DATE) - INTERVAL '364 days')
    ) AS days ON days.day >= periods.first_day AND days.day <= periods.last_day
    GROUP BY periods.period
), due AS (
    SELECT periods.period, periods.last_day, bills.bill_id, bills.amount
    FROM periods JOIN bills_current AS bills
        ON bills.due_on > CAST(periods.last_day - INTERVAL '28 days' AS DATE) AND bills.due_on <= periods.last_day
), booked AS (
    SELECT due.period, due.bill_id, sum(money.amount) AS amount
    FROM due JOIN payment_allocations AS money ON money.bill_id = due.bill_id
        AND money.booked_at < day_start(due.last_day) + INTERVAL '1 day'
    GROUP BY due.period, due.bill_id
), collected AS (
    SELECT due.period, sum(due.amount) AS billed_amount,
        sum(least(coalesce(booked.amount, 0), due.amount)) AS collected_amount
    FROM due LEFT JOIN booked ON booked.period = due.period AND booked.bill_id = due.bill_id
    GROUP BY due.period
), figures AS (
    SELECT 1 AS kpi_order, 'energy_kwh' AS kpi, 'kWh' AS unit, period, CAST(energy_kwh AS DECIMAL(28, 4)) AS value
    FROM sold
    UNION ALL
    SELECT 2, 'revenue', 'currency', period, CAST(revenue AS DECIMAL(28, 4)) FROM sold
    UNION ALL
    SELECT 3, 'average_price', 'currency/kWh', period,
        CAST(revenue / nullif(priced_energy_kwh, 0) AS DECIMAL(28, 4)) FROM sold
    UNION ALL
    SELECT 4, 'peak_load_kw', 'kW', period, CAST(peak_kw AS DECIMAL(28, 4)) FROM loaded
    UNION ALL
    SELECT 5, 'load_factor', 'share', period, CAST(mean_kw / nullif(peak_kw, 0) AS DECIMAL(28, 4)) FROM loaded
    UNION ALL
    SELECT 6, 'collection_rate', 'share', period,
        CAST(collected_amount / nullif(billed_amount, 0) AS DECIMAL(28, 4)) FROM collected
    UNION ALL
    SELECT 7, 'completeness', 'share', period,
        CAST(CAST(interval_count AS DECIMAL(20, 6)) / nullif(expected_interval_count, 0) AS DECIMAL(28, 4)) FROM read
    UNION ALL
    SELECT 8, 'estimated_share', 'share', period,
        CAST(CAST(estimated_interval_count AS DECIMAL(20, 6)) / nullif(interval_count, 0) AS DECIMAL(28, 4)) FROM read
), names AS (
    SELECT * FROM (VALUES
        (1, 'energy_kwh', 'kWh'), (2, 'revenue', 'currency'), (3, 'average_price', 'currency/kWh'),
        (4, 'peak_load_kw', 'kW'), (5, 'load_factor', 'share'), (6, 'collection_rate', 'share'),
        (7, 'completeness', 'share'), (8, 'estimated_share', 'share')
    ) AS names (kpi_order, kpi, unit)
), compared AS (
    SELECT names.kpi_order, names.kpi, names.unit,
        max(figures.value) FILTER (WHERE figures.period = 'week') AS value,
        max(figures.value) FILTER (WHERE figures.period = 'previous') AS previous_week,
        max(figures.value) FILTER (WHERE figures.period = 'year_ago') AS year_ago
    FROM names LEFT JOIN figures ON figures.kpi = names.kpi
    GROUP BY names.kpi_order, names.kpi, names.unit
)
SELECT kpi, unit, value, previous_week, year_ago,
    CAST(value / nullif(previous_week, 0) - 1 AS DECIMAL(18, 6)) AS week_on_week,
    CAST(value / nullif(year_ago, 0) - 1 AS DECIMAL(18, 6)) AS year_on_year
FROM compared
ORDER BY kpi_order
