-- Question: what changed in the customers' records, and did anybody ask for it?
-- 问题:     用户档案中有哪些变更，是否有人申请？
-- Grain:    one row a customer, instant and kind of change.
-- Units:    kVA.
-- Month:    none; the time a change holds from.
--
-- Kinds: capacity_decrease, capacity_increase, voltage_change, class_change (tariff, usage or industry),
-- relocation (region, area or feeder), meter_exchange, transfer (another account), suspension, cut_off,
-- temporary_removal, closure, and activation. request_id is the request of the customer that was accepted
-- last within 120 days before, or within one after, and is of the kind; NULL tells of a change nobody is
-- known to have asked for, which of class changes and meter exchanges is the rule.
-- Column:   customer_id | customer | 用户编号
-- Column:   changed_at | instant it holds from | 生效时间
-- Column:   kind | what changed | 变更类型
-- Column:   old_value | before | 变更前
-- Column:   new_value | after | 变更后
-- Column:   capacity_kva | change of capacity, where that is the kind | 变更容量
-- Column:   request_id | request that asked for it | 工单编号
WITH states AS (
    SELECT customer_id, valid_from, lsn, status, voltage_code, region_code, area_id, feeder_id, meter_id, account_id,
        capacity_kva, concat_ws('/', tariff_code, usage_code, industry_code) AS class,
        concat_ws('/', region_code, feeder_id, area_id) AS place,
        lag(status) OVER of_customer AS status_before, lag(voltage_code) OVER of_customer AS voltage_before,
        lag(concat_ws('/', region_code, feeder_id, area_id)) OVER of_customer AS place_before,
        lag(meter_id) OVER of_customer AS meter_before, lag(account_id) OVER of_customer AS account_before,
        lag(capacity_kva) OVER of_customer AS kva_before,
        lag(concat_ws('/', tariff_code, usage_code, industry_code)) OVER of_customer AS class_before
    FROM customers_history
    WINDOW of_customer AS (PARTITION BY customer_id ORDER BY valid_from, lsn)
), changed AS (
    SELECT customer_id, valid_from AS changed_at,
        CASE WHEN capacity_kva < kva_before THEN 'capacity_decrease' ELSE 'capacity_increase' END AS kind,
        CAST(kva_before AS TEXT) AS old_value, CAST(capacity_kva AS TEXT) AS new_value,
        capacity_kva - kva_before AS capacity_kva
    FROM states WHERE capacity_kva <> kva_before
    UNION ALL
    SELECT customer_id, valid_from, 'voltage_change', voltage_before, voltage_code, NULL
    FROM states WHERE voltage_code <> voltage_before
    UNION ALL
    SELECT customer_id, valid_from, 'class_change', class_before, class, NULL
    FROM states WHERE class <> class_before
    UNION ALL
    SELECT customer_id, valid_from, 'relocation', place_before, place, NULL
    FROM states WHERE place <> place_before
    UNION ALL
    SELECT customer_id, valid_from, 'meter_exchange', meter_before, meter_id, NULL
    FROM states WHERE meter_id <> meter_before
    UNION ALL
    SELECT customer_id, valid_from, 'transfer', account_before, account_id, NULL
    FROM states WHERE account_id <> account_before
    UNION ALL
    SELECT customer_id, valid_from,
        CASE status WHEN 'suspended' THEN 'suspension' WHEN 'removed' THEN 'temporary_removal'
            WHEN 'closed' THEN 'closure' WHEN 'active' THEN 'activation' ELSE status END,
        status_before, status, NULL
    FROM states WHERE status <> status_before
), asked AS (
    SELECT request_id, customer_id, request_type, accepted_at,
        CASE request_type WHEN 'new_supply' THEN 'activation' ELSE request_type END AS kind
    FROM service.requests
    WHERE customer_id IS NOT NULL AND accepted_at IS NOT NULL AND state <> 'withdrawn'
), matched AS (
    SELECT changed.*, asked.request_id,
        row_number() OVER (PARTITION BY changed.customer_id, changed.changed_at, changed.kind
            ORDER BY asked.accepted_at DESC, asked.request_id) AS place
    FROM changed
    LEFT JOIN asked ON asked.customer_id = changed.customer_id AND asked.kind = changed.kind
        AND asked.accepted_at >= changed.changed_at - INTERVAL '120 days'
        AND asked.accepted_at <= changed.changed_at + INTERVAL '1 day'
)
SELECT customer_id, changed_at, kind, old_value, new_value,
    CAST(capacity_kva AS DECIMAL(18, 4)) AS capacity_kva, request_id
FROM matched
WHERE place = 1
