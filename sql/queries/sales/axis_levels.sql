-- Question: what does a code of an axis roll up into: station into county into city, class into group?
-- 问题:     某维度的代码上卷到哪里：供电所、县、市，类别、大类？
-- Grain:    one row an axis, level and code; level 1 is the top, the deepest level holds every code.
-- Units:    none.
-- Month:    none; names and parents are those of the newest version of the code lists.
--
-- A code that has no depth left at a level stands for itself there, so that every level of an axis
-- adds up to the same total. node_code is what the code belongs to at the level.
-- Column:   axis | axis: voltage, tariff, usage, industry or region | 维度
-- Column:   level | level of the roll-up, 1 the top | 层级
-- Column:   code | code as customers carry it | 代码
-- Column:   node_code | code it rolls up into at this level | 上卷代码
-- Column:   parent_code | code above that one | 上级代码
-- Column:   name_en | name of the code rolled up into, English | 英文名称
-- Column:   name_zh | name of the code rolled up into, Chinese | 中文名称
WITH codes AS (
    SELECT axis, code, parent_code, name_en, name_zh,
        row_number() OVER (PARTITION BY axis, code ORDER BY valid_from DESC) AS age
    FROM reference
), known AS (
    SELECT axis, code, parent_code, name_en, name_zh FROM codes WHERE age = 1
), climbed AS (
    -- From each code up to four steps, which is as deep as any list goes.
    SELECT own.axis, own.code,
        CASE WHEN third.code IS NOT NULL THEN [third.code, second.code, first.code, own.code]
            WHEN second.code IS NOT NULL THEN [second.code, first.code, own.code]
            WHEN first.code IS NOT NULL THEN [first.code, own.code]
            ELSE [own.code] END AS path
    FROM known AS own
    LEFT JOIN known AS first ON first.axis = own.axis AND first.code = own.parent_code
    LEFT JOIN known AS second ON second.axis = own.axis AND second.code = first.parent_code
    LEFT JOIN known AS third ON third.axis = own.axis AND third.code = second.parent_code
), levels AS (
    SELECT DISTINCT axis, unnest(range(1, CAST(array_length(path) AS BIGINT) + 1)) AS level FROM climbed
), placed AS (
    SELECT levels.axis, levels.level, climbed.code,
        path[least(levels.level, CAST(array_length(path) AS BIGINT))] AS node_code
    FROM levels JOIN climbed ON climbed.axis = levels.axis
)
SELECT placed.axis, placed.level, placed.code, placed.node_code, node.parent_code, node.name_en, node.name_zh
FROM placed
JOIN known AS node ON node.axis = placed.axis AND node.code = placed.node_code
