-- Question: whose was a meter on a day, with which capacity, and when was it put up and taken down?
-- 问题:     电能表某日归谁、容量多大、何时装拆？
-- Grain:    one row a meter and run of settlement days, first_day to last_day inclusive.
-- Units:    days; capacity in kVA, the holder's as contracted.
-- Month:    consumption.
--
-- A meter that changes hands within a day is that day's last holder's. A meter
-- that is replaced keeps the day it was removed on, so that a customer's energy
-- is what both meters read.
--
-- installed_at is when the meter took another one's place or came from another
-- holder, removed_at when another one took its place or it went to another
-- holder: NULL where the books tell of neither.
-- Column:   meter_id | meter | 电能表编号
-- Column:   first_day | first day, included | 起始日期
-- Column:   last_day | last day, included | 截止日期
-- Column:   customer_id | customer that holds it | 客户编号
-- Column:   capacity_kva | contracted capacity, kVA | 合同容量
-- Column:   installed_at | when it was put up or taken over | 装表时间
-- Column:   removed_at | when it was taken down or given over | 拆表时间
WITH states AS (
    SELECT *,
        lag(meter_id) OVER of_customer AS meter_before, lead(meter_id) OVER of_customer AS meter_after,
        lag(customer_id) OVER of_meter AS holder_before, lead(customer_id) OVER of_meter AS holder_after,
        lead(valid_from) OVER of_meter AS next_from
    FROM customers_history
    WINDOW of_customer AS (PARTITION BY customer_id ORDER BY valid_from, lsn),
        of_meter AS (PARTITION BY meter_id ORDER BY valid_from, lsn)
)
SELECT meter_id, first_day, last_day, customer_id, capacity_kva, installed_at, removed_at
FROM (
    SELECT meter_id, customer_id, capacity_kva,
        least(
            coalesce(settlement_day(valid_to - INTERVAL '1 microsecond'), DATE '9999-12-31'),
            coalesce(CAST(settlement_day(next_from) - INTERVAL '1 day' AS DATE), DATE '9999-12-31')
        ) AS last_day,
        settlement_day(valid_from) AS first_day,
        max(CASE WHEN meter_before <> meter_id OR holder_before <> customer_id THEN valid_from END) OVER (
            PARTITION BY meter_id ORDER BY valid_from, lsn ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS installed_at,
        CASE
            WHEN meter_after <> meter_id THEN least(valid_to, next_from)
            WHEN holder_after <> customer_id THEN next_from
        END AS removed_at
    FROM states
)
WHERE first_day <= last_day
