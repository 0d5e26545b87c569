-- Question: whose consumption rose and fell most from one month to the next?
-- 问题:     逐月用电增减最大的客户是谁？
-- Grain:    one row a month, direction and customer, the twenty greatest rises and falls of each month.
-- Units:    kWh; change_kwh_per_day in kWh per day; change_share relative to the month before, NULL where
--           that was zero.
-- Month:    consumption.
--
-- Compared is the average of the days that the customer has reads of, so that a shorter month or one
-- under way is no fall. Classes are those of the customer's last day with reads in the month. The
-- public view top_movers does the same from week to week.
-- Column:   month | month of consumption, its first day | 用电年月
-- Column:   direction | up or down | 增减方向
-- Column:   rank | rank by the change per day | 排名
-- Column:   customer_id | customer | 客户编号
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   energy_kwh | energy sold, kWh | 售电量
-- Column:   day_count | days with reads | 有数天数
-- Column:   previous_energy_kwh | energy sold the month before, kWh | 上月售电量
-- Column:   previous_day_count | days with reads the month before | 上月有数天数
-- Column:   change_kwh_per_day | change of the daily average, kWh per day | 日均电量变动
-- Column:   change_share | change over the month before | 变动率
WITH monthly AS (
    SELECT CAST(date_trunc('month', day) AS DATE) AS month, customer_id,
        sum(energy_kwh) AS energy_kwh, count(*) AS day_count, max(day) AS last_day
    FROM consumption_daily WHERE customer_id <> ''
    GROUP BY CAST(date_trunc('month', day) AS DATE), customer_id
), compared AS (
    SELECT *,
        sum(energy_kwh) OVER month_before AS previous_energy_kwh,
        sum(day_count) OVER month_before AS previous_day_count
    FROM monthly
    WINDOW month_before AS (PARTITION BY customer_id ORDER BY month
        RANGE BETWEEN INTERVAL '1 month' PRECEDING AND INTERVAL '1 month' PRECEDING)
), moved AS (
    SELECT *,
        CAST(energy_kwh / day_count - previous_energy_kwh / previous_day_count AS DECIMAL(28, 4)) AS change_kwh_per_day,
        CAST(previous_energy_kwh / previous_day_count AS DECIMAL(28, 4)) AS previous_kwh_per_day
    FROM compared WHERE previous_day_count IS NOT NULL
), ranked AS (
    SELECT *, CASE WHEN change_kwh_per_day > 0 THEN 'up' ELSE 'down' END AS direction,
        row_number() OVER (
            PARTITION BY month, change_kwh_per_day > 0 ORDER BY abs(change_kwh_per_day) DESC, customer_id
        ) AS rank
    FROM moved WHERE change_kwh_per_day <> 0
)
SELECT ranked.month, ranked.direction, CAST(ranked.rank AS BIGINT) AS rank, ranked.customer_id,
    class.tariff_code, class.industry_code, class.region_code,
    CAST(ranked.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh, ranked.day_count,
    CAST(ranked.previous_energy_kwh AS DECIMAL(28, 4)) AS previous_energy_kwh,
    CAST(ranked.previous_day_count AS BIGINT) AS previous_day_count,
    ranked.change_kwh_per_day,
    CAST(ranked.change_kwh_per_day / nullif(ranked.previous_kwh_per_day, 0) AS DECIMAL(18, 6)) AS change_share
FROM ranked
LEFT JOIN customers_by_day AS class ON class.customer_id = ranked.customer_id
    AND ranked.last_day >= class.first_day AND ranked.last_day <= class.last_day
WHERE ranked.rank <= 20
