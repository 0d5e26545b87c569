//! A valid message of each table that is not a read.

use loadstar_schema::Table;

pub(super) const CUSTOMER: &str = r#"{"customer_id":"C1","lsn":7,"op":"u","valid_from":"2026-01-01T00:00:00Z",
"account_id":"A1","meter_id":"M1","status":"active","voltage_code":"LV","region_code":"",
"industry_code":null,"capacity_kva":315,"demand_mode":"demand","contract_kw":"200.5",
"pf_standard":0.9,"service_type":"sale","prepaid":null,"contract_end":"2027-12-31"}"#;
pub(super) const BILL: &str = r#"{"bill_id":"B1","kind":"ORIGINAL","customer_id":"C1","account_id":"A1",
"period_start":"2026-10-01","period_end":"2026-10-31","bill_month":"2026-11-01",
"issued_at":"2026-11-02T01:00:00Z","due_on":"2026-11-20","tariff_version":"demo-1",
"energy_kwh":100,"amount":64.87,"lines":[
{"component":"energy","tou":"peak","quantity":100,"price":0.6437,"amount":64.37},
{"component":"fund","quantity":100,"price":"0.005","amount":0.5}]}"#;
pub(super) const PAYMENT: &str = r#"{"payment_id":"P1","op":"PAY","account_id":"A1","amount":12.3,
"channel":"app","paid_at":"2026-11-01T02:00:00Z","booked_at":"2026-11-02T00:00:00Z",
"allocations":[{"bill_id":"B1","amount":12},{"bill_id":"B2","amount":0.3}]}"#;
pub(super) const REQUEST: &str = r#"{"request_id":"R1","stage":"accepted","type":"new_connection",
"stage_at":"2026-11-01T02:00:00Z","after_kva":400}"#;
pub(super) const SUPPLY: &str = r#"{"asset_id":"F1","asset_kind":"feeder","direction":"in",
"read_at":"2026-11-16T16:00:00Z","interval_min":60,"energy_kwh":5120.5}"#;
pub(super) const WEATHER: &str = r#"{"cell":"R1","kind":"forecast","issued_at":"2026-11-16T16:00:00Z",
"valid_at":"2026-11-18T16:00:00Z","temperature_c":-4.5,"humidity_pct":40,"wind_ms":null}"#;
pub(super) const CODE: &str = r#"{"axis":"industry","code":31,"parent_code":"C","name_en":"Steel",
"name_zh":"黑色金属冶炼","valid_from":"2020-01-01T00:00:00","valid_to":"2030-01-01"}"#;
pub(super) const TARIFF: &str = r#"{"tariff_version":"v2","tariff_code":"LI","price_band":"MV",
"valid_from":"2026-01-01","energy_price_per_kwh":0.6437}"#;
pub(super) const RULE: &str = r#"{"tariff_code":"LI","rule":"tou","item":"peak","threshold":0,
"value":"1.6","unit":"times","valid_from":"2026-01-01"}"#;
pub(super) const HOLIDAY: &str = r#"{"country":"CN","date":"2027-01-01","kind":"holiday",
"name_en":"New Year","name_zh":"元旦"}"#;

pub(super) const THRESHOLD: &str = r#"{"rule":"gap","parameter":"interpolate_hours","value":3,
"unit":"h","valid_from":"2026-03-01"}"#;
pub(super) const LIMIT: &str = r#"{"view_name":"service.requests","parameter":"complaint_days","value":5,
"unit":"days","valid_from":"2026-03-01"}"#;
pub(super) const TOTAL: &str = r#"{"region_code":"CITY","month":"2026-10-01","energy_kwh":"9300",
"publisher":"statistics office"}"#;
pub(super) const EVENT: &str = r#"{"meter_id":"M1","kind":"outage","started_at":"2026-11-16T03:00:00Z",
"ended_at":"2026-11-16T05:30:00Z","detail":null,"version":1}"#;

pub(super) const CASE: &str = r#"{"case_id":"I1","version":1,"kind":"theft","basis":"ranking","place":3,
"score":"64.00","customer_id":"C1","area_id":"T1","opened_at":"2026-11-02T02:00:00Z",
"inspected_at":"2026-11-09T03:00:00Z","outcome":"confirmed","recovered_energy_kwh":1200.5,
"recovered_amount":"706.01","penalty_amount":"2118.03"}"#;

pub(super) const VALID: &[(Table, &str)] = &[
    (Table::Customers, CUSTOMER),
    (Table::Bills, BILL),
    (Table::Payments, PAYMENT),
    (Table::ServiceRequests, REQUEST),
    (Table::SupplyReads, SUPPLY),
    (Table::Weather, WEATHER),
    (Table::Reference, CODE),
    (Table::Tariffs, TARIFF),
    (Table::TariffRules, RULE),
    (Table::Calendar, HOLIDAY),
    (Table::VeeRules, THRESHOLD),
    (Table::Limits, LIMIT),
    (Table::MarketTotals, TOTAL),
    (Table::MeterEvents, EVENT),
    (Table::InspectionCases, CASE),
];
