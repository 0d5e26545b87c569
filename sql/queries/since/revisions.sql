-- Question: which read days and billed amounts are not what they were at an earlier instant, by how
--           much and why?
-- 问题:     与先前时刻相比，哪些读数日和账单金额变了、变了多少、为何？
-- Grain:    one row a meter, channel and settlement day, or a bill, and cause.
-- Units:    kWh; amounts in currency, NULL for reads. What was not known is 0 before, what was
--           withdrawn 0 after.
-- Month:    day is the settlement day of reads and the month of issue (应收年月) of bills.
--
-- In the session, schema `past` shows what was known then. rule is the rule of an edit, `revision` or
-- `arrival` of other reads; of bills the kind of what was issued since, or `version`. reason is what
-- the edit says, or the bill that cancels, replaces or adjusts. changed_at is the newest arrival among
-- the changes; that a read came to be marked questionable is none. Added up, energy_kwh_change leads
-- from the sum of past.meter_reads to that of meter_reads, amount_change from that of
-- past.bills_current to that of bills_current. A filter on day leaves other days' files unread.
-- Column:   source | meter_reads or bills | 来源
-- Column:   id | meter, or bill | 表计或账单编号
-- Column:   channel | channel of the reads | 计量通道
-- Column:   day | settlement day, or month of issue | 结算日或应收年月
-- Column:   rule | what changed it: rule of an edit, revision, arrival, kind of bill | 变更规则
-- Column:   reason | reason of the edit, or the bill behind it | 变更原因
-- Column:   changed_at | newest arrival among the changes | 变更时间
-- Column:   interval_count | intervals changed | 变更点数
-- Column:   energy_kwh_before | energy before, kWh | 变更前电量
-- Column:   energy_kwh_after | energy after, kWh | 变更后电量
-- Column:   energy_kwh_change | change of energy, kWh | 电量变动
-- Column:   amount_before | amount before, currency | 变更前电费
-- Column:   amount_after | amount after, currency | 变更后电费
-- Column:   amount_change | change of the amount, currency | 电费变动
WITH since AS (
    SELECT as_of FROM past.lake_time
), counted AS (
    -- What counts now and did not then has arrived since.
    SELECT meter_reads.meter_id, meter_reads.channel, meter_reads.day, meter_reads.read_at,
        meter_reads.energy_kwh, meter_reads.edit_rule, meter_reads.edit_reason, meter_reads.available_at
    FROM meter_reads JOIN since ON meter_reads.available_at > since.as_of
), reads AS (
    SELECT counted.meter_id, counted.channel, counted.day, counted.available_at, counted.edit_reason,
        CASE
            WHEN counted.edit_rule IS NOT NULL THEN counted.edit_rule
            WHEN earlier.read_at IS NULL THEN 'arrival'
            ELSE 'revision'
        END AS rule,
        coalesce(earlier.energy_kwh, 0) AS energy_kwh_before, counted.energy_kwh AS energy_kwh_after
    FROM counted
    LEFT JOIN past.meter_reads AS earlier ON earlier.meter_id = counted.meter_id
        AND earlier.channel = counted.channel AND earlier.day = counted.day AND earlier.read_at = counted.read_at
    WHERE earlier.read_at IS NULL OR earlier.energy_kwh <> counted.energy_kwh
), issued AS (
    -- What came since about each bill: versions of it, and bills that refer to it.
    SELECT bills.bill_id, bills.bill_id AS by_bill, 'version' AS kind, bills.available_at
    FROM bills JOIN since ON bills.available_at > since.as_of
    UNION ALL
    SELECT bills.ref_bill_id, bills.bill_id, bills.kind, bills.available_at
    FROM bills JOIN since ON bills.available_at > since.as_of
    WHERE bills.ref_bill_id IS NOT NULL
), causes AS (
    SELECT bill_id, max(available_at) AS changed_at,
        max(kind) FILTER (WHERE kind <> 'version') AS kind,
        max(by_bill) FILTER (WHERE kind <> 'version') AS by_bill
    FROM issued GROUP BY bill_id
), amounts AS (
    SELECT coalesce(bills_current.bill_id, earlier.bill_id) AS bill_id,
        coalesce(bills_current.bill_month, earlier.bill_month) AS bill_month,
        CASE WHEN earlier.bill_id IS NULL THEN bills_current.kind END AS new_kind,
        CASE WHEN earlier.bill_id IS NULL THEN bills_current.ref_bill_id END AS new_ref_bill_id,
        coalesce(earlier.energy_kwh, 0) AS energy_kwh_before,
        coalesce(bills_current.energy_kwh, 0) AS energy_kwh_after,
        coalesce(earlier.amount, 0) AS amount_before, coalesce(bills_current.amount, 0) AS amount_after
    FROM bills_current
    FULL JOIN past.bills_current AS earlier ON earlier.bill_id = bills_current.bill_id
    WHERE earlier.bill_id IS NULL OR bills_current.bill_id IS NULL OR earlier.amount <> bills_current.amount
        OR earlier.energy_kwh <> bills_current.energy_kwh
)
SELECT 'meter_reads' AS source, meter_id AS id, channel, day, rule, edit_reason AS reason,
    max(available_at) AS changed_at, count(*) AS interval_count,
    CAST(sum(energy_kwh_before) AS DECIMAL(28, 4)) AS energy_kwh_before,
    CAST(sum(energy_kwh_after) AS DECIMAL(28, 4)) AS energy_kwh_after,
    CAST(sum(energy_kwh_after - energy_kwh_before) AS DECIMAL(28, 4)) AS energy_kwh_change,
    CAST(NULL AS DECIMAL(18, 2)) AS amount_before, CAST(NULL AS DECIMAL(18, 2)) AS amount_after,
    CAST(NULL AS DECIMAL(18, 2)) AS amount_change
FROM reads
GROUP BY meter_id, channel, day, rule, edit_reason
UNION ALL
SELECT 'bills', amounts.bill_id, NULL, amounts.bill_month,
    coalesce(amounts.new_kind, causes.kind, 'version'),
    coalesce(amounts.new_ref_bill_id, causes.by_bill), causes.changed_at, NULL,
    CAST(energy_kwh_before AS DECIMAL(28, 4)), CAST(energy_kwh_after AS DECIMAL(28, 4)),
    CAST(energy_kwh_after - energy_kwh_before AS DECIMAL(28, 4)),
    CAST(amount_before AS DECIMAL(18, 2)), CAST(amount_after AS DECIMAL(18, 2)),
    CAST(amount_after - amount_before AS DECIMAL(18, 2))
FROM amounts LEFT JOIN causes ON causes.bill_id = amounts.bill_id
