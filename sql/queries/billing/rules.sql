-- Question: by which rules is a tariff class billed on a day?
-- 问题:     某类电价在某日按哪些规则计费？
-- Grain:    one row a tariff class, rule, item, threshold and run of days, first_day to last_day inclusive.
-- Units:    as unit says; thresholds in kWh (step) or hundredths of cos phi (pf).
-- Month:    consumption.
--
-- Rows of class * are the rule of every class that has none of its own of that name, of whatever date.
-- What a rule says from a day on takes the place of all it said before. The rules:
--
--   tou      by which the price of a TOU period is multiplied; a class with such rows is billed by period
--   clock    the hour of the day from which (threshold) to which (value) a period lasts; a season's, or a
--            holiday's, is the clock of those days
--   fixed    the part of the energy price that is not multiplied (funds), per kWh
--   fund     what is charged beside the energy price, per kWh, each a line of its own
--   step     surcharge per kWh above a threshold of kWh, up to the next; item says of which time: year, month
--   demand   limit: times the contract up to which it is the contract that is charged; beyond, what exceeds
--            that is added to the maximum over_maximum times, or to the contract over_contract times
--   month    days: those of a month of which a part is charged
--   pf       per cent by standard (item) and cos phi (threshold); a reward is negative
--   pf_base  whether fixed and fund count in what that is a percentage of: 1 or 0
--
-- Column:   tariff_code | tariff class | 电价类别
-- Column:   rule | name of the rule | 规则
-- Column:   item | what in the rule it is for | 项目
-- Column:   threshold | from which it holds | 阈值
-- Column:   value | the number | 数值
-- Column:   unit | unit of the number | 单位
-- Column:   first_day | first day in force | 起始日
-- Column:   last_day | last day in force | 截止日
WITH own AS (
    SELECT DISTINCT tariff_code, rule FROM tariff_rules WHERE tariff_code <> '*'
), applied AS (
    SELECT tariff_code, rule, item, threshold, value, unit, valid_from, valid_to
    FROM tariff_rules WHERE tariff_code <> '*'
    UNION ALL
    SELECT classes.tariff_code, rules.rule, rules.item, rules.threshold, rules.value, rules.unit,
        rules.valid_from, rules.valid_to
    FROM (SELECT DISTINCT tariff_code FROM tariffs) AS classes
    CROSS JOIN tariff_rules AS rules
    LEFT JOIN own ON own.tariff_code = classes.tariff_code AND own.rule = rules.rule
    WHERE rules.tariff_code = '*' AND own.rule IS NULL
), sets AS (
    SELECT tariff_code, rule, valid_from,
        lead(valid_from) OVER (PARTITION BY tariff_code, rule ORDER BY valid_from) AS replaced_from
    FROM (SELECT DISTINCT tariff_code, rule, valid_from FROM applied)
), dated AS (
    SELECT applied.*,
        least(
            coalesce(CAST(applied.valid_to - INTERVAL '1 day' AS DATE), DATE '9999-12-31'),
            coalesce(CAST(sets.replaced_from - INTERVAL '1 day' AS DATE), DATE '9999-12-31')
        ) AS last_day
    FROM applied
    JOIN sets ON sets.tariff_code = applied.tariff_code AND sets.rule = applied.rule
        AND sets.valid_from = applied.valid_from
)
SELECT tariff_code, rule, item, threshold, value, unit, valid_from AS first_day, last_day
FROM dated
WHERE valid_from <= last_day
