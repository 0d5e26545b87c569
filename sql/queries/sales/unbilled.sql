-- Question: what has been drawn and not yet billed (未发行), and how did the estimate of it do once billed?
-- 问题:     已用未发行的电量有多少，发行后与暂估相差多少？
-- Grain:    one row a bill that stands, and one a customer and month of days that no such bill covers.
-- Units:    kWh; amounts in currency.
-- Month:    consumption; of a bill, the month that its period ends in. Bills themselves are of the month
--           of issue (应收年月).
--
-- Provisional revenue is metered kWh × the energy price of the class valid on the day. A bill also
-- has what is not by the kWh: capacity, demand, power factor. So a difference of amounts is no error
-- where that of kWh is small. Where two bills that stand cover a day, it counts to the one whose period
-- begins later. Metered adds up to consumption_daily, billed to bills_current. Meters that no customer
-- holds are under an empty customer_id.
-- Column:   customer_id | customer | 客户编号
-- Column:   month | month of consumption, its first day | 用电年月
-- Column:   state | billed or unbilled | 发行状态
-- Column:   bill_id | the bill, NULL where unbilled | 账单编号
-- Column:   first_day | first day of the bill's period, or first day unbilled | 起始日期
-- Column:   last_day | last day of the bill's period, or last day unbilled | 截止日期
-- Column:   day_count | days with reads among them | 有数天数
-- Column:   metered_energy_kwh | energy metered on these days, kWh | 计量电量
-- Column:   provisional_revenue | what that was estimated at, currency | 暂估收入
-- Column:   billed_energy_kwh | energy billed, kWh | 发行电量
-- Column:   billed_amount | amount billed, currency | 应收电费
-- Column:   energy_difference_kwh | energy billed less metered, kWh | 电量差异
-- Column:   amount_difference | amount billed less estimated, currency | 电费差异
-- Column:   unbilled_energy_kwh | energy not billed yet, kWh | 未发行电量
-- Column:   unbilled_revenue | estimated revenue not billed yet, currency | 未发行收入
WITH billed AS (
    SELECT bill_id, customer_id, period_start, period_end, energy_kwh, amount,
        least(
            period_end,
            coalesce(
                CAST(lead(period_start) OVER (
                    PARTITION BY customer_id ORDER BY period_start, issued_at, bill_id
                ) - INTERVAL '1 day' AS DATE),
                DATE '9999-12-31')
        ) AS last_day
    FROM bills_current
), drawn AS (
    SELECT used.customer_id, used.day, used.energy_kwh, used.revenue, billed.bill_id
    FROM consumption_daily AS used
    LEFT JOIN billed ON billed.customer_id = used.customer_id
        AND used.day >= billed.period_start AND used.day <= billed.last_day
), covered AS (
    SELECT bill_id, count(*) AS day_count, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue
    FROM drawn WHERE bill_id IS NOT NULL GROUP BY bill_id
), open AS (
    SELECT customer_id, CAST(date_trunc('month', day) AS DATE) AS month, min(day) AS first_day, max(day) AS last_day,
        count(*) AS day_count, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue
    FROM drawn WHERE bill_id IS NULL GROUP BY customer_id, CAST(date_trunc('month', day) AS DATE)
), both AS (
    SELECT billed.customer_id, CAST(date_trunc('month', billed.period_end) AS DATE) AS month, 'billed' AS state,
        billed.bill_id, billed.period_start AS first_day, billed.period_end AS last_day,
        coalesce(covered.day_count, 0) AS day_count,
        covered.energy_kwh AS metered_energy_kwh,
        covered.revenue AS provisional_revenue,
        billed.energy_kwh AS billed_energy_kwh, billed.amount AS billed_amount
    FROM billed
    LEFT JOIN covered ON covered.bill_id = billed.bill_id
    UNION ALL
    SELECT customer_id, month, 'unbilled', CAST(NULL AS VARCHAR), first_day, last_day, day_count,
        energy_kwh AS metered_energy_kwh, revenue AS provisional_revenue,
        CAST(NULL AS DECIMAL(28, 4)) AS billed_energy_kwh, CAST(NULL AS DECIMAL(28, 2)) AS billed_amount
    FROM open
)
SELECT customer_id, month, state, bill_id, min(first_day) AS first_day, max(last_day) AS last_day,
    CAST(sum(day_count) AS BIGINT) AS day_count,
    CAST(sum(metered_energy_kwh) AS DECIMAL(28, 4)) AS metered_energy_kwh,
    CAST(sum(provisional_revenue) AS DECIMAL(28, 2)) AS provisional_revenue,
    CAST(sum(billed_energy_kwh) AS DECIMAL(28, 4)) AS billed_energy_kwh,
    CAST(sum(billed_amount) AS DECIMAL(28, 2)) AS billed_amount,
    CAST(sum(billed_energy_kwh) - sum(metered_energy_kwh) AS DECIMAL(28, 4)) AS energy_difference_kwh,
    CAST(sum(billed_amount) - sum(provisional_revenue) AS DECIMAL(28, 2)) AS amount_difference,
    CASE WHEN state = 'unbilled' THEN CAST(sum(metered_energy_kwh) AS DECIMAL(28, 4)) END AS unbilled_energy_kwh,
    CASE WHEN state = 'unbilled' THEN CAST(sum(provisional_revenue) AS DECIMAL(28, 2)) END AS unbilled_revenue
FROM both
GROUP BY customer_id, month, state, bill_id
