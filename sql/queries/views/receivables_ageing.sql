-- Question: how old is the money that is owed?
-- 问题:     欠费账龄结构如何？
-- Grain:    one row an ageing bucket, all seven always; as seen at the instant the session speaks for.
-- Units:    currency; bills and customers counted.
-- Month:    issue (应收年月), prior_year_amount is debt of bills issued in earlier years (陈欠).
-- Column:   bucket_order | order of the buckets | 账龄段序号
-- Column:   bucket | ageing bucket | 账龄段
-- Column:   name_en | name of the bucket, English | 英文名称
-- Column:   name_zh | name of the bucket, Chinese | 中文名称
-- Column:   open_amount | amount still owed, currency | 欠费金额
-- Column:   prior_year_amount | of which issued in earlier years, currency | 陈欠金额
-- Column:   bill_count | bills not fully paid | 欠费账单数
-- Column:   customer_count | customers that owe | 欠费户数
WITH buckets AS (
    SELECT * FROM (VALUES
        (0, 'not_due', 'Not due', '未到期'),
        (1, '1-30', '1–30 days', '1–30天'),
        (2, '31-60', '31–60 days', '31–60天'),
        (3, '61-90', '61–90 days', '61–90天'),
        (4, '91-180', '91–180 days', '91–180天'),
        (5, '181-365', '181–365 days', '181–365天'),
        (6, '>365', 'Over 365 days', '365天以上')
    ) AS buckets (bucket_order, bucket, name_en, name_zh)
)
SELECT buckets.bucket_order, buckets.bucket, buckets.name_en, buckets.name_zh,
    CAST(coalesce(sum(owed.open_amount), 0) AS DECIMAL(28, 2)) AS open_amount,
    CAST(coalesce(sum(owed.open_amount) FILTER (WHERE owed.prior_year), 0) AS DECIMAL(28, 2)) AS prior_year_amount,
    count(owed.bill_id) AS bill_count,
    count(DISTINCT owed.customer_id) AS customer_count
FROM buckets
LEFT JOIN receivables_open AS owed ON owed.bucket = buckets.bucket
GROUP BY buckets.bucket_order, buckets.bucket, buckets.name_en, buckets.name_zh
