-- Question: which class was a customer settled in on a day?
-- 问题:     客户在某日按哪一类别结算？
-- Grain:    one row a customer and run of settlement days, first_day to last_day inclusive.
-- Units:    days.
-- Month:    consumption.
--
-- A day is settled in the state that was last in force on it: a change at noon
-- counts for the whole day, and a customer who left at noon keeps that day.
-- Column:   customer_id | customer | 客户编号
-- Column:   first_day | first day, included | 起始日期
-- Column:   last_day | last day, included | 截止日期
-- Column:   meter_id | meter it is read by | 电能表编号
-- Column:   status | state of the customer | 客户状态
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   area_id | transformer area | 台区编号
-- Column:   feeder_id | feeder | 线路编号
-- Column:   service_type | full service, or delivery alone | 供电服务类型
SELECT customer_id, first_day, last_day, meter_id, status,
    voltage_code, tariff_code, usage_code, industry_code, region_code, area_id, feeder_id, service_type
FROM (
    SELECT *,
        least(
            coalesce(settlement_day(valid_to - INTERVAL '1 microsecond'), DATE '9999-12-31'),
            coalesce(
                CAST(lead(settlement_day(valid_from)) OVER (PARTITION BY customer_id ORDER BY valid_from)
                    - INTERVAL '1 day' AS DATE),
                DATE '9999-12-31')
        ) AS last_day,
        settlement_day(valid_from) AS first_day
    FROM customers_history
)
WHERE first_day <= last_day
