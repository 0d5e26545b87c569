-- Question: by which numbers did views judge on a day: time limits, weights, shares?
-- 问题:     各视图在某日按哪些限值判断：时限、权重、比例？
-- Grain:    one row a view, parameter and run of settlement days, first_day to last_day inclusive.
-- Units:    as unit says.
-- Month:    none.
--
-- A row of limits holds from its valid_from until its valid_to, or until another row of the parameter does.
-- Column:   view_name | view that goes by it | 视图
-- Column:   parameter | what it limits | 参数
-- Column:   value | the number | 限值
-- Column:   unit | its unit | 单位
-- Column:   first_day | first day in force | 起始日
-- Column:   last_day | last day in force | 截止日
SELECT view_name, parameter, value, unit, valid_from AS first_day, last_day
FROM (
    SELECT *,
        least(
            coalesce(CAST(valid_to - INTERVAL '1 day' AS DATE), DATE '9999-12-31'),
            coalesce(
                CAST(lead(valid_from) OVER (PARTITION BY view_name, parameter ORDER BY valid_from)
                    - INTERVAL '1 day' AS DATE),
                DATE '9999-12-31')
        ) AS last_day
    FROM limits
)
WHERE valid_from <= last_day
