-- Question: which customers may hang on another transformer than the books say (户变关系), and which?
-- 问题:     哪些用户的户变关系可能有误？
-- Grain:    one row a month, pair of areas of area_link_suspects and candidate: the three customers booked in
--           the area that sells too much whose use is most like what is too much.
-- Units:    kWh over the days on which both areas are complete; shares 0 to 1.
-- Month:    consumption.
--
-- To move a customer from low_area_id to high_area_id takes its energy from the surplus of the one and
-- from what the other lacks. candidates are ranked by how near its energy is to the surplus: similarity
-- is the smaller over the greater of the two. day_correlation tells whether the use moves with the surplus
-- from day to day; NULL on fewer than three days, or where nothing moves.
-- Column:   month | its first day | 月份
-- Column:   feeder_id | feeder of both areas | 线路
-- Column:   low_area_id | booked here, it sells more than supplied | 负损台区
-- Column:   high_area_id | probably wired here | 高损台区
-- Column:   surplus_kwh | sold beyond supply less usual loss | 多售电量
-- Column:   missing_kwh | lacking in the other area | 少售电量
-- Column:   pair_similarity | the smaller over the greater of these | 电量相似度
-- Column:   pair_day_correlation | do they move together | 日相关系数
-- Column:   place | 1 is the likeliest customer | 排名
-- Column:   customer_id | candidate | 疑似用户
-- Column:   energy_kwh | its use on the days compared | 用电量
-- Column:   similarity | the smaller over the greater of use and surplus | 相似度
-- Column:   day_correlation | of its use with the surplus | 相关系数
WITH pairs AS (
    SELECT month, feeder_id, low_area_id, high_area_id, usual_loss_rate, surplus_kwh, missing_kwh, similarity,
        day_correlation
    FROM area_link_suspects
), days AS (
    SELECT pairs.month, pairs.low_area_id, pairs.high_area_id, low.day,
        pairs.usual_loss_rate * low.supplied_kwh - low.loss_kwh AS surplus_kwh
    FROM pairs
    JOIN area_loss_daily AS low ON low.area_id = pairs.low_area_id AND low.complete
        AND CAST(date_trunc('month', low.day) AS DATE) = pairs.month
    JOIN area_loss_daily AS high ON high.area_id = pairs.high_area_id AND high.complete AND high.day = low.day
), used AS (
    SELECT days.month, days.low_area_id, days.high_area_id, read.customer_id,
        sum(read.energy_kwh) AS energy_kwh, count(*) AS day_count,
        corr(CAST(read.energy_kwh AS DOUBLE), CAST(days.surplus_kwh AS DOUBLE)) AS day_correlation
    FROM days
    JOIN consumption_daily AS read ON read.area_id = days.low_area_id AND read.day = days.day
    WHERE read.customer_id <> ''
    GROUP BY days.month, days.low_area_id, days.high_area_id, read.customer_id
), ranked AS (
    SELECT pairs.month, pairs.feeder_id, pairs.low_area_id, pairs.high_area_id, pairs.surplus_kwh,
        pairs.missing_kwh, pairs.similarity AS pair_similarity, pairs.day_correlation AS pair_day_correlation,
        used.customer_id, used.energy_kwh, used.day_count, used.day_correlation,
        CAST(least(used.energy_kwh, pairs.surplus_kwh) / greatest(used.energy_kwh, pairs.surplus_kwh)
            AS DECIMAL(9, 6)) AS similarity
    FROM pairs
    JOIN used ON used.month = pairs.month AND used.low_area_id = pairs.low_area_id
        AND used.high_area_id = pairs.high_area_id
), placed AS (
    SELECT *, row_number() OVER (
        PARTITION BY month, low_area_id, high_area_id ORDER BY similarity DESC, customer_id) AS place
    FROM ranked
)
SELECT month, feeder_id, low_area_id, high_area_id, surplus_kwh, missing_kwh, pair_similarity,
    pair_day_correlation, place, customer_id,
    CAST(energy_kwh AS DECIMAL(28, 4)) AS energy_kwh, similarity,
    CASE WHEN day_count >= 3 AND abs(day_correlation) < 2 THEN CAST(day_correlation AS DECIMAL(9, 6)) END
        AS day_correlation
FROM placed
WHERE place <= 3
