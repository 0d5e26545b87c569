-- Question: what was drawn on each day by the five axes, and what is it worth?
-- 问题:     每天按五个维度用电多少、值多少钱？
-- Grain:    one row a settlement day and combination of the five axes that has reads; energy that is
--           only delivered, for another seller, has rows of its own (service_type).
-- Units:    kWh; revenue in currency; customer_count counts customers, row_count the rows of
--           consumption_daily summed up: one more where reads belong to no customer.
-- Month:    consumption. Revenue is provisional (未发行), as in consumption_daily.
--
-- What consumption_daily holds by customer, summed over them. It need not be named: a query that
-- sums up consumption_daily by days and axes is answered from here.
-- Column:   day | settlement day | 结算日
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   service_type | full service, or delivery alone | 供电服务类型
-- Column:   energy_kwh | energy drawn, kWh | 用电量
-- Column:   revenue | provisional revenue, currency | 售电收入（未发行估计）
-- Column:   priced_energy_kwh | energy that has a price, kWh | 计价电量
-- Column:   customer_count | customers that have reads | 用电户数
-- Column:   row_count | rows of consumption_daily | 明细行数
-- Column:   interval_count | intervals read | 实采点数
-- Column:   expected_interval_count | intervals that should have been read | 应采点数
-- Column:   estimated_interval_count | intervals estimated | 估算点数
-- Column:   month | month of the day, its first day | 用电月
SELECT day, voltage_code, tariff_code, usage_code, industry_code, region_code, service_type,
    CAST(sum(energy_kwh) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sum(revenue) AS DECIMAL(28, 2)) AS revenue,
    CAST(sum(energy_kwh) FILTER (WHERE revenue IS NOT NULL) AS DECIMAL(28, 4)) AS priced_energy_kwh,
    count(*) FILTER (WHERE customer_id <> '') AS customer_count,
    count(*) AS row_count,
    sum(interval_count) AS interval_count,
    sum(expected_interval_count) AS expected_interval_count,
    sum(estimated_interval_count) AS estimated_interval_count,
    CAST(date_trunc('month', day) AS DATE) AS month
FROM consumption_daily
GROUP BY day, voltage_code, tariff_code, usage_code, industry_code, region_code, service_type
