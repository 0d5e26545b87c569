-- Question: what was issued on bills in each month, by the five axes: energy sold, energy only delivered, amounts?
-- 问题:     各应收年月按五个维度发行售电多少、代输多少、电费多少？
-- Grain:    one row a month of issue (its first day) and combination of the five axes.
-- Units:    kWh; amounts in currency; average_price in currency per kWh, NULL where nothing was sold.
-- Month:    issue (应收年月), bills that stand, adjustments in the month of their bill.
--
-- Where one supplier sells and another delivers, both issue a bill for the same kWh. So the kWh of
-- customers whose service_type is delivery are no sale and stand apart, while what they pay is as much
-- revenue as the rest: amount is both, and average_price that of the energy sold alone. The class is
-- that of the bill's last day, or the last that the customer had in its period.
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   energy_kwh | energy sold, kWh, what is only delivered left out | 发行售电量
-- Column:   delivered_energy_kwh | energy only delivered, kWh | 代输电量
-- Column:   amount | amount issued, currency, delivery included | 应收电费
-- Column:   delivery_amount | of it for energy only delivered, currency | 其中代输电费
-- Column:   average_price | average price of the energy sold, currency per kWh | 平均售电价
-- Column:   bill_count | bills | 账单数
-- Column:   customer_count | customers billed | 发行户数
WITH classed AS (
    SELECT bills.bill_month, bills.customer_id, bills.energy_kwh, bills.amount,
        class.voltage_code, class.tariff_code, class.usage_code, class.industry_code, class.region_code,
        coalesce(class.service_type = 'delivery', false) AS only_delivered,
        row_number() OVER (PARTITION BY bills.bill_id ORDER BY class.last_day DESC) AS age
    FROM bills_current AS bills
    LEFT JOIN customers_by_day AS class ON class.customer_id = bills.customer_id
        AND class.first_day <= bills.period_end AND class.last_day >= bills.period_start
), issued AS (
    SELECT bill_month, voltage_code, tariff_code, usage_code, industry_code, region_code,
        coalesce(sum(energy_kwh) FILTER (WHERE NOT only_delivered), 0) AS energy_kwh,
        coalesce(sum(energy_kwh) FILTER (WHERE only_delivered), 0) AS delivered_energy_kwh,
        sum(amount) AS amount,
        coalesce(sum(amount) FILTER (WHERE only_delivered), 0) AS delivery_amount,
        count(*) AS bill_count, count(DISTINCT customer_id) AS customer_count
    FROM classed WHERE age = 1
    GROUP BY bill_month, voltage_code, tariff_code, usage_code, industry_code, region_code
)
SELECT bill_month, voltage_code, tariff_code, usage_code, industry_code, region_code,
    CAST(energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(delivered_energy_kwh AS DECIMAL(28, 4)) AS delivered_energy_kwh,
    CAST(amount AS DECIMAL(28, 2)) AS amount,
    CAST(delivery_amount AS DECIMAL(28, 2)) AS delivery_amount,
    CAST((amount - delivery_amount) / nullif(energy_kwh, 0) AS DECIMAL(18, 6)) AS average_price,
    bill_count, customer_count
FROM issued
