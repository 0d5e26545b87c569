-- Question: which signs of leaving does each active customer show at an instant?
-- Grain:    one row a customer that is active at $as_of, in a session that shows what was known then.
-- Units:    shares of load, kW, days; counts over the days named. exposure is provisional revenue of
--           the last 28 days.
-- Month:    consumption; the last 28 settlement days before $as_of, the 28 before these, and the same
--           28 a year (364 days) earlier.
WITH active AS (
    SELECT * FROM customers_history
    WHERE status = 'active' AND valid_from <= $as_of AND (valid_to IS NULL OR valid_to > $as_of)
), since AS (
    SELECT customer_id, min(valid_from) AS valid_from FROM customers_history GROUP BY customer_id
), load AS (
    SELECT customer_id,
        sum(energy_kwh) FILTER (WHERE day >= settlement_day($as_of) - INTERVAL '28 days') AS recent_kwh,
        sum(energy_kwh) FILTER (WHERE day >= settlement_day($as_of) - INTERVAL '56 days'
            AND day < settlement_day($as_of) - INTERVAL '28 days') AS previous_kwh,
        sum(energy_kwh) FILTER (WHERE day < settlement_day($as_of) - INTERVAL '56 days') AS year_ago_kwh,
        sum(revenue) FILTER (WHERE day >= settlement_day($as_of) - INTERVAL '28 days') AS recent_revenue,
        stddev_pop(CAST(energy_kwh AS DOUBLE)) FILTER (WHERE day >= settlement_day($as_of) - INTERVAL '28 days')
            AS recent_spread_kwh,
        CAST(avg(energy_kwh) FILTER (WHERE day >= settlement_day($as_of) - INTERVAL '28 days') AS DOUBLE)
            AS recent_mean_kwh
    FROM consumption_daily
    WHERE (day >= settlement_day($as_of) - INTERVAL '56 days' AND day < settlement_day($as_of))
        OR (day >= settlement_day($as_of) - INTERVAL '392 days' AND day < settlement_day($as_of) - INTERVAL '364 days')
    GROUP BY customer_id
), demand AS (
    SELECT meters_by_day.customer_id, max(reads.peak_kw) AS peak_kw
    FROM (
        SELECT day, meter_id, max(CAST(energy_kwh AS DOUBLE) * 60 / interval_min) AS peak_kw
        FROM demand_reads
        WHERE channel = 'import' AND day >= settlement_day($as_of) - INTERVAL '28 days' AND day < settlement_day($as_of)
        GROUP BY day, meter_id
    ) AS reads
    JOIN meters_by_day ON meters_by_day.meter_id = reads.meter_id
        AND reads.day >= meters_by_day.first_day AND reads.day <= meters_by_day.last_day
    GROUP BY meters_by_day.customer_id
), requests AS (
    SELECT customer_id,
        count(DISTINCT request_id) FILTER (WHERE request_type LIKE 'capacity_%' AND after_kva < before_kva
            OR request_type IN ('capacity_decrease', 'capacity_reduction', 'suspension')) AS reductions,
        count(DISTINCT request_id) FILTER (WHERE request_type = 'complaint'
            AND stage_at > $as_of - INTERVAL '182 days') AS complaints,
        count(DISTINCT request_id) FILTER (WHERE stage_at > $as_of - INTERVAL '182 days') AS requests
    FROM service_requests
    WHERE customer_id IS NOT NULL AND stage_at <= $as_of AND stage_at > $as_of - INTERVAL '365 days'
    GROUP BY customer_id
), debts AS (
    SELECT customer_id, sum(open_amount) AS overdue_amount, max(days_overdue) AS days_overdue
    FROM receivables_open WHERE days_overdue > 0 GROUP BY customer_id
)
SELECT active.customer_id AS id, active.customer_id, arrow_cast($as_of, 'Timestamp(Microsecond, Some("UTC"))') AS as_of,
    CAST(load.recent_revenue AS DECIMAL(18, 2)) AS exposure,
    CAST(load.recent_kwh AS DOUBLE) / nullif(CAST(load.previous_kwh AS DOUBLE), 0) - 1 AS change_28d,
    CAST(load.recent_kwh AS DOUBLE) / nullif(CAST(load.year_ago_kwh AS DOUBLE), 0) - 1 AS change_year,
    round(load.recent_spread_kwh / nullif(load.recent_mean_kwh, 0), 9) AS load_variation,
    demand.peak_kw / nullif(CAST(active.capacity_kva AS DOUBLE), 0) AS demand_to_capacity,
    CAST(coalesce(requests.reductions, 0) AS DOUBLE) AS capacity_reductions_12m,
    CAST(coalesce(requests.complaints, 0) AS DOUBLE) AS complaints_6m,
    CAST(coalesce(requests.requests, 0) AS DOUBLE) AS requests_6m,
    CAST(coalesce(debts.overdue_amount, 0) AS DOUBLE) AS overdue_amount,
    CAST(coalesce(debts.days_overdue, 0) AS DOUBLE) AS days_overdue,
    CAST(settlement_day($as_of) - settlement_day(since.valid_from) AS BIGINT) / 1.0 AS tenure_days,
    CAST(active.contract_end - settlement_day($as_of) AS BIGINT) / 1.0 AS contract_days_left,
    CAST(active.prepaid AS DOUBLE) AS prepaid,
    CAST(active.capacity_kva AS DOUBLE) AS capacity_kva,
    active.tariff_code, active.industry_code
FROM active
JOIN since ON since.customer_id = active.customer_id
LEFT JOIN load ON load.customer_id = active.customer_id
LEFT JOIN demand ON demand.customer_id = active.customer_id
LEFT JOIN requests ON requests.customer_id = active.customer_id
LEFT JOIN debts ON debts.customer_id = active.customer_id
ORDER BY active.customer_id
