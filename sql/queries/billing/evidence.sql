-- Question: from what is a bill to be reckoned: metered energy, class, prices, rules?
-- 问题:     一张账单应以什么为依据计算：抄见电量、电价类别、电价和规则？
-- Grain:    one row a bill, original or reissued, whether it still stands or not.
-- Units:    kWh, kvarh, kW, kVA; prices in currency per kWh, per kVA and month, per kW and month.
-- Month:    consumption, from period_start to period_end inclusive; bill_month is that of issue (应收年月).
--
-- energy_kwh is what the customer's registers counted from one read to the other, over rollovers and
-- replaced meters; NULL unless reads open and close the period. Class, contract and price are those in
-- force on the period's last day, whenever they became known. max_demand_kw is the highest hour of the
-- reads; those of clocks that were off, and beyond what vee_rules lets the capacity carry, are left out.
-- Reactive energy is import and export together. Periods are those of registers; where none tells them, of the reads by the
-- clock of the class, if all reads are there: they add up to energy_kwh. A whole calendar month is charged as a month, a part of it by the day.
-- estimated_energy_kwh is what the registers had counted by estimates that opened or closed the period when
-- the bill was issued and have been read since.
--
-- Column:   bill_id | bill | 账单编号
-- Column:   kind | ORIGINAL or REBILL | 账单类型
-- Column:   ref_bill_id | bill that it replaces | 原账单
-- Column:   stands | neither cancelled nor replaced | 是否有效
-- Column:   customer_id | customer | 用户编号
-- Column:   account_id | account | 账户编号
-- Column:   bill_month | month of issue, its first day | 应收年月
-- Column:   period_start | first day of consumption | 用电起始日
-- Column:   period_end | last day of consumption | 用电截止日
-- Column:   billed_tariff_version | tariff version on the bill | 账单电价版本
-- Column:   billed_energy_kwh | energy on the bill, kWh | 账单电量
-- Column:   tariff_version | tariff version in force | 应用电价版本
-- Column:   tariff_code | tariff class in force | 电价类别
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   price_band | price band of the voltage | 电价电压档
-- Column:   energy_price_per_kwh | energy price | 电度电价
-- Column:   capacity_price_per_kva | capacity price a month | 容量电价
-- Column:   demand_price_per_kw | demand price a month | 需量电价
-- Column:   demand_mode | basic charge by capacity or demand | 基本电费方式
-- Column:   capacity_kva | contracted capacity, kVA | 合同容量
-- Column:   contract_kw | contracted demand, kW | 合同需量
-- Column:   pf_standard | power factor standard | 功率因数标准
-- Column:   energy_kwh | metered energy, kWh | 抄见电量
-- Column:   estimated_energy_kwh | metered by what was estimated at issue, kWh | 发行时估抄电量
-- Column:   critical_kwh | metered in critical hours, kWh | 尖段电量
-- Column:   peak_kwh | metered in peak hours, kWh | 峰段电量
-- Column:   flat_kwh | metered in flat hours, kWh | 平段电量
-- Column:   valley_kwh | metered in valley hours, kWh | 谷段电量
-- Column:   deep_valley_kwh | metered in deep valley hours, kWh | 深谷段电量
-- Column:   multiplier | multiplier of the meter, the greatest if several | 综合倍率
-- Column:   before_kwh | metered in the year before the period, kWh | 年内前期累计电量
-- Column:   reactive_kvarh | metered reactive energy, kvarh | 无功电量
-- Column:   max_demand_kw | highest hour, kW | 最大需量
-- Column:   demand_hour_count | hours that it is the highest of | 需量小时数
-- Column:   day_count | days of the period | 计费天数
-- Column:   is_whole_month | a whole calendar month | 是否整月
-- Column:   power_factor | power factor as metered | 功率因数
-- Column:   pf_percent | adjustment as metered, % | 力调系数
-- Column:   billed_pf_percent | adjustment if the billed energy were right, % | 按账单电量力调系数
WITH issued AS (
    SELECT bills.bill_id, bills.kind, bills.ref_bill_id, standing.bill_id IS NOT NULL AS stands,
        bills.customer_id, bills.account_id, bills.bill_month, bills.period_start, bills.period_end, bills.issued_at,
        bills.tariff_version AS billed_tariff_version, bills.energy_kwh AS billed_energy_kwh,
        CAST(date_trunc('year', bills.period_start) AS DATE) AS year_start,
        day_start(bills.period_start) AS opens_at,
        day_start(CAST(bills.period_end + INTERVAL '1 day' AS DATE)) AS closes_at
    FROM bills
    LEFT JOIN (SELECT bill_id FROM bills_current) AS standing ON standing.bill_id = bills.bill_id
    WHERE bills.kind IN ('ORIGINAL', 'REBILL')
), counted AS (
    SELECT issued.bill_id,
        CASE WHEN min(deltas.previous_read_at) FILTER (
                WHERE channel = 'import' AND tou = 'total' AND day >= period_start) = min(opens_at)
            AND max(deltas.read_at) FILTER (
                WHERE channel = 'import' AND tou = 'total' AND day >= period_start) = min(closes_at)
            AND count(*) FILTER (
                WHERE channel = 'import' AND tou = 'total' AND day >= period_start AND delta_kwh IS NULL) = 0
            THEN sum(delta_kwh) FILTER (WHERE channel = 'import' AND tou = 'total' AND day >= period_start)
        END AS energy_kwh,
        sum(delta_kwh) FILTER (WHERE channel = 'import' AND tou = 'critical' AND day >= period_start) AS critical_kwh,
        sum(delta_kwh) FILTER (WHERE channel = 'import' AND tou = 'peak' AND day >= period_start) AS peak_kwh,
        sum(delta_kwh) FILTER (WHERE channel = 'import' AND tou = 'flat' AND day >= period_start) AS flat_kwh,
        sum(delta_kwh) FILTER (WHERE channel = 'import' AND tou = 'valley' AND day >= period_start) AS valley_kwh,
        sum(delta_kwh) FILTER (WHERE channel = 'import' AND tou = 'deep_valley' AND day >= period_start)
            AS deep_valley_kwh,
        max(multiplier) FILTER (WHERE channel = 'import' AND day >= period_start) AS multiplier,
        coalesce(sum(delta_kwh) FILTER (WHERE channel = 'import' AND tou = 'total' AND day < period_start), 0)
            AS before_kwh,
        sum(delta_kwh) FILTER (
            WHERE channel IN ('reactive_import', 'reactive_export') AND tou = 'total' AND day >= period_start)
            AS reactive_kvarh
    FROM issued
    JOIN register_deltas AS deltas ON deltas.customer_id = issued.customer_id
        AND deltas.day >= issued.year_start AND deltas.day <= issued.period_end
    GROUP BY issued.bill_id
), estimated AS (
    SELECT bill_id, sum(shift_kwh) AS shift_kwh
    FROM (
        SELECT issued.bill_id,
            CASE WHEN known.read_at = issued.closes_at THEN known.register_kwh - now.register_kwh
                ELSE now.register_kwh - known.register_kwh END * now.multiplier AS shift_kwh,
            row_number() OVER (
                PARTITION BY issued.bill_id, known.meter_id, known.read_at
                ORDER BY known.revision DESC, known.available_at) AS age
        FROM issued
        JOIN meters_by_day AS meters ON meters.customer_id = issued.customer_id
            AND meters.first_day <= issued.period_end AND meters.last_day >= issued.period_start
        JOIN raw.register_reads AS known ON known.meter_id = meters.meter_id
            AND known.read_at IN (issued.opens_at, issued.closes_at) AND known.available_at <= issued.issued_at
        JOIN register_reads AS now ON now.meter_id = known.meter_id AND now.channel = known.channel
            AND now.tou = known.tou AND now.read_at = known.read_at AND now.available_at > issued.issued_at
        WHERE known.quality IN (8, 9) AND known.channel = 'import' AND known.tou = 'total'
            AND now.quality NOT IN (8, 9)
    )
    WHERE age = 1 GROUP BY bill_id
), classed AS (
    SELECT issued.*, prices.tariff_version, history.tariff_code, history.voltage_code, prices.price_band,
        prices.energy_price_per_kwh, prices.capacity_price_per_kva, prices.demand_price_per_kw,
        history.demand_mode, history.capacity_kva, history.contract_kw, history.pf_standard
    FROM issued
    LEFT JOIN customers_history AS history ON history.customer_id = issued.customer_id
        AND history.valid_from < issued.closes_at
        AND (history.valid_to IS NULL OR history.valid_to >= issued.closes_at)
    LEFT JOIN tariff_prices AS prices ON prices.tariff_code = history.tariff_code
        AND prices.voltage_code = history.voltage_code
        AND prices.first_day <= issued.period_end AND prices.last_day >= issued.period_end
), plausible AS (
    SELECT value AS max_ratio FROM vee_rules WHERE rule = 'capacity' AND parameter = 'max_ratio'
    ORDER BY valid_from DESC LIMIT 1
), hours AS (
    SELECT classed.bill_id, interval_start_hour(reads.read_at, reads.interval_min) AS hour,
        sum(reads.energy_kwh) AS energy_kwh
    FROM classed
    JOIN meters_by_day AS meters ON meters.customer_id = classed.customer_id
        AND meters.first_day <= classed.period_end AND meters.last_day >= classed.period_start
    JOIN demand_reads AS reads ON reads.meter_id = meters.meter_id
        AND reads.day >= greatest(meters.first_day, classed.period_start)
        AND reads.day <= least(meters.last_day, classed.period_end)
    LEFT JOIN plausible ON true
    WHERE classed.demand_mode = 'demand' AND reads.channel = 'import' AND reads.interval_min <= 60
        AND (classed.capacity_kva IS NULL OR plausible.max_ratio IS NULL
            OR reads.demand_kw <= classed.capacity_kva * plausible.max_ratio)
    GROUP BY 1, 2
), peaks AS (
    SELECT bill_id, max(energy_kwh) AS max_demand_kw, count(*) AS demand_hour_count FROM hours GROUP BY 1
), clocked AS (
    -- Where no register tells periods, the reads do by the clock of the class.
    SELECT classed.bill_id,
        sum(reads.energy_kwh) FILTER (WHERE clock.item = 'critical') AS critical_kwh,
        sum(reads.energy_kwh) FILTER (WHERE clock.item = 'peak') AS peak_kwh,
        sum(reads.energy_kwh) FILTER (WHERE clock.item = 'flat') AS flat_kwh,
        sum(reads.energy_kwh) FILTER (WHERE clock.item = 'valley') AS valley_kwh,
        sum(reads.energy_kwh) FILTER (WHERE clock.item = 'deep_valley') AS deep_valley_kwh,
        sum(reads.energy_kwh) AS energy_kwh
    FROM classed
    JOIN billing.rules AS clock ON clock.tariff_code = classed.tariff_code AND clock.rule = 'clock'
        AND clock.first_day <= classed.period_end AND clock.last_day >= classed.period_start
    JOIN meters_by_day AS meters ON meters.customer_id = classed.customer_id
        AND meters.first_day <= classed.period_end AND meters.last_day >= classed.period_start
    JOIN demand_reads AS reads ON reads.meter_id = meters.meter_id
        AND reads.day >= greatest(meters.first_day, classed.period_start, clock.first_day)
        AND reads.day <= least(meters.last_day, classed.period_end, clock.last_day)
        AND (CAST(reads.read_at AS BIGINT) - CAST(day_start(reads.day) AS BIGINT)) / 60000000 - reads.interval_min
            >= clock.threshold * 60
        AND (CAST(reads.read_at AS BIGINT) - CAST(day_start(reads.day) AS BIGINT)) / 60000000 - reads.interval_min
            < clock.value * 60
    WHERE reads.channel = 'import' AND reads.interval_min <= 60
    GROUP BY classed.bill_id
), measured AS (
    SELECT classed.*,
        CAST(counted.energy_kwh AS DECIMAL(18, 4)) AS energy_kwh,
        CAST(counted.energy_kwh + estimated.shift_kwh AS DECIMAL(18, 4)) AS estimated_energy_kwh,
        CAST(coalesce(counted.critical_kwh, clocked.critical_kwh) AS DECIMAL(18, 4)) AS critical_kwh,
        CAST(coalesce(counted.peak_kwh, clocked.peak_kwh) AS DECIMAL(18, 4)) AS peak_kwh,
        CAST(coalesce(counted.flat_kwh, clocked.flat_kwh) AS DECIMAL(18, 4)) AS flat_kwh,
        CAST(coalesce(counted.valley_kwh, clocked.valley_kwh) AS DECIMAL(18, 4)) AS valley_kwh,
        CAST(coalesce(counted.deep_valley_kwh, clocked.deep_valley_kwh) AS DECIMAL(18, 4)) AS deep_valley_kwh, counted.multiplier,
        CAST(coalesce(counted.before_kwh, 0) AS DECIMAL(18, 4)) AS before_kwh,
        CAST(counted.reactive_kvarh AS DECIMAL(18, 4)) AS reactive_kvarh,
        CAST(peaks.max_demand_kw AS DECIMAL(18, 4)) AS max_demand_kw,
        coalesce(peaks.demand_hour_count, 0) AS demand_hour_count,
        CAST(classed.period_end AS INT) - CAST(classed.period_start AS INT) + 1 AS day_count,
        date_part('day', classed.period_start) = 1
            AND date_part('day', CAST(classed.period_end + INTERVAL '1 day' AS DATE)) = 1
            AND date_trunc('month', classed.period_start) = date_trunc('month', classed.period_end)
            AS is_whole_month
    FROM classed
    LEFT JOIN counted ON counted.bill_id = classed.bill_id
    LEFT JOIN estimated ON estimated.bill_id = classed.bill_id
    LEFT JOIN peaks ON peaks.bill_id = classed.bill_id
    LEFT JOIN clocked ON clocked.bill_id = classed.bill_id AND clocked.energy_kwh = counted.energy_kwh
        AND coalesce(counted.critical_kwh, counted.peak_kwh, counted.flat_kwh, counted.valley_kwh,
            counted.deep_valley_kwh) IS NULL
), factored AS (
    SELECT *, CAST(pf_standard AS VARCHAR) AS standard,
        CASE WHEN pf_standard IS NOT NULL THEN power_factor(energy_kwh, reactive_kvarh) END AS power_factor,
        CASE WHEN pf_standard IS NOT NULL THEN power_factor(billed_energy_kwh, reactive_kvarh) END
            AS billed_power_factor
    FROM measured
)
SELECT factored.bill_id, factored.kind, factored.ref_bill_id, factored.stands, factored.customer_id,
    factored.account_id, factored.bill_month, factored.period_start, factored.period_end,
    factored.billed_tariff_version, factored.billed_energy_kwh, factored.tariff_version, factored.tariff_code,
    factored.voltage_code, factored.price_band, factored.energy_price_per_kwh,
    factored.capacity_price_per_kva, factored.demand_price_per_kw, factored.demand_mode,
    factored.capacity_kva, factored.contract_kw, factored.pf_standard, factored.energy_kwh,
    factored.estimated_energy_kwh, factored.critical_kwh, factored.peak_kwh, factored.flat_kwh, factored.valley_kwh, factored.deep_valley_kwh,
    factored.multiplier, factored.before_kwh, factored.reactive_kvarh, factored.max_demand_kw,
    factored.demand_hour_count, factored.day_count, factored.is_whole_month, factored.power_factor,
    metered.value AS pf_percent, assumed.value AS billed_pf_percent
FROM factored
LEFT JOIN billing.rules AS metered ON metered.tariff_code = factored.tariff_code AND metered.rule = 'pf'
    AND metered.item = factored.standard
    AND metered.threshold = CAST(factored.power_factor AS DECIMAL(18, 4))
    AND metered.first_day <= factored.period_end AND metered.last_day >= factored.period_end
LEFT JOIN billing.rules AS assumed ON assumed.tariff_code = factored.tariff_code AND assumed.rule = 'pf'
    AND assumed.item = factored.standard
    AND assumed.threshold = CAST(factored.billed_power_factor AS DECIMAL(18, 4))
    AND assumed.first_day <= factored.period_end AND assumed.last_day >= factored.period_end
