-- Question: which industries grow, and how much of all growth is theirs?
-- 问题:     哪些行业在增长，对总增长贡献多少？
-- Grain:    one row an industry (all, and each as booked and above it) and calendar month with reads.
-- Units:    kWh; rates and shares 0 to 1; contribution in shares of all energy a year before.
-- Month:    consumption.
--
-- An industry counts what is booked to it and below it, so that levels must not be added up. Growth compares
-- whole months only: NULL where a day of either is without reads. Σ contribution of the industries of one
-- level is the growth of all. The share of what all consume is in market.share.
-- Column:   industry_code | industry; all, or NULL where not known | 行业
-- Column:   parent_code | the one above | 上级行业
-- Column:   name_en | in English | 英文名称
-- Column:   name_zh | in Chinese | 中文名称
-- Column:   month | its first day | 月份
-- Column:   day_count | days with reads of anybody | 有数天数
-- Column:   whole | every day of the month | 整月
-- Column:   customer_count | customers that read | 户数
-- Column:   energy_kwh | drawn | 电量
-- Column:   share | of all energy of the month | 比重
-- Column:   previous_kwh | the month before | 上月电量
-- Column:   last_year_kwh | the month a year before | 上年同期电量
-- Column:   growth_on_month | against the month before | 环比
-- Column:   growth_on_year | against the year before | 同比
-- Column:   contribution | change on the year over all energy then | 增长贡献
WITH names AS (
    SELECT code, parent_code, name_en, name_zh, row_number() OVER (PARTITION BY code ORDER BY valid_from DESC) AS age
    FROM reference WHERE axis = 'industry'
), levels AS (
    SELECT own.code AS booked, unnest([own.code, own.parent_code, above.parent_code, top.parent_code]) AS code
    FROM names AS own
    LEFT JOIN names AS above ON above.code = own.parent_code AND above.age = 1
    LEFT JOIN names AS top ON top.code = above.parent_code AND top.age = 1
    WHERE own.age = 1
), booked AS (
    SELECT CAST(date_trunc('month', day) AS DATE) AS month, industry_code, customer_id, sum(energy_kwh) AS energy_kwh
    FROM consumption_daily
    WHERE customer_id <> ''
    GROUP BY 1, 2, 3
), spread AS (
    SELECT booked.month, levels.code, booked.customer_id, booked.energy_kwh
    FROM booked JOIN levels ON levels.booked = booked.industry_code
    WHERE levels.code IS NOT NULL
    UNION ALL
    SELECT booked.month, booked.industry_code, booked.customer_id, booked.energy_kwh
    FROM booked LEFT JOIN levels ON levels.booked = booked.industry_code
    WHERE levels.booked IS NULL
    UNION ALL
    SELECT month, 'all', customer_id, energy_kwh FROM booked
), summed AS (
    SELECT month, code, count(DISTINCT customer_id) AS customer_count, sum(energy_kwh) AS energy_kwh
    FROM spread GROUP BY month, code
), months AS (
    SELECT CAST(date_trunc('month', day) AS DATE) AS month, count(DISTINCT day) AS day_count
    FROM consumption_daily GROUP BY 1
), whole AS (
    SELECT summed.*, months.day_count,
        months.day_count = CAST(CAST(months.month + INTERVAL '1 month' AS DATE) - months.month AS BIGINT) AS whole,
        sum(CASE WHEN summed.code = 'all' THEN summed.energy_kwh END) OVER (PARTITION BY summed.month) AS all_kwh
    FROM summed
    JOIN months ON months.month = summed.month
)
SELECT now.code AS industry_code, names.parent_code,
    CASE WHEN now.code = 'all' THEN 'All' ELSE coalesce(names.name_en, now.code, 'Unclassified') END AS name_en,
    CASE WHEN now.code = 'all' THEN '全部' ELSE coalesce(names.name_zh, now.code, '未分类') END AS name_zh,
    now.month, now.day_count, now.whole, now.customer_count,
    CAST(now.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(now.energy_kwh / nullif(now.all_kwh, 0) AS DECIMAL(9, 6)) AS share,
    CAST(before.energy_kwh AS DECIMAL(28, 4)) AS previous_kwh,
    CAST(year.energy_kwh AS DECIMAL(28, 4)) AS last_year_kwh,
    CAST(CASE WHEN now.whole AND before.whole THEN (now.energy_kwh - before.energy_kwh) / nullif(before.energy_kwh, 0)
        END AS DECIMAL(18, 6)) AS growth_on_month,
    CAST(CASE WHEN now.whole AND year.whole THEN (now.energy_kwh - year.energy_kwh) / nullif(year.energy_kwh, 0)
        END AS DECIMAL(18, 6)) AS growth_on_year,
    CAST(CASE WHEN now.whole AND year.whole THEN (now.energy_kwh - year.energy_kwh) / nullif(year.all_kwh, 0)
        END AS DECIMAL(18, 6)) AS contribution
FROM whole AS now
LEFT JOIN names ON names.code = now.code AND names.age = 1
LEFT JOIN whole AS before ON (before.code IS NOT DISTINCT FROM now.code)
    AND before.month = CAST(now.month - INTERVAL '1 month' AS DATE)
LEFT JOIN whole AS year ON (year.code IS NOT DISTINCT FROM now.code)
    AND year.month = CAST(now.month - INTERVAL '12 months' AS DATE)
