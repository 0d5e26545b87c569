-- Question: what was sold in each day, week, month and year, by each axis and level of its roll-up?
-- 问题:     各日、周、月、年按各维度各层级售电多少？
-- Grain:    one row a period (day, ISO week, month, year), axis, level and code that something was sold
--           in; axis `total`, level 0, is everything. Every axis and level adds up to the same total.
-- Units:    kWh; revenue in currency; prices in currency per kWh; shares 0 to 1; changes relative, 0.05
--           is five in a hundred more.
-- Month:    consumption. Revenue is provisional (未发行): metered kWh × the price of the class valid
--           on the day; bills correct it when they are issued.
--
-- Level 1 is the top of an axis, the deepest level the
-- codes as customers carry them; one without depth left stands for itself. A NULL code is what has
-- no class. The period before is the same weekday a week earlier for a day, else the week, month or
-- year before; the year before is the same date for a day, 52 weeks earlier for a week. Changes are NULL
-- unless both periods are complete: every day of them has reads of somebody. Weeks count to the year
-- of their ISO week; a change to date is NULL unless no day of either year is missing up to then.
-- Customers are those of the last day with reads, who are in one class each: counts of every level
-- add up to the total.
-- Column:   period | period: day, week, month or year | 周期
-- Column:   first_day | first day of the period | 起始日期
-- Column:   last_day | last day of the period | 截止日期
-- Column:   day_count | days of the period that have reads | 有数天数
-- Column:   complete | whether every day of the period has reads | 是否完整
-- Column:   axis | axis: total, voltage, tariff, usage, industry or region | 维度
-- Column:   level | level of the roll-up, 1 the top, 0 the total | 层级
-- Column:   code | code on the axis at this level | 代码
-- Column:   parent_code | code above it | 上级代码
-- Column:   name_en | name of the code, English | 英文名称
-- Column:   name_zh | name of the code, Chinese | 中文名称
-- Column:   energy_kwh | energy sold, kWh | 售电量
-- Column:   delivered_energy_kwh | of it energy only delivered, for another seller, kWh | 其中代输电量
-- Column:   revenue | provisional revenue, currency | 售电收入（未发行估计）
-- Column:   priced_energy_kwh | energy sold that has a price, kWh | 计价电量
-- Column:   average_price | average price, currency per kWh | 平均售电价
-- Column:   customer_count | customers with reads on the last day of the period that has any | 期末用电户数
-- Column:   energy_share | share of all energy sold in the period | 电量比重
-- Column:   revenue_share | share of all revenue of the period | 收入比重
-- Column:   previous_energy_kwh | energy sold in the period before, kWh | 上期售电量
-- Column:   previous_revenue | revenue of the period before, currency | 上期售电收入
-- Column:   energy_change_share | change of energy on the period before | 电量环比
-- Column:   revenue_change_share | change of revenue on the period before | 收入环比
-- Column:   year_before_energy_kwh | energy sold in the period a year before, kWh | 去年同期售电量
-- Column:   year_before_revenue | revenue of the period a year before, currency | 去年同期售电收入
-- Column:   energy_year_change_share | change of energy on the year before | 电量同比
-- Column:   revenue_year_change_share | change of revenue on the year before | 收入同比
-- Column:   year_to_date_energy_kwh | energy sold since the year began, kWh | 本年累计售电量
-- Column:   year_to_date_revenue | revenue since the year began, currency | 本年累计售电收入
-- Column:   year_before_to_date_energy_kwh | energy sold to the same date of the year before, kWh | 去年同期累计售电量
-- Column:   year_before_to_date_revenue | revenue to the same date of the year before, currency | 去年同期累计售电收入
-- Column:   energy_to_date_change_share | change of energy to date on the year before | 累计电量同比
-- Column:   revenue_to_date_change_share | change of revenue to date on the year before | 累计收入同比
WITH days AS (
    SELECT day, unnest(['total', 'voltage', 'tariff', 'usage', 'industry', 'region']) AS axis,
        unnest([CAST(NULL AS VARCHAR), voltage_code, tariff_code, usage_code, industry_code, region_code]) AS code,
        energy_kwh, CASE WHEN service_type = 'delivery' THEN energy_kwh END AS delivered_energy_kwh,
        revenue, priced_energy_kwh, customer_count
    FROM consumption_by_axes
), held AS (
    SELECT day, axis, code, sum(energy_kwh) AS energy_kwh,
        sum(delivered_energy_kwh) AS delivered_energy_kwh, sum(revenue) AS revenue,
        sum(priced_energy_kwh) AS priced_energy_kwh, sum(customer_count) AS customer_count
    FROM days
    GROUP BY day, axis, code
), calendar AS (
    SELECT day, unnest(['day', 'week', 'month', 'year']) AS period,
        unnest([day, week_start(day), CAST(date_trunc('month', day) AS DATE), CAST(date_trunc('year', day) AS DATE)])
            AS first_day
    FROM (SELECT DISTINCT day FROM consumption_by_axes)
), read AS (
    SELECT period, first_day, count(*) AS day_count, max(day) AS last_read_day,
        CAST(CASE period
            WHEN 'day' THEN first_day
            WHEN 'week' THEN first_day + INTERVAL '6 days'
            WHEN 'month' THEN first_day + INTERVAL '1 month' - INTERVAL '1 day'
            ELSE first_day + INTERVAL '1 year' - INTERVAL '1 day' END AS DATE) AS last_day,
        CASE period WHEN 'week' THEN substr(iso_week(first_day), 1, 4)
            ELSE CAST(date_part('year', first_day) AS VARCHAR) END AS year
    FROM calendar
    GROUP BY period, first_day
), spans AS (
    SELECT *, day_count = CAST(last_day AS INT) - CAST(first_day AS INT) + 1 AS complete,
        sum(day_count) OVER (PARTITION BY period, year ORDER BY first_day) = CASE period
            WHEN 'week' THEN 7 * CAST(substr(iso_week(first_day), 7) AS BIGINT)
            ELSE CAST(last_day AS INT) - CAST(CAST(date_trunc('year', first_day) AS DATE) AS INT) + 1 END
            AS complete_to_date
    FROM read
), levels AS (
    SELECT axis, level FROM sales.axis_levels
    UNION
    -- Also where an axis has no list of codes.
    SELECT unnest(['total', 'voltage', 'tariff', 'usage', 'industry', 'region']) AS axis,
        unnest([0, 1, 1, 1, 1, 1]) AS level
), spread AS (
    SELECT calendar.period, calendar.first_day, held.axis, held.code,
        sum(held.energy_kwh) AS energy_kwh, sum(held.delivered_energy_kwh) AS delivered_energy_kwh,
        sum(held.revenue) AS revenue,
        sum(held.priced_energy_kwh) AS priced_energy_kwh,
        sum(held.customer_count) FILTER (WHERE held.day = spans.last_read_day) AS customer_count
    FROM held
    JOIN calendar ON calendar.day = held.day
    JOIN spans ON spans.period = calendar.period AND spans.first_day = calendar.first_day
    GROUP BY calendar.period, calendar.first_day, held.axis, held.code
), sold AS (
    SELECT spread.period, spread.first_day, spread.axis, levels.level, coalesce(place.node_code, spread.code) AS code,
        sum(spread.energy_kwh) AS energy_kwh, sum(spread.delivered_energy_kwh) AS delivered_energy_kwh,
        sum(spread.revenue) AS revenue,
        sum(spread.priced_energy_kwh) AS priced_energy_kwh,
        coalesce(sum(spread.customer_count), 0) AS customer_count
    FROM spread
    JOIN levels ON levels.axis = spread.axis
    LEFT JOIN sales.axis_levels AS place
        ON place.axis = spread.axis AND place.level = levels.level AND place.code = spread.code
    GROUP BY spread.period, spread.first_day, spread.axis, levels.level, coalesce(place.node_code, spread.code)
), dated AS (
    SELECT sold.*, spans.last_day, spans.day_count, spans.complete, spans.complete_to_date, spans.year
    FROM sold
    JOIN spans ON spans.period = sold.period AND spans.first_day = sold.first_day
), framed AS (
    SELECT *,
        sum(energy_kwh) OVER everything AS all_energy_kwh, sum(revenue) OVER everything AS all_revenue,
        sum(energy_kwh) OVER of_year AS year_energy_kwh, sum(revenue) OVER of_year AS year_revenue,
        sum(energy_kwh) OVER week_before AS week_energy_kwh, sum(revenue) OVER week_before AS week_revenue,
        sum(CAST(complete AS INT)) OVER week_before = 1 AS week_complete,
        sum(energy_kwh) OVER month_before AS month_energy_kwh, sum(revenue) OVER month_before AS month_revenue,
        sum(CAST(complete AS INT)) OVER month_before = 1 AS month_complete,
        sum(energy_kwh) OVER year_before AS date_energy_kwh, sum(revenue) OVER year_before AS date_revenue,
        sum(CAST(complete AS INT)) OVER year_before = 1 AS date_complete,
        sum(energy_kwh) OVER weeks_before AS weeks_energy_kwh, sum(revenue) OVER weeks_before AS weeks_revenue,
        sum(CAST(complete AS INT)) OVER weeks_before = 1 AS weeks_complete
    FROM dated
    WINDOW everything AS (PARTITION BY period, first_day, axis, level),
        of_year AS (PARTITION BY period, axis, level, code, year ORDER BY first_day),
        week_before AS (PARTITION BY period, axis, level, code ORDER BY first_day
            RANGE BETWEEN INTERVAL '7 days' PRECEDING AND INTERVAL '7 days' PRECEDING),
        month_before AS (PARTITION BY period, axis, level, code ORDER BY first_day
            RANGE BETWEEN INTERVAL '1 month' PRECEDING AND INTERVAL '1 month' PRECEDING),
        year_before AS (PARTITION BY period, axis, level, code ORDER BY first_day
            RANGE BETWEEN INTERVAL '1 year' PRECEDING AND INTERVAL '1 year' PRECEDING),
        weeks_before AS (PARTITION BY period, axis, level, code ORDER BY first_day
            RANGE BETWEEN INTERVAL '364 days' PRECEDING AND INTERVAL '364 days' PRECEDING)
), to_date AS (
    SELECT *,
        sum(year_energy_kwh) OVER year_before AS date_year_energy_kwh,
        sum(year_revenue) OVER year_before AS date_year_revenue,
        sum(CAST(complete_to_date AS INT)) OVER year_before = 1 AS date_complete_to_date,
        sum(year_energy_kwh) OVER weeks_before AS weeks_year_energy_kwh,
        sum(year_revenue) OVER weeks_before AS weeks_year_revenue,
        sum(CAST(complete_to_date AS INT)) OVER weeks_before = 1 AS weeks_complete_to_date
    FROM framed
    WINDOW year_before AS (PARTITION BY period, axis, level, code ORDER BY first_day
            RANGE BETWEEN INTERVAL '1 year' PRECEDING AND INTERVAL '1 year' PRECEDING),
        weeks_before AS (PARTITION BY period, axis, level, code ORDER BY first_day
            RANGE BETWEEN INTERVAL '364 days' PRECEDING AND INTERVAL '364 days' PRECEDING)
), compared AS (
    SELECT *,
        CASE period WHEN 'month' THEN month_energy_kwh WHEN 'year' THEN date_energy_kwh
            ELSE week_energy_kwh END AS previous_energy_kwh,
        CASE period WHEN 'month' THEN month_revenue WHEN 'year' THEN date_revenue
            ELSE week_revenue END AS previous_revenue,
        complete AND CASE period WHEN 'month' THEN month_complete WHEN 'year' THEN date_complete
            ELSE week_complete END AS previous_complete,
        CASE period WHEN 'week' THEN weeks_energy_kwh ELSE date_energy_kwh END AS year_before_energy_kwh,
        CASE period WHEN 'week' THEN weeks_revenue ELSE date_revenue END AS year_before_revenue,
        complete AND CASE period WHEN 'week' THEN weeks_complete ELSE date_complete END AS year_before_complete,
        CASE period WHEN 'week' THEN weeks_year_energy_kwh ELSE date_year_energy_kwh END AS before_to_date_energy_kwh,
        CASE period WHEN 'week' THEN weeks_year_revenue ELSE date_year_revenue END AS before_to_date_revenue,
        complete_to_date AND CASE period WHEN 'week' THEN weeks_complete_to_date ELSE date_complete_to_date END
            AS before_to_date_complete
    FROM to_date
), names AS (
    SELECT DISTINCT axis, node_code, parent_code, name_en, name_zh FROM sales.axis_levels
)
SELECT compared.period, compared.first_day, compared.last_day, compared.day_count, compared.complete,
    compared.axis, compared.level, compared.code, names.parent_code,
    coalesce(names.name_en, compared.code, CASE WHEN compared.axis = 'total' THEN 'All' ELSE 'Unclassified' END) AS name_en,
    coalesce(names.name_zh, compared.code, CASE WHEN compared.axis = 'total' THEN '全部' ELSE '未分类' END) AS name_zh,
    CAST(energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(coalesce(delivered_energy_kwh, 0) AS DECIMAL(28, 4)) AS delivered_energy_kwh,
    CAST(revenue AS DECIMAL(28, 2)) AS revenue,
    CAST(priced_energy_kwh AS DECIMAL(28, 4)) AS priced_energy_kwh,
    CAST(revenue / nullif(priced_energy_kwh, 0) AS DECIMAL(18, 6)) AS average_price,
    CAST(customer_count AS BIGINT) AS customer_count,
    CAST(energy_kwh / nullif(all_energy_kwh, 0) AS DECIMAL(9, 6)) AS energy_share,
    CAST(revenue / nullif(all_revenue, 0) AS DECIMAL(9, 6)) AS revenue_share,
    CAST(previous_energy_kwh AS DECIMAL(28, 4)) AS previous_energy_kwh,
    CAST(previous_revenue AS DECIMAL(28, 2)) AS previous_revenue,
    CASE WHEN previous_complete THEN
        CAST((energy_kwh - previous_energy_kwh) / nullif(previous_energy_kwh, 0) AS DECIMAL(18, 6)) END
        AS energy_change_share,
    CASE WHEN previous_complete THEN
        CAST((revenue - previous_revenue) / nullif(previous_revenue, 0) AS DECIMAL(18, 6)) END
        AS revenue_change_share,
    CAST(year_before_energy_kwh AS DECIMAL(28, 4)) AS year_before_energy_kwh,
    CAST(year_before_revenue AS DECIMAL(28, 2)) AS year_before_revenue,
    CASE WHEN year_before_complete THEN
        CAST((energy_kwh - year_before_energy_kwh) / nullif(year_before_energy_kwh, 0) AS DECIMAL(18, 6)) END
        AS energy_year_change_share,
    CASE WHEN year_before_complete THEN
        CAST((revenue - year_before_revenue) / nullif(year_before_revenue, 0) AS DECIMAL(18, 6)) END
        AS revenue_year_change_share,
    CAST(year_energy_kwh AS DECIMAL(28, 4)) AS year_to_date_energy_kwh,
    CAST(year_revenue AS DECIMAL(28, 2)) AS year_to_date_revenue,
    CAST(before_to_date_energy_kwh AS DECIMAL(28, 4)) AS year_before_to_date_energy_kwh,
    CAST(before_to_date_revenue AS DECIMAL(28, 2)) AS year_before_to_date_revenue,
    CASE WHEN before_to_date_complete THEN
        CAST((year_energy_kwh - before_to_date_energy_kwh) / nullif(before_to_date_energy_kwh, 0) AS DECIMAL(18, 6)) END
        AS energy_to_date_change_share,
    CASE WHEN before_to_date_complete THEN
        CAST((year_revenue - before_to_date_revenue) / nullif(before_to_date_revenue, 0) AS DECIMAL(18, 6)) END
        AS revenue_to_date_change_share
FROM compared
LEFT JOIN names ON names.axis = compared.axis AND names.node_code = compared.code
