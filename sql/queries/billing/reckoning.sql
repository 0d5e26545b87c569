-- Question: how does each line of a bill come about, and what was billed in its place?
-- 问题:     账单的每一行是怎样算出来的，实际又开了多少？
-- Grain:    one row a bill, component and TOU period, of those billed and those that should have been.
-- Units:    quantity in kWh (energy, step, fund), kVA or kW months (basic), currency (power_factor);
--           price per unit of quantity; amounts in currency; percentages in %.
-- Month:    consumption, from period_start to period_end; bill_month is that of issue (应收年月).
--
-- Each line is quantity times price, rounded half-up to 0.01. Steps (阶梯) count from the first of the
-- year, so what a bill charges is the year's charge after it less that before it, both rounded: energy and
-- each step together come to that. The power-factor line is a percentage of the others. What is billed
-- includes adjustments of the bill; one without lines stands as one line, component total. quantity, price and amount are NULL where the line should not be.
-- Where hours of a demand are missing, the demand that was billed stands unless the reads show more.
--
-- Column:   bill_id | bill | 账单编号
-- Column:   kind | ORIGINAL or REBILL | 账单类型
-- Column:   stands | neither cancelled nor replaced | 是否有效
-- Column:   customer_id | customer | 用户编号
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   period_end | last day of consumption | 用电截止日
-- Column:   component | energy, step_N, basic, fund_NAME, power_factor; total without lines | 电费项目
-- Column:   tou | TOU period of energy, total without | 时段
-- Column:   billed_quantity | quantity as billed | 账单数量
-- Column:   billed_price | price as billed | 账单单价
-- Column:   billed_amount | amount as billed | 账单金额
-- Column:   quantity | quantity as it should be | 应计数量
-- Column:   price | price as it should be | 应计单价
-- Column:   amount | amount as it should be | 应计金额
-- Column:   tou_factor | by which the price of the period is multiplied | 时段系数
-- Column:   fixed_price | part of the price that is not | 不浮动单价
-- Column:   by_period | billed by TOU period | 是否分时
-- Column:   billed_tariff_version | tariff version on the bill | 账单电价版本
-- Column:   tariff_version | tariff version in force | 应用电价版本
-- Column:   tariff_code | tariff class in force | 电价类别
-- Column:   price_band | price band of the voltage | 电价电压档
-- Column:   demand_mode | basic charge by capacity or demand | 基本电费方式
-- Column:   multiplier | multiplier of the meter | 综合倍率
-- Column:   energy_kwh | metered energy, kWh | 抄见电量
-- Column:   estimated_energy_kwh | metered by what was estimated at issue, kWh | 发行时估抄电量
-- Column:   without_excess | demand billed as if it had not exceeded the contract | 未计超合同需量
-- Column:   pf_percent | adjustment as metered, % | 力调系数
-- Column:   billed_pf_percent | adjustment if the billed energy were right, % | 按账单电量力调系数
-- Column:   is_recomputable | energy (by period), class and price are known | 是否可复算
WITH terms AS (
    -- What is one number of a class on a day that a period ends.
    SELECT days.period_end, rules.tariff_code,
        max(CASE WHEN rule = 'demand' AND item = 'limit' THEN value END) AS demand_limit,
        max(CASE WHEN rule = 'demand' AND item = 'over_maximum' THEN value END) AS over_maximum,
        max(CASE WHEN rule = 'demand' AND item = 'over_contract' THEN value END) AS over_contract,
        max(CASE WHEN rule = 'month' AND item = 'days' THEN value END) AS month_days,
        max(CASE WHEN rule = 'pf_base' AND item = 'fixed' THEN value END) AS fixed_in_base,
        max(CASE WHEN rule = 'pf_base' AND item = 'fund' THEN value END) AS fund_in_base,
        CAST(coalesce(sum(CASE WHEN rule = 'fixed' THEN value END), 0) AS DECIMAL(12, 8)) AS fixed_price,
        bool_or(rule = 'tou') AS by_period,
        bool_or(rule = 'step') AS by_step,
        bool_or(rule = 'step' AND item = 'month') AS by_month
    FROM (SELECT DISTINCT period_end FROM bills) AS days
    JOIN billing.rules AS rules ON rules.rule <> 'pf'
        AND rules.first_day <= days.period_end AND rules.last_day >= days.period_end
    GROUP BY 1, 2
), slots AS (
    -- Lines that a class can have.
    SELECT tariff_code, rule, item, threshold, value, first_day, last_day
    FROM billing.rules WHERE rule IN ('tou', 'step', 'fund')
    UNION ALL
    SELECT classes.tariff_code, made.rule, '', 0, 0, DATE '0001-01-01', DATE '9999-12-31'
    FROM (SELECT DISTINCT tariff_code FROM tariffs) AS classes
    CROSS JOIN (VALUES ('energy'), ('basic'), ('power_factor')) AS made (rule)
), billed AS (
    SELECT bill_id, component, tou,
        CAST(sum(quantity) AS DECIMAL(18, 4)) AS quantity,
        coalesce(max(price) FILTER (WHERE kind <> 'ADJUST'), max(price)) AS price,
        CAST(sum(amount) AS DECIMAL(18, 2)) AS amount
    FROM (
        SELECT of_bill_id AS bill_id, kind, line['component'] AS component, line['quantity'] AS quantity,
            line['price'] AS price, line['amount'] AS amount,
            coalesce(line['tou'], CASE WHEN line['component'] = 'energy' THEN 'total' ELSE '' END) AS tou
        FROM (
            SELECT CASE WHEN kind = 'ADJUST' THEN ref_bill_id ELSE bill_id END AS of_bill_id, kind,
                unnest(lines) AS line
            FROM bills
            WHERE kind IN ('ORIGINAL', 'REBILL') OR (kind = 'ADJUST' AND ref_bill_id IS NOT NULL)
        )
        UNION ALL
        SELECT CASE WHEN kind = 'ADJUST' THEN ref_bill_id ELSE bill_id END, kind, 'total', energy_kwh,
            CAST(NULL AS DECIMAL(12, 8)), amount, ''
        FROM bills
        WHERE coalesce(array_length(lines), 0) = 0
            AND (kind IN ('ORIGINAL', 'REBILL') OR (kind = 'ADJUST' AND ref_bill_id IS NOT NULL))
    )
    GROUP BY 1, 2, 3
), ruled AS (
    SELECT evidence.*, terms.demand_limit, terms.over_maximum, terms.over_contract, terms.month_days,
        terms.fixed_in_base, terms.fund_in_base, terms.fixed_price, coalesce(terms.by_period, false) AS by_period,
        coalesce(terms.by_step, false) AS by_step, coalesce(terms.by_month, false) AS by_month,
        slots.rule, slots.item, slots.threshold, slots.value,
        -- Of steps: the next one's threshold, and the number of this one.
        coalesce(lead(slots.threshold) OVER of_rule, CAST('99999999999999' AS DECIMAL(18, 4))) AS next_threshold,
        row_number() OVER of_rule AS tier
    FROM billing.evidence AS evidence
    LEFT JOIN terms ON terms.tariff_code = evidence.tariff_code AND terms.period_end = evidence.period_end
    LEFT JOIN slots ON slots.tariff_code = evidence.tariff_code
        AND slots.first_day <= evidence.period_end AND slots.last_day >= evidence.period_end
        AND (slots.rule <> 'energy' OR NOT coalesce(terms.by_period, false))
        AND (slots.rule <> 'basic' OR evidence.demand_mode IS NOT NULL)
        AND (slots.rule <> 'power_factor' OR evidence.pf_percent <> 0)
    WINDOW of_rule AS (PARTITION BY evidence.bill_id, slots.rule ORDER BY slots.threshold)
), counted AS (
    SELECT *,
        energy_kwh IS NOT NULL AND energy_price_per_kwh IS NOT NULL AND (NOT by_period OR energy_kwh = 0
            OR coalesce(critical_kwh, peak_kwh, flat_kwh, valley_kwh, deep_valley_kwh) IS NOT NULL)
            AS is_recomputable,
        CASE
            WHEN rule IN ('energy', 'tou') THEN 'energy'
            WHEN rule = 'step' THEN concat('step_', tier + 1)
            WHEN rule = 'fund' THEN concat('fund_', item)
            WHEN rule IN ('basic', 'power_factor') THEN rule
        END AS component,
        CASE WHEN rule = 'energy' THEN 'total' WHEN rule = 'tou' THEN item ELSE '' END AS tou,
        CASE WHEN by_month THEN CAST(0 AS DECIMAL(18, 4)) ELSE before_kwh END AS from_kwh,
        CAST(CASE WHEN by_month THEN energy_kwh ELSE before_kwh + energy_kwh END AS DECIMAL(18, 4)) AS after_kwh,
        CASE WHEN demand_mode = 'demand' AND contract_kw IS NOT NULL
            THEN round_energy(contract_kw * demand_limit) END AS limit_kw,
        CASE WHEN by_period THEN CAST(0 AS DECIMAL(12, 8)) ELSE energy_price_per_kwh END AS step_base_price
    FROM ruled
), charged AS (
    SELECT *,
        CASE
            WHEN limit_kw IS NULL THEN CASE WHEN demand_mode IS NOT NULL THEN capacity_kva END
            WHEN coalesce(max_demand_kw, 0) <= limit_kw THEN contract_kw
            ELSE round_energy(coalesce(contract_kw + over_contract * (max_demand_kw - limit_kw),
                max_demand_kw + over_maximum * (max_demand_kw - limit_kw)))
        END AS charged_kva,
        CAST(greatest(least(from_kwh, next_threshold) - threshold, 0) AS DECIMAL(18, 4)) AS before_in_tier,
        CAST(greatest(least(after_kwh, next_threshold) - threshold, 0) AS DECIMAL(18, 4)) AS after_in_tier
    FROM counted
), paired AS (
    SELECT coalesce(charged.bill_id, billed.bill_id) AS bill_id,
        coalesce(charged.component, billed.component) AS component,
        coalesce(charged.tou, billed.tou) AS tou,
        billed.quantity AS billed_quantity, billed.price AS billed_price, billed.amount AS billed_amount,
        charged.* EXCEPT (bill_id, component, tou),
        CASE
            WHEN NOT is_recomputable THEN NULL
            WHEN rule = 'energy' OR rule = 'fund' THEN energy_kwh
            WHEN rule = 'tou' THEN CASE item WHEN 'critical' THEN critical_kwh WHEN 'peak' THEN peak_kwh
                WHEN 'flat' THEN flat_kwh WHEN 'valley' THEN valley_kwh WHEN 'deep_valley' THEN deep_valley_kwh END
            WHEN rule = 'step' THEN CAST(after_in_tier - before_in_tier AS DECIMAL(18, 4))
            WHEN rule = 'basic' THEN greatest(
                CASE WHEN is_whole_month THEN charged_kva
                    ELSE round_energy(charged_kva * CAST(day_count AS DECIMAL(6, 0)) / CAST(month_days AS DECIMAL(6, 0)))
                END,
                CASE WHEN demand_mode = 'demand' AND charged_kva IS NOT NULL AND demand_hour_count < 24 * day_count
                    THEN billed.quantity END)
        END AS found_quantity,
        coalesce(rule = 'basic' AND max_demand_kw > limit_kw AND billed.quantity IN (
            CASE WHEN is_whole_month THEN contract_kw
                ELSE round_energy(contract_kw * CAST(day_count AS DECIMAL(6, 0)) / CAST(month_days AS DECIMAL(6, 0))) END,
            CASE WHEN is_whole_month THEN max_demand_kw
                ELSE round_energy(max_demand_kw * CAST(day_count AS DECIMAL(6, 0)) / CAST(month_days AS DECIMAL(6, 0)))
                END), false) AS without_excess,
        CASE
            WHEN rule = 'energy' THEN energy_price_per_kwh
            WHEN rule = 'tou' THEN round_price((energy_price_per_kwh - fixed_price) * value + fixed_price)
            WHEN rule IN ('step', 'fund') THEN value
            WHEN rule = 'basic' AND limit_kw IS NOT NULL THEN demand_price_per_kw
            WHEN rule = 'basic' THEN capacity_price_per_kva
        END AS found_price,
        CAST(sum(CASE WHEN rule = 'step' THEN value * before_in_tier END) OVER of_rule AS DECIMAL(36, 12))
            AS before_charge,
        CAST(sum(CASE WHEN rule = 'step' THEN value * after_in_tier END) OVER of_rule AS DECIMAL(36, 12))
            AS after_charge
    FROM charged
    FULL JOIN billed ON billed.bill_id = charged.bill_id
        AND billed.component = charged.component AND billed.tou = charged.tou
    WINDOW of_rule AS (PARTITION BY charged.bill_id, rule ORDER BY threshold)
), multiplied AS (
    SELECT *,
        max(CASE WHEN rule = 'step' AND found_quantity > 0 THEN tier END) OVER (PARTITION BY bill_id) AS top_tier,
        CASE
            WHEN rule = 'energy' AND by_step
                THEN round_money(after_kwh * energy_price_per_kwh) - round_money(from_kwh * energy_price_per_kwh)
            WHEN rule = 'step' THEN
                round_money(step_base_price * after_kwh + after_charge)
                - round_money(step_base_price * after_kwh + after_charge - value * after_in_tier)
                - round_money(step_base_price * from_kwh + before_charge)
                + round_money(step_base_price * from_kwh + before_charge - value * before_in_tier)
            WHEN rule IN ('energy', 'tou', 'fund', 'basic') THEN round_money(found_quantity * found_price)
        END AS found_amount
    FROM paired
), added AS (
    -- The last step takes what rounding left of those that are full.
    SELECT *,
        CASE
            WHEN NOT is_recomputable OR found_quantity IS NULL OR found_price IS NULL THEN NULL
            WHEN rule <> 'basic' AND found_quantity <= 0 THEN NULL
            WHEN rule = 'step' AND tier = top_tier THEN found_amount + coalesce(
                sum(CASE WHEN rule = 'step' AND found_quantity <= 0 THEN found_amount END)
                    OVER (PARTITION BY bill_id), 0)
            ELSE found_amount
        END AS line_amount
    FROM multiplied
), based AS (
    SELECT *,
        sum(CASE WHEN rule = 'fund' AND fund_in_base = 0 THEN 0 ELSE line_amount END) OVER of_bill
            - round_money(coalesce(sum(CASE WHEN component = 'energy' AND fixed_in_base = 0
                AND line_amount IS NOT NULL THEN found_quantity END) OVER of_bill, 0)
                * coalesce(max(fixed_price) OVER of_bill, 0)) AS base
    FROM added
    WINDOW of_bill AS (PARTITION BY bill_id)
), told AS (
    SELECT *,
        CASE WHEN rule = 'power_factor' THEN CASE WHEN pf_percent <> 0 AND base > 0 THEN CAST(base AS DECIMAL(18, 4)) END
            WHEN line_amount IS NOT NULL THEN found_quantity END AS told_quantity,
        CASE WHEN rule = 'power_factor' THEN CASE WHEN pf_percent <> 0 AND base > 0 THEN round_price(pf_percent * 0.01) END
            WHEN line_amount IS NOT NULL THEN found_price END AS told_price,
        CASE WHEN rule = 'power_factor' THEN CASE WHEN pf_percent <> 0 AND base > 0
                THEN round_money(CAST(base AS DECIMAL(18, 2)) * pf_percent * 0.01) END
            ELSE line_amount END AS told_amount,
        -- What is known of the bill, for lines that only the bill has.
        max(kind) OVER of_bill AS bill_kind,
        bool_or(stands) OVER of_bill AS bill_stands,
        max(customer_id) OVER of_bill AS bill_customer_id,
        max(bill_month) OVER of_bill AS month_of_issue,
        max(period_end) OVER of_bill AS bill_period_end,
        bool_or(by_period) OVER of_bill AS bill_by_period,
        max(billed_tariff_version) OVER of_bill AS version_billed,
        max(tariff_version) OVER of_bill AS version_in_force,
        max(tariff_code) OVER of_bill AS class_in_force,
        max(price_band) OVER of_bill AS band_in_force,
        max(demand_mode) OVER of_bill AS mode_in_force,
        max(multiplier) OVER of_bill AS bill_multiplier,
        max(energy_kwh) OVER of_bill AS bill_energy_kwh,
        max(estimated_energy_kwh) OVER of_bill AS bill_estimated_energy_kwh,
        max(pf_percent) OVER of_bill AS bill_pf_percent,
        max(billed_pf_percent) OVER of_bill AS assumed_pf_percent,
        bool_or(is_recomputable) OVER of_bill AS bill_is_recomputable
    FROM based
    WINDOW of_bill AS (PARTITION BY bill_id)
)
SELECT bill_id, bill_kind AS kind, bill_stands AS stands, bill_customer_id AS customer_id,
    month_of_issue AS bill_month, bill_period_end AS period_end, component, tou,
    billed_quantity, billed_price, billed_amount,
    CAST(told_quantity AS DECIMAL(18, 4)) AS quantity,
    CAST(told_price AS DECIMAL(12, 8)) AS price,
    CAST(told_amount AS DECIMAL(18, 2)) AS amount,
    CASE WHEN rule = 'tou' THEN value END AS tou_factor, fixed_price, bill_by_period AS by_period,
    version_billed AS billed_tariff_version, version_in_force AS tariff_version,
    class_in_force AS tariff_code, band_in_force AS price_band, mode_in_force AS demand_mode,
    bill_multiplier AS multiplier, bill_energy_kwh AS energy_kwh,
    bill_estimated_energy_kwh AS estimated_energy_kwh, without_excess, bill_pf_percent AS pf_percent,
    assumed_pf_percent AS billed_pf_percent, bill_is_recomputable AS is_recomputable
FROM told
WHERE component IS NOT NULL AND bill_kind IS NOT NULL
    AND (billed_amount IS NOT NULL OR told_amount IS NOT NULL)
