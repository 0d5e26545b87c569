-- Question: what was the system's load in each hour?
-- 问题:     各小时系统负荷是多少？
-- Grain:    one row an hour (its start, UTC) that has reads.
-- Units:    load_kw is the mean power of the hour, kWh in it divided by one hour.
-- Month:    consumption.
-- Column:   hour | start of the hour, UTC | 小时起点
-- Column:   day | settlement day | 结算日
-- Column:   load_kw | mean power of the hour, kW | 小时平均负荷
-- Column:   customer_count | meters that read in the hour | 有数表计数
SELECT hour, day,
    CAST(sum(energy_kwh) AS DECIMAL(28, 4)) AS load_kw,
    CAST(sum(customer_count) AS BIGINT) AS customer_count
FROM consumption_hourly
GROUP BY hour, day
