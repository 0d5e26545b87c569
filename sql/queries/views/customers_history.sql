-- Question: which state was a customer in, and from when to when?
-- 问题:     客户何时起、何时止处于何种状态？
-- Grain:    one row a customer and period; periods of a customer do not overlap.
-- Units:    capacity in kVA, contracted demand in kW; valid_from inclusive, valid_to exclusive.
-- Month:    none; event time of the change, whenever it became known.
--
-- Changes are ordered by the time they hold from, then by their place in the
-- source's log, so that one that arrives late or out of order is put where it
-- belongs and ends the period before it. A deletion ends a period and begins none.
-- Column:   customer_id | customer | 客户编号
-- Column:   lsn | place of the change in the source's log | 变更序号
-- Column:   valid_from | in force from, included | 生效时间
-- Column:   valid_to | in force until, excluded; NULL still | 失效时间
-- Column:   account_id | account that is billed | 结算户号
-- Column:   meter_id | meter | 电能表编号
-- Column:   status | state of the customer | 客户状态
-- Column:   voltage_code | voltage level | 电压等级
-- Column:   tariff_code | tariff class | 电价分类
-- Column:   usage_code | usage nature | 用电性质
-- Column:   industry_code | industry | 行业分类
-- Column:   region_code | region | 供电区域
-- Column:   area_id | transformer area | 台区编号
-- Column:   feeder_id | feeder | 线路编号
-- Column:   capacity_kva | contracted capacity, kVA | 合同容量
-- Column:   demand_mode | how the basic charge is counted: capacity or demand | 基本电费计收方式
-- Column:   contract_kw | contracted demand, kW | 合同最大需量
-- Column:   pf_standard | power factor to be kept | 功率因数标准
-- Column:   service_type | full service, or delivery alone | 供电服务类型
-- Column:   prepaid | whether supply is prepaid | 是否预付费
-- Column:   contract_end | last day of the contract | 合同到期日
-- Column:   available_at | when it became known | 可用时间
SELECT
    customer_id, lsn, valid_from, valid_to, account_id, meter_id, status,
    voltage_code, tariff_code, usage_code, industry_code, region_code,
    area_id, feeder_id, capacity_kva, demand_mode, contract_kw, pf_standard,
    service_type, prepaid, contract_end, available_at
FROM (
    SELECT *, lead(valid_from) OVER (PARTITION BY customer_id ORDER BY valid_from, lsn) AS valid_to
    FROM customers
)
WHERE op <> 'd' AND (valid_to IS NULL OR valid_from < valid_to)
