-- Question: who are the greatest customers of each month, and how much of the sales hangs on them?
-- 问题:     各月用电最大的客户是谁，售电集中度如何？
-- Grain:    one row a month and customer, the hundred greatest by energy of each month.
-- Units:    kWh; revenue in currency; average_price in currency per kWh; shares 0 to 1.
-- Month:    consumption; revenue is provisional, see sales_daily. Classes are those of the customer's
--           last day with reads in the month.
-- Column:   month | month of consumption, its first day | 用电年月
-- Column:   rank | rank by energy | 排名
-- Column:   customer_id | customer | 客户编号
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   energy_kwh | energy sold, kWh | 售电量
-- Column:   revenue | provisional revenue, currency | 售电收入（未发行估计）
-- Column:   average_price | average price, currency per kWh | 平均售电价
-- Column:   energy_share | share of all energy sold | 电量比重
-- Column:   cumulative_energy_share | share of this customer and all greater ones | 累计电量比重
-- Column:   revenue_share | share of all revenue | 收入比重
WITH monthly AS (
    SELECT CAST(date_trunc('month', day) AS DATE) AS month, customer_id, max(day) AS last_day,
        sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue,
        sum(energy_kwh) FILTER (WHERE revenue IS NOT NULL) AS priced_energy_kwh
    FROM consumption_daily
    GROUP BY CAST(date_trunc('month', day) AS DATE), customer_id
), shared AS (
    SELECT *,
        sum(energy_kwh) OVER (PARTITION BY month) AS all_energy_kwh,
        sum(revenue) OVER (PARTITION BY month) AS all_revenue
    FROM monthly
), ranked AS (
    SELECT *,
        row_number() OVER greatest_first AS rank,
        sum(energy_kwh) OVER greatest_first AS cumulative_energy_kwh
    FROM shared
    WHERE customer_id <> ''
    WINDOW greatest_first AS (PARTITION BY month ORDER BY energy_kwh DESC, customer_id ROWS UNBOUNDED PRECEDING)
)
SELECT ranked.month, CAST(ranked.rank AS BIGINT) AS rank, ranked.customer_id,
    class.tariff_code, class.industry_code, class.region_code,
    CAST(ranked.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(ranked.revenue AS DECIMAL(28, 2)) AS revenue,
    CAST(ranked.revenue / nullif(ranked.priced_energy_kwh, 0) AS DECIMAL(18, 6)) AS average_price,
    CAST(ranked.energy_kwh / nullif(ranked.all_energy_kwh, 0) AS DECIMAL(9, 6)) AS energy_share,
    CAST(ranked.cumulative_energy_kwh / nullif(ranked.all_energy_kwh, 0) AS DECIMAL(9, 6)) AS cumulative_energy_share,
    CAST(ranked.revenue / nullif(ranked.all_revenue, 0) AS DECIMAL(9, 6)) AS revenue_share
FROM ranked
LEFT JOIN customers_by_day AS class ON class.customer_id = ranked.customer_id
    AND ranked.last_day >= class.first_day AND ranked.last_day <= class.last_day
WHERE ranked.rank <= 100
