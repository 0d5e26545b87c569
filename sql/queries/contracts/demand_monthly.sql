-- Question: what was the highest demand of each customer in a month, and is it beyond the contract (超容)?
-- 问题:     每户每月最大需量多少，是否超容、超需量？
-- Grain:    one row a customer with a capacity and calendar month (its first day) that has import reads.
-- Units:    kW, kVA, kWh; use_of_capacity in kW to a kVA, other rates 0 to 1.
-- Month:    consumption; classes and contract are those of the last day of the month with reads.
--
-- Demand is the mean of one interval as read, so that short intervals tell more than long ones; reads of
-- clocks that were off are left out (demand_reads). excess_kw is what is beyond the contracted
-- demand times the limit of the class (tariff_rules: demand, limit), which the tariff charges more for.
-- Column:   customer_id | customer | 用户编号
-- Column:   month | its first day | 月份
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   region_code | region | 区域
-- Column:   demand_mode | basic charge by capacity or demand | 基本电费方式
-- Column:   capacity_kva | contracted capacity | 合同容量
-- Column:   contract_kw | contracted demand | 合同需量
-- Column:   day_count | days with reads | 有数天数
-- Column:   energy_kwh | import | 用电量
-- Column:   max_kw | highest demand | 最大需量
-- Column:   max_at | end of its interval, UTC | 最大需量时刻
-- Column:   load_factor | mean of the days with reads over the highest | 负荷率
-- Column:   use_of_capacity | highest demand over capacity | 容量利用率
-- Column:   over_capacity | beyond the capacity at any power factor | 超容
-- Column:   over_contract | beyond the contracted demand; NULL without one | 超需量
-- Column:   excess_kw | beyond it times the limit of the class | 超需量值
WITH days AS (
    SELECT meter_id, day, sum(energy_kwh) AS energy_kwh, max(demand_kw) AS max_kw,
        first_value(read_at ORDER BY demand_kw DESC, read_at) AS max_at
    FROM demand_reads
    WHERE channel = 'import'
    GROUP BY meter_id, day
), months AS (
    SELECT holder.customer_id, CAST(date_trunc('month', days.day) AS DATE) AS month,
        count(DISTINCT days.day) AS day_count, max(days.day) AS last_day, sum(days.energy_kwh) AS energy_kwh,
        max(days.max_kw) AS max_kw, first_value(days.max_at ORDER BY days.max_kw DESC, days.max_at) AS max_at
    FROM meters_by_day AS holder
    RIGHT JOIN days ON days.meter_id = holder.meter_id
        AND days.day >= holder.first_day AND days.day <= holder.last_day
    WHERE holder.customer_id IS NOT NULL
    GROUP BY 1, 2
), classed AS (
    SELECT months.*, class.tariff_code, class.region_code, class.demand_mode, class.capacity_kva, class.contract_kw,
        rules.value AS demand_limit,
        row_number() OVER (PARTITION BY months.customer_id, months.month ORDER BY class.valid_from DESC) AS age
    FROM months
    JOIN customers_history AS class ON class.customer_id = months.customer_id
        AND class.valid_from < day_start(CAST(months.last_day + INTERVAL '1 day' AS DATE))
    LEFT JOIN billing.rules AS rules ON rules.tariff_code = class.tariff_code AND rules.rule = 'demand'
        AND rules.item = 'limit' AND months.last_day >= rules.first_day AND months.last_day <= rules.last_day
)
SELECT customer_id, month, tariff_code, region_code, demand_mode, capacity_kva, contract_kw, day_count,
    CAST(energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(max_kw AS DECIMAL(18, 4)) AS max_kw, max_at,
    CAST(energy_kwh / nullif(24 * day_count * max_kw, 0) AS DECIMAL(9, 6)) AS load_factor,
    CAST(max_kw / capacity_kva AS DECIMAL(12, 6)) AS use_of_capacity,
    max_kw > capacity_kva AS over_capacity,
    max_kw > contract_kw AS over_contract,
    CAST(CASE WHEN contract_kw > 0 THEN greatest(max_kw - contract_kw * demand_limit, 0) END AS DECIMAL(18, 4)) AS excess_kw
FROM classed
WHERE age = 1 AND capacity_kva > 0
