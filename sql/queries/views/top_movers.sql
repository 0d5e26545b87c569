-- Question: whose consumption moved most from one ISO week to the next?
-- 问题:     本周比上周哪些客户用电变动最大？
-- Grain:    one row an ISO week and customer, the twenty greatest changes of each week.
-- Units:    kWh; change_share is the change over the week before, NULL where that was zero.
-- Month:    consumption.
-- Column:   week | ISO week, such as 2026-W47 | 周次
-- Column:   week_start | Monday of the week | 周起始日
-- Column:   rank | rank by the size of the change | 排名
-- Column:   customer_id | customer | 客户编号
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   energy_kwh | energy sold, kWh | 售电量
-- Column:   previous_energy_kwh | energy sold the week before, kWh | 上周售电量
-- Column:   change_kwh | change, kWh | 电量变动
-- Column:   change_share | change over the week before | 变动率
WITH weekly AS (
    SELECT week_start(day) AS week_start, customer_id, sum(energy_kwh) AS energy_kwh
    FROM consumption_daily WHERE customer_id <> ''
    GROUP BY 1, 2
), compared AS (
    SELECT this.week_start, this.customer_id, this.energy_kwh, before.energy_kwh AS previous_energy_kwh,
        this.energy_kwh - before.energy_kwh AS change_kwh
    FROM weekly AS this
    JOIN weekly AS before ON before.customer_id = this.customer_id
        AND before.week_start = CAST(this.week_start - INTERVAL '7 days' AS DATE)
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY week_start ORDER BY abs(change_kwh) DESC, customer_id) AS rank
    FROM compared
)
SELECT iso_week(ranked.week_start) AS week, ranked.week_start, ranked.rank, ranked.customer_id,
    class.tariff_code, class.industry_code, class.region_code,
    CAST(ranked.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(ranked.previous_energy_kwh AS DECIMAL(28, 4)) AS previous_energy_kwh,
    CAST(ranked.change_kwh AS DECIMAL(28, 4)) AS change_kwh,
    CAST(ranked.change_kwh / nullif(ranked.previous_energy_kwh, 0) AS DECIMAL(18, 6)) AS change_share
FROM ranked
LEFT JOIN customers_by_day AS class ON class.customer_id = ranked.customer_id
    AND ranked.week_start >= class.first_day AND ranked.week_start <= class.last_day
WHERE ranked.rank <= 20
