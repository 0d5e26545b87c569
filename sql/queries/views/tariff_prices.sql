-- Question: what does a kWh cost in a tariff class at a voltage on a day?
-- 问题:     某日某电价类别、某电压等级每千瓦时多少钱？
-- Grain:    one row a tariff class, voltage level and run of days, first_day to last_day inclusive.
-- Units:    currency per kWh, per kVA and month, per kW and month.
-- Month:    consumption.
--
-- A voltage level is priced in its band: the parent of its code, or itself
-- where it is one. valid_to of tariffs and reference rows is exclusive. Where
-- two versions of a tariff hold on a day, the one valid from later counts.
-- Column:   tariff_version | version of the tariff | 电价版本
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   price_band | price band of the voltage | 电价电压档
-- Column:   first_day | first day, included | 起始日期
-- Column:   last_day | last day, included | 截止日期
-- Column:   energy_price_per_kwh | energy price, currency per kWh | 电度电价
-- Column:   capacity_price_per_kva | capacity price, currency per kVA and month | 容量电价
-- Column:   demand_price_per_kw | demand price, currency per kW and month | 需量电价
WITH bands AS (
    SELECT code AS voltage_code, coalesce(parent_code, code) AS price_band,
        valid_from AS first_day,
        least(
            coalesce(CAST(valid_to - INTERVAL '1 day' AS DATE), DATE '9999-12-31'),
            coalesce(CAST(lead(valid_from) OVER (PARTITION BY code ORDER BY valid_from) - INTERVAL '1 day' AS DATE),
                DATE '9999-12-31')
        ) AS last_day
    FROM reference
    WHERE axis = 'voltage'
), prices AS (
    SELECT tariff_version, tariff_code, price_band, energy_price_per_kwh,
        capacity_price_per_kva, demand_price_per_kw, valid_from AS first_day,
        least(
            coalesce(CAST(valid_to - INTERVAL '1 day' AS DATE), DATE '9999-12-31'),
            coalesce(
                CAST(lead(valid_from) OVER (
                    PARTITION BY tariff_code, price_band ORDER BY valid_from, tariff_version
                ) - INTERVAL '1 day' AS DATE),
                DATE '9999-12-31')
        ) AS last_day
    FROM tariffs
)
SELECT prices.tariff_version, prices.tariff_code, bands.voltage_code, prices.price_band,
    greatest(prices.first_day, bands.first_day) AS first_day,
    least(prices.last_day, bands.last_day) AS last_day,
    prices.energy_price_per_kwh, prices.capacity_price_per_kva, prices.demand_price_per_kw
FROM prices
JOIN bands ON bands.price_band = prices.price_band
    AND bands.first_day <= prices.last_day AND prices.first_day <= bands.last_day
WHERE prices.first_day <= prices.last_day AND bands.first_day <= bands.last_day
