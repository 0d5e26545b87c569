-- Question: who are the customers, and in which state, at the instant the session speaks for?
-- 问题:     当前有哪些客户，处于什么状态？
-- Grain:    one row a customer.
-- Units:    capacity in kVA, contracted demand in kW.
-- Month:    none.
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
SELECT history.*
FROM customers_history AS history
JOIN lake_time ON history.valid_from <= lake_time.as_of
    AND (history.valid_to IS NULL OR lake_time.as_of < history.valid_to)
