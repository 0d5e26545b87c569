-- Question: what was sold on each day, by the five axes?
-- 问题:     每天按五个维度售电多少？
-- Grain:    one row a settlement day and combination of the five axes; energy only delivered, for another
--           seller, apart (service_type).
-- Units:    kWh; revenue in currency; average_price in currency per kWh, NULL where no energy has a price.
-- Month:    consumption. Revenue is provisional (未发行): metered kWh × the price of the class valid
--           on the day; bills correct it when they are issued.
-- Column:   day | settlement day | 结算日
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   service_type | full service, or delivery alone | 供电服务类型
-- Column:   energy_kwh | energy sold, kWh | 售电量
-- Column:   revenue | provisional revenue, currency | 售电收入（未发行估计）
-- Column:   priced_energy_kwh | energy sold that has a price, kWh | 计价电量
-- Column:   average_price | average price, currency per kWh | 平均售电价
-- Column:   customer_count | customers with reads | 用电户数
SELECT day,
    voltage_code, tariff_code, usage_code, industry_code, region_code, service_type,
    energy_kwh, revenue, priced_energy_kwh,
    CAST(revenue / nullif(priced_energy_kwh, 0) AS DECIMAL(18, 6)) AS average_price,
    customer_count
FROM consumption_by_axes
