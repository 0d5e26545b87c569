-- Question: how is the current year's collection going, and how much of older debt has come in (当年, 陈欠)?
-- 问题:     当年电费回收进度如何，陈欠收回多少？
-- Grain:    one row a month (its last day, or the day the session speaks for), and whether the bills were
--           issued in its year or before.
-- Units:    currency; rates are shares, sum over sum, NULL where there is nothing to collect.
-- Month:    issue (应收年月) for what is owed, cash (实收年月) for what came in.
--
-- Of the current year everything billed is to be collected, of earlier years what was still open when the
-- year began: opening_amount. A bill of an earlier year that is issued anew or cancelled within the year
-- changes due_amount, not opening_amount. Where the books begin within the year, nothing is opening.
-- Column:   seen_on | end of this settlement day | 截至日
-- Column:   prior_year | bills of earlier years | 陈欠
-- Column:   opening_amount | open at the end of the year before; NULL of the current year | 年初陈欠
-- Column:   billed_amount | billed in all | 应收金额
-- Column:   collected_amount | collected in all | 累计实收
-- Column:   open_amount | still owed | 欠费余额
-- Column:   due_amount | to be collected within the year | 本年应回收
-- Column:   recovered_amount | of that, collected | 本年回收
-- Column:   recovery_rate | recovered over due | 回收率
WITH seen AS (
    SELECT seen_on, prior_year, sum(billed_amount) AS billed_amount, sum(collected_amount) AS collected_amount,
        sum(open_amount) AS open_amount
    FROM cash.collection
    GROUP BY seen_on, prior_year
), opening AS (
    SELECT date_part('year', seen_on) + 1 AS year, sum(billed_amount) AS billed_amount,
        sum(collected_amount) AS collected_amount, sum(open_amount) AS open_amount
    FROM seen
    WHERE date_part('month', seen_on) = 12 AND date_part('day', seen_on) = 31
    GROUP BY date_part('year', seen_on)
), told AS (
    SELECT seen.*,
        CASE WHEN seen.prior_year THEN coalesce(opening.open_amount, 0) END AS opening_amount,
        CASE WHEN seen.prior_year THEN coalesce(opening.collected_amount, 0) ELSE 0 END AS collected_before
    FROM seen
    CROSS JOIN lake_time
    LEFT JOIN opening ON opening.year = date_part('year', seen.seen_on)
    WHERE seen.seen_on = settlement_day(lake_time.as_of)
        OR date_part('day', CAST(seen.seen_on + INTERVAL '1 day' AS DATE)) = 1
)
SELECT seen_on, prior_year,
    CAST(opening_amount AS DECIMAL(28, 2)) AS opening_amount,
    CAST(billed_amount AS DECIMAL(28, 2)) AS billed_amount,
    CAST(collected_amount AS DECIMAL(28, 2)) AS collected_amount,
    CAST(open_amount AS DECIMAL(28, 2)) AS open_amount,
    CAST(billed_amount - collected_before AS DECIMAL(28, 2)) AS due_amount,
    CAST(collected_amount - collected_before AS DECIMAL(28, 2)) AS recovered_amount,
    CAST((collected_amount - collected_before) / nullif(billed_amount - collected_before, 0) AS DECIMAL(9, 6))
        AS recovery_rate
FROM told
