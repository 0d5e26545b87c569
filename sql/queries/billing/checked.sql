-- Question: is each line of a bill, standing or withdrawn, what it should be, and if not, why?
-- 问题:     账单（有效的和已作废的）每一行是否正确，错在哪里？
-- Grain:    one row a bill, component and TOU period, of those billed and those that should have been.
-- Units:    as in billing.recomputed; difference_amount in currency, positive where too much was charged.
-- Month:    consumption; bill_month is that of issue (应收年月).
--
-- reason is empty where the line is right; else the first that fits:
--
--   unknown_customer, no_price, missing_read   not recomputable: no class, no price for it, no reads at
--                        the ends of the period; difference_amount is NULL
--   no_lines             the bill came without lines, and its amount is not what they add up to
--   wrong_price_version  the price of another version of the tariff, or another version on the bill
--   wrong_class          the price of another class in the same band
--   wrong_voltage_band   the price of the same class in another band
--   wrong_price          a price of none of these
--   wrong_multiplier     the energy without the multiplier, or with it twice
--   estimated_read       the energy by a register that was estimated then and has been read since
--   wrong_tou            all the energy, in other periods, or not by period at all
--   wrong_energy         another energy than the registers counted
--   wrong_step           other kWh in a step than the year so far leaves in it
--   contract_excess      the demand or the contract, without what the demand exceeds the contract by
--   wrong_demand, wrong_capacity   another basic quantity
--   power_factor         another percentage than the power factor gives
--   power_factor_base    the right percentage of something else
--   missing_line, extra_line   a line that should be, or should not
--   rounding             quantity and price are right, the amount is one cent off
--   wrong_amount         quantity and price are right, the amount is more than that off
--
-- A power-factor line follows the others: where it is what it would be at the energy billed, or the right
-- percentage of lines that are wrong, its reason is that of the line that differs most.
--
-- Column:   bill_id | bill | 账单编号
-- Column:   kind | ORIGINAL or REBILL | 账单类型
-- Column:   stands | neither cancelled nor replaced | 是否有效
-- Column:   customer_id | customer | 用户编号
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   component | energy, step_N, basic, fund_NAME, power_factor; total without lines | 电费项目
-- Column:   tou | TOU period of energy, total without | 时段
-- Column:   reason | why it differs, empty where it does not | 差错原因
-- Column:   billed_quantity | quantity as billed | 账单数量
-- Column:   billed_price | price as billed | 账单单价
-- Column:   billed_amount | amount as billed | 账单金额
-- Column:   recomputed_quantity | quantity as it should be | 复算数量
-- Column:   recomputed_price | price as it should be | 复算单价
-- Column:   recomputed_amount | amount as it should be | 复算金额
-- Column:   difference_amount | billed less recomputed | 差额
WITH lines AS (
    SELECT *,
        CASE WHEN is_recomputable THEN CAST(coalesce(billed_amount, 0) - coalesce(amount, 0) AS DECIMAL(18, 2)) END
            AS difference_amount,
        sum(coalesce(billed_amount, 0) - coalesce(amount, 0)) OVER of_bill AS bill_difference,
        coalesce(bool_and(component = 'total') FILTER (WHERE billed_amount IS NOT NULL) OVER of_bill, false)
            AS without_lines,
        sum(CASE WHEN component = 'energy' THEN billed_quantity END) OVER of_bill AS billed_kwh,
        sum(CASE WHEN component = 'energy' THEN quantity END) OVER of_bill AS counted_kwh,
        -- The energy price that the billed one is made of, to look for in the tariffs.
        CASE WHEN component = 'energy' AND billed_price <> price THEN
            CASE WHEN by_period THEN round_price(
                    CAST(billed_price - fixed_price AS DECIMAL(30, 16)) / tou_factor + fixed_price)
                ELSE billed_price END END AS base_price
    FROM billing.reckoning
    WINDOW of_bill AS (PARTITION BY bill_id)
), summed AS (
    SELECT *,
        CASE
            WHEN billed_kwh = counted_kwh THEN NULL
            WHEN multiplier <> 1 AND (billed_kwh * multiplier = counted_kwh OR billed_kwh = counted_kwh * multiplier)
                THEN 'wrong_multiplier'
            WHEN billed_kwh = estimated_energy_kwh THEN 'estimated_read'
            WHEN billed_kwh IS NOT NULL AND counted_kwh IS NOT NULL THEN 'wrong_energy'
        END AS energy_reason
    FROM lines
), likened AS (
    SELECT summed.*, row_number() OVER (
            PARTITION BY bill_id, component, tou
            ORDER BY CASE
                WHEN tariffs.tariff_code = summed.tariff_code AND tariffs.price_band = summed.price_band THEN 1
                WHEN tariffs.price_band = summed.price_band AND tariffs.valid_from <= summed.period_end
                    AND (tariffs.valid_to IS NULL OR tariffs.valid_to > summed.period_end) THEN 2
                WHEN tariffs.tariff_code = summed.tariff_code AND tariffs.valid_from <= summed.period_end
                    AND (tariffs.valid_to IS NULL OR tariffs.valid_to > summed.period_end) THEN 3
                ELSE 4 END) AS likeness,
        CASE
            WHEN tariffs.tariff_code IS NULL THEN NULL
            WHEN tariffs.tariff_code = summed.tariff_code AND tariffs.price_band = summed.price_band
                THEN 'wrong_price_version'
            WHEN tariffs.valid_from > summed.period_end OR tariffs.valid_to <= summed.period_end THEN NULL
            WHEN tariffs.price_band = summed.price_band THEN 'wrong_class'
            WHEN tariffs.tariff_code = summed.tariff_code THEN 'wrong_voltage_band'
        END AS price_reason
    FROM summed
    LEFT JOIN tariffs ON tariffs.energy_price_per_kwh = summed.base_price
), reasoned AS (
    SELECT *,
        CASE
            WHEN NOT is_recomputable THEN CASE WHEN tariff_code IS NULL THEN 'unknown_customer'
                WHEN tariff_version IS NULL THEN 'no_price' ELSE 'missing_read' END
            WHEN without_lines THEN CASE WHEN bill_difference <> 0 THEN 'no_lines' END
            WHEN billed_quantity = quantity AND billed_price = price AND billed_amount = amount THEN NULL
            WHEN component = 'power_factor' THEN NULL
            WHEN billed_amount IS NULL OR amount IS NULL THEN CASE
                -- A period's line alone, the others as they should be.
                WHEN component = 'energy' AND counted_kwh - billed_kwh = coalesce(quantity, -billed_quantity)
                    THEN CASE WHEN amount IS NULL THEN 'extra_line' ELSE 'missing_line' END
                WHEN component = 'energy' AND billed_kwh IS NOT NULL AND counted_kwh IS NOT NULL
                    THEN coalesce(energy_reason, 'wrong_tou')
                WHEN component LIKE 'step%' THEN coalesce(energy_reason, 'wrong_step')
                WHEN amount IS NULL THEN 'extra_line' ELSE 'missing_line' END
            WHEN billed_price <> price THEN
                CASE WHEN billed_tariff_version <> tariff_version THEN 'wrong_price_version'
                    ELSE coalesce(price_reason, 'wrong_price') END
            WHEN billed_quantity <> quantity THEN CASE
                WHEN component = 'basic' THEN
                    CASE WHEN without_excess THEN 'contract_excess'
                        WHEN demand_mode = 'demand' THEN 'wrong_demand' ELSE 'wrong_capacity' END
                WHEN component LIKE 'step%' THEN coalesce(energy_reason, 'wrong_step')
                WHEN component = 'energy' AND by_period THEN coalesce(energy_reason, 'wrong_tou')
                ELSE coalesce(energy_reason, 'wrong_energy') END
            WHEN abs(difference_amount) <= 0.01 THEN 'rounding'
            ELSE 'wrong_amount'
        END AS own_reason
    FROM likened
    WHERE likeness = 1
), led AS (
    SELECT *, first_value(own_reason) OVER (
            PARTITION BY bill_id ORDER BY CASE WHEN own_reason IS NULL THEN 1 ELSE 0 END,
                abs(difference_amount) DESC, component, tou) AS leading_reason,
        round_price(coalesce(pf_percent, 0) * 0.01) AS pf_share,
        round_price(coalesce(billed_pf_percent, 0) * 0.01) AS assumed_pf_share
    FROM reasoned
), told AS (
    SELECT *,
        CASE
            WHEN own_reason IS NOT NULL OR component <> 'power_factor' OR without_lines THEN own_reason
            WHEN billed_quantity = quantity AND billed_price = price AND billed_amount = amount THEN NULL
            WHEN billed_quantity = quantity AND billed_price = price THEN
                CASE WHEN abs(difference_amount) <= 0.01 THEN 'rounding' ELSE 'wrong_amount' END
            WHEN energy_reason IS NOT NULL AND coalesce(billed_price, 0) = assumed_pf_share THEN leading_reason
            WHEN coalesce(billed_price, 0) = pf_share THEN coalesce(leading_reason, 'power_factor_base')
            WHEN billed_amount IS NULL THEN 'missing_line'
            WHEN amount IS NULL AND pf_percent IS NULL THEN 'extra_line'
            ELSE 'power_factor'
        END AS reason
    FROM led
)
SELECT bill_id, kind, stands, customer_id, bill_month, component, tou, reason,
    billed_quantity, billed_price, billed_amount,
    quantity AS recomputed_quantity, price AS recomputed_price, amount AS recomputed_amount, difference_amount
FROM told
