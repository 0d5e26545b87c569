-- Question: what was drawn in each month by the five axes, and what is it worth?
-- 问题:     每月按五个维度用电多少、值多少钱？
-- Grain:    one row a calendar month (its first day) and combination of the five axes that has
--           reads; energy that is only delivered, for another seller, has rows of its own (service_type).
-- Units:    kWh; revenue in currency; day_count counts days with reads, row_count the rows of
--           consumption_daily summed up.
-- Month:    consumption. Revenue is provisional (未发行), as in consumption_daily.
--
-- consumption_by_axes, summed over the days of each month. It need not be named: a query that tells
-- no day of a month from another is answered from here.
-- Column:   month | month of consumption, its first day | 用电月
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   service_type | full service, or delivery alone | 供电服务类型
-- Column:   energy_kwh | energy drawn, kWh | 用电量
-- Column:   revenue | provisional revenue, currency | 售电收入（未发行估计）
-- Column:   priced_energy_kwh | energy that has a price, kWh | 计价电量
-- Column:   day_count | days that have reads | 有数天数
-- Column:   row_count | rows of consumption_daily | 明细行数
-- Column:   interval_count | intervals read | 实采点数
-- Column:   expected_interval_count | intervals that should have been read | 应采点数
-- Column:   estimated_interval_count | intervals estimated | 估算点数
-- Column:   year | year of the month, its first day | 用电年
SELECT month, voltage_code, tariff_code, usage_code, industry_code, region_code, service_type,
    CAST(sum(energy_kwh) AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(sum(revenue) AS DECIMAL(28, 2)) AS revenue,
    CAST(sum(priced_energy_kwh) AS DECIMAL(28, 4)) AS priced_energy_kwh,
    count(*) AS day_count,
    sum(row_count) AS row_count,
    sum(interval_count) AS interval_count,
    sum(expected_interval_count) AS expected_interval_count,
    sum(estimated_interval_count) AS estimated_interval_count,
    CAST(date_trunc('year', month) AS DATE) AS year
FROM consumption_by_axes
GROUP BY month, voltage_code, tariff_code, usage_code, industry_code, region_code, service_type
