-- Question: what share of all consumption of a region do we sell?
-- 问题:     各地区市场占有率（售电量占全社会用电量）是多少？
-- Grain:    one row a region (each as booked and what it belongs to) and month that something was sold in
--           or a total is known of.
-- Units:    kWh; shares and growth 0 to 1, share_change in shares.
-- Month:    consumption; the market's total is that of the same month, as its publisher states it.
--
-- Shares and growth are of whole months: NULL where a day of our own is without reads, or a total is not
-- known (loadstar load market_totals FILE: region_code, month, energy_kwh, publisher, revision). A region
-- counts what is booked to it and below it, so that levels must not be added up.
-- Column:   month | month of consumption, its first day | 用电月
-- Column:   region_code | region | 供电区域
-- Column:   name_en | name of the region, English | 英文名称
-- Column:   name_zh | name of the region, Chinese | 中文名称
-- Column:   whole | whether every day of the month has reads | 是否整月
-- Column:   energy_kwh | own sales, kWh | 本企业售电量
-- Column:   market_energy_kwh | consumption of the region whoever sold it, kWh | 全社会用电量
-- Column:   publisher | who states it | 数据来源
-- Column:   share | own sales over all consumption | 市场占有率
-- Column:   last_year_share | the same a year before | 去年同期占有率
-- Column:   share_change | share less that of a year before | 占有率同比变化
-- Column:   growth_on_year | growth of own sales on the year before | 售电量同比
-- Column:   market_growth_on_year | growth of all consumption on the year before | 全社会用电量同比
WITH placed AS (
    SELECT DISTINCT code, node_code FROM sales.axis_levels WHERE axis = 'region'
), booked AS (
    SELECT CAST(date_trunc('month', day) AS DATE) AS month, region_code, sum(energy_kwh) AS energy_kwh
    FROM consumption_by_axes
    WHERE region_code IS NOT NULL
    GROUP BY CAST(date_trunc('month', day) AS DATE), region_code
), sold AS (
    SELECT booked.month, coalesce(placed.node_code, booked.region_code) AS region_code,
        sum(booked.energy_kwh) AS energy_kwh
    FROM booked
    LEFT JOIN placed ON placed.code = booked.region_code
    GROUP BY booked.month, coalesce(placed.node_code, booked.region_code)
), months AS (
    SELECT CAST(date_trunc('month', day) AS DATE) AS month, count(DISTINCT day) AS day_count
    FROM consumption_by_axes
    GROUP BY CAST(date_trunc('month', day) AS DATE)
), compared AS (
    SELECT coalesce(sold.month, total.month) AS month, coalesce(sold.region_code, total.region_code) AS region_code,
        sold.energy_kwh, total.energy_kwh AS market_energy_kwh, total.publisher
    FROM sold
    FULL JOIN market_totals AS total ON total.month = sold.month AND total.region_code = sold.region_code
), whole AS (
    SELECT compared.*, coalesce(months.day_count
            = CAST(CAST(compared.month + INTERVAL '1 month' AS DATE) - compared.month AS BIGINT), FALSE) AS whole
    FROM compared
    LEFT JOIN months ON months.month = compared.month
), shared AS (
    -- Of a month that all have read, a region in which nothing was sold has a share of nothing.
    SELECT month, region_code, whole, energy_kwh, market_energy_kwh, publisher,
        CASE WHEN whole THEN coalesce(energy_kwh, 0) / nullif(market_energy_kwh, 0) END AS share
    FROM whole
), names AS (
    SELECT DISTINCT node_code, name_en, name_zh FROM sales.axis_levels WHERE axis = 'region'
)
SELECT now.month, now.region_code,
    coalesce(names.name_en, now.region_code) AS name_en, coalesce(names.name_zh, now.region_code) AS name_zh,
    now.whole,
    CAST(now.energy_kwh AS DECIMAL(28, 4)) AS energy_kwh,
    CAST(now.market_energy_kwh AS DECIMAL(28, 4)) AS market_energy_kwh, now.publisher,
    CAST(now.share AS DECIMAL(9, 6)) AS share,
    CAST(before.share AS DECIMAL(9, 6)) AS last_year_share,
    CAST(now.share - before.share AS DECIMAL(9, 6)) AS share_change,
    CAST(CASE WHEN now.whole AND before.whole THEN
        (now.energy_kwh - before.energy_kwh) / nullif(before.energy_kwh, 0) END AS DECIMAL(18, 6)) AS growth_on_year,
    CAST((now.market_energy_kwh - before.market_energy_kwh) / nullif(before.market_energy_kwh, 0) AS DECIMAL(18, 6))
        AS market_growth_on_year
FROM shared AS now
LEFT JOIN names ON names.node_code = now.region_code
LEFT JOIN shared AS before ON before.region_code = now.region_code
    AND before.month = CAST(now.month - INTERVAL '1 year' AS DATE)
