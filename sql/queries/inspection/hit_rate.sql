-- Question: which suspicions are worth a visit, and how good is the ranking (按来源和排名的查实率)?
-- 问题:     哪些线索值得上门，嫌疑排名准不准？
-- Grain:    one row a basis of suspicion and cut: all of it, the first k places, a band of points.
-- Units:    counts; shares 0 to 1.
-- Month:    all months, as known at the session's instant.
--
-- Places and points are those that a case was opened with, as the ranking stood then. hit_rate of the cut
-- 'place' is the precision at k of the places that were visited; those that nobody visited are in no rate. A
-- band of points has its lower bound and not its upper, but for 100.
-- Column:   basis | ranking, alarm, tip or routine | 线索来源
-- Column:   cut | all, place or score | 划分方式（全部、排名、分数）
-- Column:   lowest | first place or fewest points of the cut | 下限
-- Column:   highest | last place or most points of the cut | 上限
-- Column:   case_count | cases opened | 立案数
-- Column:   open_count | not visited yet | 未结数
-- Column:   no_access_count | visits without access | 未能检查数
-- Column:   inspected_count | cases inspected | 检查数
-- Column:   confirmed_count | found as suspected | 查实数
-- Column:   hit_rate | confirmed over inspected | 查实率
WITH cuts AS (
    SELECT * FROM (VALUES ('all', NULL, NULL),
        ('place', 1, 10), ('place', 1, 20), ('place', 1, 50), ('place', 1, 100),
        ('score', 0, 20), ('score', 20, 40), ('score', 40, 60), ('score', 60, 80), ('score', 80, 100)
    ) AS cuts (cut, lowest, highest)
), counted AS (
    SELECT opened.basis, cuts.cut, cuts.lowest, cuts.highest, count(*) AS case_count,
        count(*) FILTER (WHERE opened.outcome IS NULL) AS open_count,
        count(*) FILTER (WHERE opened.outcome = 'no_access') AS no_access_count,
        count(*) FILTER (WHERE opened.outcome IN ('confirmed', 'cleared')) AS inspected_count,
        count(*) FILTER (WHERE opened.outcome = 'confirmed') AS confirmed_count
    FROM inspection_cases AS opened
    JOIN cuts ON cuts.cut = 'all'
        OR (cuts.cut = 'place' AND opened.place <= cuts.highest)
        OR (cuts.cut = 'score' AND opened.score >= cuts.lowest
            AND (opened.score < cuts.highest OR cuts.highest = 100))
    GROUP BY opened.basis, cuts.cut, cuts.lowest, cuts.highest
)
SELECT basis, cut, CAST(lowest AS INT) AS lowest, CAST(highest AS INT) AS highest, case_count, open_count,
    no_access_count, inspected_count, confirmed_count,
    CAST(CAST(confirmed_count AS DECIMAL(18, 6)) / nullif(inspected_count, 0) AS DECIMAL(9, 6)) AS hit_rate
FROM counted
