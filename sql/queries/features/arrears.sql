-- Question: which bills will still be unpaid 30 days past due, by what was known when they were issued?
-- Grain:    one row a bill issued in the 31 days up to one of the instants of table `instants`.
-- Units:    currency, days; shares 0 to 1. label: 1 if more than 1 is open at the end of the 30th day
--           past due, NULL while that day has not passed or if the bill was withdrawn before it.
-- Month:    issue (应收年月); as_of is the arrival of the bill, and every feature looks at rows that
--           had arrived by then.
WITH issued AS (
    SELECT bill_id, customer_id, account_id, issued_at, due_on, period_start, period_end, amount,
        energy_kwh, available_at
    FROM (
        SELECT *, row_number() OVER (PARTITION BY bill_id ORDER BY available_at, version) AS age
        FROM raw.bills WHERE kind IN ('ORIGINAL', 'REBILL')
    )
    WHERE age = 1
), scored AS (
    SELECT DISTINCT issued.*, issued.available_at AS as_of
    FROM issued
    JOIN instants ON issued.issued_at <= instants.as_of AND issued.available_at <= instants.as_of
        AND issued.issued_at > instants.as_of - INTERVAL '31 days'
), withdrawn AS (
    SELECT bill_id, min(available_at) AS available_at
    FROM (
        SELECT coalesce(ref_bill_id, bill_id) AS bill_id, available_at FROM raw.bills WHERE kind = 'CANCEL'
        UNION ALL
        SELECT ref_bill_id, available_at FROM raw.bills WHERE kind = 'REBILL' AND ref_bill_id IS NOT NULL
    )
    GROUP BY bill_id
), given AS (
    SELECT payment_id, version, op, ref_payment_id, channel, paid_at, available_at,
        allocation['bill_id'] AS bill_id, CAST(allocation['amount'] AS DECIMAL(18, 2)) AS amount
    FROM (SELECT *, unnest(allocations) AS allocation FROM raw.payments)
), steps AS (
    -- What each version of a payment adds to a bill; a version sent twice adds nothing.
    SELECT payment_id, op, channel, paid_at, available_at, bill_id,
        amount - coalesce(lag(amount) OVER (
            PARTITION BY payment_id, bill_id ORDER BY version, available_at), 0) AS amount
    FROM given
), bare_reversals AS (
    SELECT ref_payment_id, min(available_at) AS available_at, min(paid_at) AS paid_at
    FROM raw.payments WHERE op = 'REVERSE' AND coalesce(cardinality(allocations), 0) = 0
    GROUP BY ref_payment_id
), money AS (
    SELECT bill_id, channel, paid_at, available_at,
        CASE WHEN op IN ('REVERSE', 'REFUND') THEN -amount ELSE amount END AS amount
    FROM steps WHERE amount <> 0
    UNION ALL
    SELECT steps.bill_id, steps.channel, bare_reversals.paid_at, bare_reversals.available_at, -steps.amount
    FROM steps JOIN bare_reversals ON bare_reversals.ref_payment_id = steps.payment_id
), earlier AS (
    SELECT scored.bill_id AS scored_id, scored.as_of, issued.bill_id, issued.issued_at, issued.due_on,
        issued.amount, issued.energy_kwh
    FROM scored
    JOIN issued ON issued.account_id = scored.account_id AND issued.available_at < scored.available_at
        AND issued.issued_at < scored.issued_at AND issued.issued_at >= scored.issued_at - INTERVAL '366 days'
    LEFT JOIN withdrawn ON withdrawn.bill_id = issued.bill_id AND withdrawn.available_at <= scored.available_at
    WHERE withdrawn.bill_id IS NULL
), settled AS (
    SELECT earlier.scored_id, earlier.bill_id, earlier.as_of, earlier.due_on, earlier.issued_at,
        earlier.amount,
        coalesce(sum(money.amount), 0) AS paid,
        count(money.bill_id) FILTER (WHERE money.amount > 0) AS payments,
        count(money.bill_id) FILTER (WHERE money.amount < 0) AS reversals,
        max(money.paid_at) FILTER (WHERE money.amount > 0) AS last_paid_at
    FROM earlier
    LEFT JOIN money ON money.bill_id = earlier.bill_id AND money.available_at <= earlier.as_of
    GROUP BY earlier.scored_id, earlier.bill_id, earlier.as_of, earlier.due_on, earlier.issued_at, earlier.amount
), habits AS (
    SELECT *,
        -- Not yet due and unpaid says nothing about being late.
        CASE
            WHEN amount - paid <= 0 THEN greatest(CAST(settlement_day(last_paid_at) - due_on AS BIGINT), 0)
            WHEN due_on < settlement_day(as_of) THEN CAST(settlement_day(as_of) - due_on AS BIGINT)
        END AS days_late,
        row_number() OVER (PARTITION BY scored_id ORDER BY issued_at DESC) AS age
    FROM settled
), history AS (
    SELECT scored_id,
        count(*) AS bills,
        count(*) FILTER (WHERE days_late > 0) AS late_count,
        avg(CAST(days_late AS DOUBLE)) AS mean_days_late,
        avg(CAST(days_late AS DOUBLE)) FILTER (WHERE age <= 3)
            - avg(CAST(days_late AS DOUBLE)) FILTER (WHERE age > 3) AS days_late_trend,
        avg(CASE WHEN payments > 1 THEN 1.0 ELSE 0.0 END) AS partial_share,
        sum(reversals) AS reversals,
        sum(greatest(amount - paid, 0)) AS open_amount,
        CAST(avg(amount) AS DOUBLE) AS mean_amount
    FROM habits
    GROUP BY scored_id
), channels AS (
    SELECT scored_id, channel FROM (
        SELECT earlier.scored_id, money.channel,
            row_number() OVER (PARTITION BY earlier.scored_id ORDER BY money.paid_at DESC, money.channel) AS age
        FROM earlier
        JOIN money ON money.bill_id = earlier.bill_id AND money.available_at <= earlier.as_of AND money.amount > 0
    ) WHERE age = 1
), states AS (
    SELECT scored.bill_id AS scored_id, changes.tariff_code, changes.industry_code, changes.prepaid,
        changes.capacity_kva,
        min(changes.valid_from) OVER (PARTITION BY scored.bill_id) AS customer_since,
        row_number() OVER (PARTITION BY scored.bill_id ORDER BY changes.valid_from DESC, changes.lsn DESC) AS age
    FROM scored
    JOIN raw.customers AS changes ON changes.customer_id = scored.customer_id
        AND changes.available_at <= scored.as_of AND changes.valid_from <= scored.as_of
    WHERE changes.op <> 'd'
), outcomes AS (
    SELECT scored.bill_id, scored.amount - coalesce(sum(money.amount), 0) AS open_amount
    FROM scored
    LEFT JOIN money ON money.bill_id = scored.bill_id
        AND money.paid_at < day_start(scored.due_on) + INTERVAL '31 days'
    GROUP BY scored.bill_id, scored.amount
), cutoff AS (
    SELECT max(available_at) AS available_at
    FROM (SELECT available_at FROM raw.payments UNION ALL SELECT available_at FROM raw.bills)
)
SELECT scored.bill_id AS id, scored.customer_id, scored.as_of, scored.amount AS exposure,
    CASE
        WHEN cutoff.available_at < day_start(scored.due_on) + INTERVAL '31 days' THEN NULL
        WHEN withdrawn.available_at < day_start(scored.due_on) + INTERVAL '31 days' THEN NULL
        ELSE CAST(outcomes.open_amount > 1 AS INT)
    END AS label,
    CAST(scored.amount AS DOUBLE) AS amount,
    CAST(scored.amount AS DOUBLE) / nullif(history.mean_amount, 0) AS bill_shock,
    CAST(coalesce(history.bills, 0) AS DOUBLE) AS bills_12m,
    CAST(coalesce(history.late_count, 0) AS DOUBLE) AS late_count_12m,
    CAST(history.late_count AS DOUBLE) / nullif(history.bills, 0) AS late_share_12m,
    history.mean_days_late, history.days_late_trend, history.partial_share,
    CAST(coalesce(history.reversals, 0) AS DOUBLE) AS reversals_12m,
    CAST(coalesce(history.open_amount, 0) AS DOUBLE) AS open_amount_at_issue,
    CAST(settlement_day(scored.as_of) - settlement_day(states.customer_since) AS BIGINT) / 1.0 AS tenure_days,
    CAST(states.prepaid AS DOUBLE) AS prepaid,
    CAST(states.capacity_kva AS DOUBLE) AS capacity_kva,
    channels.channel, states.tariff_code, states.industry_code
FROM scored
CROSS JOIN cutoff
LEFT JOIN withdrawn ON withdrawn.bill_id = scored.bill_id
LEFT JOIN history ON history.scored_id = scored.bill_id
LEFT JOIN channels ON channels.scored_id = scored.bill_id
LEFT JOIN states ON states.scored_id = scored.bill_id AND states.age = 1
LEFT JOIN outcomes ON outcomes.bill_id = scored.bill_id
ORDER BY scored.as_of, scored.bill_id
