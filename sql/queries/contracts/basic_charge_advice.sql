-- Question: would a customer on a two-part tariff pay less by capacity or by demand, and by which contracted
--           demand (容量、需量选择)?
-- 问题:     两部制用户按容量还是按需量交基本电费更省，合同需量多少最合适？
-- Grain:    one row a customer whose tariff has both prices, with at least one whole month in the last
--           month_count (12).
-- Units:    currency over the months compared; kW, kVA.
-- Month:    consumption, whole months only, at the prices and the capacity of today.
--
-- By capacity is kVA × price a month. By demand is the contracted demand × price, or where the month's
-- highest is above that times the limit of the class, what tariff_rules say of the excess (demand: limit,
-- over_maximum, over_contract). best_contract_kw is the whole kW that would have cost the least; looking
-- back, it knows what a customer cannot, and no lower bound that a tariff may set is in it. advice names
-- another mode or contract if that saves min_saving_share. Both numbers are limits of this view.
-- Column:   customer_id | customer | 用户编号
-- Column:   region_code | region | 区域
-- Column:   demand_mode | basic charge by capacity or demand | 基本电费方式
-- Column:   capacity_kva | contracted capacity | 合同容量
-- Column:   contract_kw | contracted demand | 合同需量
-- Column:   month_count | whole months compared | 比较月数
-- Column:   max_kw | highest of them | 最大需量
-- Column:   capacity_amount | basic charge by capacity | 按容量基本电费
-- Column:   demand_amount | by the contracted demand; NULL without one | 按现合同需量基本电费
-- Column:   best_contract_kw | demand that would have cost the least | 最优合同需量
-- Column:   best_demand_amount | basic charge by that | 按最优需量基本电费
-- Column:   present_amount | by the present mode; NULL where it is not known | 现行基本电费
-- Column:   saving_amount | present less the least | 可节约金额
-- Column:   advice | keep, to_capacity, to_demand or change_contract; NULL where the mode is not known | 建议
WITH terms AS (
    SELECT settlement_day(lake_time.as_of) AS today,
        CAST(max(limits.value) FILTER (WHERE limits.parameter = 'month_count') AS INT) AS month_count,
        max(limits.value) FILTER (WHERE limits.parameter = 'min_saving_share') AS min_saving_share
    FROM lake_time
    LEFT JOIN limits_by_day AS limits ON limits.view_name = 'contracts.basic_charge_advice'
        AND settlement_day(lake_time.as_of) >= limits.first_day AND settlement_day(lake_time.as_of) <= limits.last_day
    GROUP BY lake_time.as_of
), excess AS (
    SELECT rules.tariff_code,
        max(rules.value) FILTER (WHERE rules.item = 'limit') AS demand_limit,
        max(rules.value) FILTER (WHERE rules.item = 'over_maximum') AS over_maximum,
        max(rules.value) FILTER (WHERE rules.item = 'over_contract') AS over_contract
    FROM billing.rules AS rules
    CROSS JOIN terms
    WHERE rules.rule = 'demand' AND terms.today >= rules.first_day AND terms.today <= rules.last_day
    GROUP BY rules.tariff_code
), priced AS (
    SELECT customer.customer_id, customer.region_code, customer.demand_mode, customer.capacity_kva,
        customer.contract_kw, price.capacity_price_per_kva, price.demand_price_per_kw,
        excess.demand_limit, excess.over_maximum, excess.over_contract
    FROM customers_current AS customer
    CROSS JOIN terms
    JOIN tariff_prices AS price ON price.tariff_code = customer.tariff_code
        AND price.voltage_code = customer.voltage_code
        AND terms.today >= price.first_day AND terms.today <= price.last_day
    LEFT JOIN excess ON excess.tariff_code = customer.tariff_code
    WHERE customer.status = 'active' AND customer.capacity_kva > 0
        AND price.capacity_price_per_kva IS NOT NULL AND price.demand_price_per_kw IS NOT NULL
), months AS (
    SELECT demand.customer_id, demand.month, demand.max_kw, priced.contract_kw, priced.demand_limit,
        priced.over_maximum, priced.over_contract
    FROM contracts.demand_monthly AS demand
    JOIN priced ON priced.customer_id = demand.customer_id
    CROSS JOIN terms
    WHERE demand.day_count = CAST(CAST(demand.month + INTERVAL '1 month' AS DATE) - demand.month AS BIGINT)
        AND 12 * (date_part('year', terms.today) - date_part('year', demand.month))
            + date_part('month', terms.today) - date_part('month', demand.month) <= terms.month_count
), offered AS (
    SELECT DISTINCT customer_id, CAST(ceil(CAST(max_kw AS DOUBLE) / CAST(demand_limit AS DOUBLE)) AS BIGINT) AS kw
    FROM months
    UNION
    SELECT DISTINCT customer_id, CAST(floor(CAST(max_kw AS DOUBLE) / CAST(demand_limit AS DOUBLE)) AS BIGINT)
    FROM months
), costs AS (
    SELECT offered.customer_id, offered.kw,
        sum(CAST(CASE WHEN months.max_kw <= offered.kw * months.demand_limit THEN offered.kw
            ELSE coalesce(offered.kw + months.over_contract * (months.max_kw - offered.kw * months.demand_limit),
                months.max_kw + months.over_maximum * (months.max_kw - offered.kw * months.demand_limit)) END
            AS DECIMAL(18, 4))) AS charged_kw
    FROM offered
    JOIN months ON months.customer_id = offered.customer_id
    GROUP BY offered.customer_id, offered.kw
), best AS (
    SELECT customer_id, kw, charged_kw,
        row_number() OVER (PARTITION BY customer_id ORDER BY charged_kw, kw) AS place
    FROM costs
), summed AS (
    SELECT customer_id, count(*) AS month_count, max(max_kw) AS max_kw,
        sum(CAST(CASE WHEN max_kw <= contract_kw * demand_limit THEN contract_kw
            ELSE coalesce(contract_kw + over_contract * (max_kw - contract_kw * demand_limit),
                max_kw + over_maximum * (max_kw - contract_kw * demand_limit)) END AS DECIMAL(18, 4))) AS charged_kw
    FROM months
    GROUP BY customer_id
), told AS (
    SELECT priced.*, summed.month_count, summed.max_kw, best.kw,
        CAST(priced.capacity_kva * priced.capacity_price_per_kva * summed.month_count AS DECIMAL(18, 2))
            AS capacity_amount,
        CAST(CASE WHEN priced.contract_kw > 0 THEN summed.charged_kw * priced.demand_price_per_kw END
            AS DECIMAL(18, 2)) AS demand_amount,
        CAST(best.charged_kw * priced.demand_price_per_kw AS DECIMAL(18, 2)) AS best_demand_amount
    FROM priced
    JOIN summed ON summed.customer_id = priced.customer_id
    JOIN best ON best.customer_id = priced.customer_id AND best.place = 1
), compared AS (
    SELECT *, CASE demand_mode WHEN 'capacity' THEN capacity_amount WHEN 'demand' THEN demand_amount END
            AS present_amount,
        least(capacity_amount, best_demand_amount) AS least_amount
    FROM told
)
SELECT customer_id, region_code, demand_mode, capacity_kva, contract_kw, compared.month_count, max_kw, capacity_amount,
    demand_amount, CAST(kw AS DECIMAL(18, 4)) AS best_contract_kw, best_demand_amount, present_amount,
    CAST(present_amount - least_amount AS DECIMAL(18, 2)) AS saving_amount,
    CASE
        WHEN present_amount IS NULL THEN NULL
        WHEN present_amount - least_amount < present_amount * terms.min_saving_share THEN 'keep'
        WHEN demand_mode = 'capacity' THEN 'to_demand'
        WHEN capacity_amount <= best_demand_amount THEN 'to_capacity'
        ELSE 'change_contract'
    END AS advice
FROM compared
CROSS JOIN terms
