//! Reports to typeset: an ordinary week of 2,000 customers, and odd ones.

use std::f64::consts::TAU;

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta};
use loadstar_reports::*;
use loadstar_schema::reference::Axis;
use loadstar_schema::{Energy, Fixed, Money, Price};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("date")
}

fn time(text: &str) -> NaiveDateTime {
    text.parse().expect("time")
}

fn instant(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).expect("time")
}

fn money(text: &str) -> Money {
    text.parse().expect("money")
}

fn price(text: &str) -> Price {
    text.parse().expect("price")
}

fn kwh(value: f64) -> Energy {
    Fixed::from_f64((value * 100.0).round() / 100.0).expect("energy")
}

pub(crate) fn both(en: &str, zh: &str) -> Bilingual {
    Bilingual { en: en.to_owned(), zh: zh.to_owned() }
}

/// A small repeatable unrest, −1 to 1.
fn wobble(seed: usize) -> f64 {
    let mixed = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635;
    ((mixed >> 33) % 2001) as f64 / 1000.0 - 1.0
}

/// One place, so that JSON gives back what was put in.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Changes about `mean` whose mean, weighted by the classes, is about `mean` too.
fn changes(weights: &[f64], mean: f64, spread: f64) -> Vec<Change> {
    let sum: f64 = weights.iter().sum();
    let raw: Vec<f64> = (0..weights.len()).map(|place| wobble(place * 7 + weights.len())).collect();
    let middle = raw.iter().zip(weights).map(|(raw, weight)| raw * weight / sum).sum::<f64>();
    raw.iter().map(|raw| Change::Percent(tenth(mean + spread * (raw - middle)))).collect()
}

/// Load of 2,000 customers, kW.
fn load_kw(at: NaiveDateTime) -> f64 {
    use chrono::{Datelike, Timelike};
    let hour = f64::from(at.hour());
    let morning = (-(hour - 10.0).powi(2) / 14.0).exp();
    let evening = (-(hour - 19.0).powi(2) / 7.0).exp();
    let working = if at.weekday().num_days_from_monday() < 5 { 1.0 } else { 0.72 };
    let season = 1.0 + 0.06 * (f64::from(at.ordinal()) / 365.0 * TAU).cos();
    (9_800.0 + working * 6_900.0 * morning + 5_600.0 * evening) * season * 1.11
}

fn hours(first: &str, count: usize) -> impl Iterator<Item = (usize, NaiveDateTime)> {
    let first = time(first);
    (0..count).map(move |hour| (hour, first + TimeDelta::hours(hour as i64)))
}

/// Shares of a total that add up to it to the last unit.
fn parts(total: i128, weights: &[f64]) -> Vec<i128> {
    let sum: f64 = weights.iter().sum();
    let mut parts: Vec<i128> =
        weights.iter().map(|weight| (total as f64 * weight / sum) as i128).collect();
    let rest = total - parts.iter().sum::<i128>();
    parts[0] += rest;
    parts
}

const ENERGY_UNITS: i128 = 24_861_934_512;
const REVENUE_CENTS: i128 = 156_382_417;

fn axis(axis: Axis, classes: &[(&str, &str, &str, f64, f64, u64)]) -> AxisSales {
    let weights: Vec<f64> = classes.iter().map(|class| class.3).collect();
    let energy = parts(ENERGY_UNITS, &weights);
    let by_price: Vec<f64> = classes.iter().map(|class| class.3 * class.4).collect();
    let revenue = parts(REVENUE_CENTS, &by_price);
    let (week, year) = (changes(&weights, 2.4, 5.0), changes(&weights, 5.1, 7.0));
    let rows = classes.iter().enumerate().map(|(place, class)| SalesRow {
        code: class.0.to_owned(),
        name_en: class.1.to_owned(),
        name_zh: class.2.to_owned(),
        energy: Fixed(energy[place]),
        revenue: Some(Fixed(revenue[place])),
        customers: Some(class.5),
        week_on_week: week[place],
        year_on_year: year[place],
    });
    AxisSales { axis, rows: rows.collect() }
}

fn sales() -> Vec<AxisSales> {
    vec![
        axis(
            Axis::Voltage,
            &[
                ("LV", "Below 1 kV", "不满1千伏", 31.0, 0.60, 1_842),
                ("MV", "1–10 (20) kV", "1–10（20）千伏", 44.0, 0.66, 139),
                ("HV35", "35 kV", "35千伏", 17.0, 0.62, 16),
                ("HV110", "110 kV", "110千伏", 8.0, 0.59, 3),
            ],
        ),
        axis(
            Axis::Tariff,
            &[
                ("RES", "Residential", "居民生活", 22.0, 0.55, 1_521),
                ("GCI", "General commercial and industrial", "一般工商业及其他", 34.0, 0.69, 402),
                ("LI", "Large industrial (two-part)", "大工业", 39.0, 0.63, 31),
                ("AGR", "Agricultural", "农业生产", 4.0, 0.52, 43),
                ("WHS", "Wholesale", "趸售", 1.0, 0.45, 3),
            ],
        ),
        axis(
            Axis::Usage,
            &[
                ("HOME", "Household lighting", "生活照明", 22.0, 0.55, 1_521),
                ("LIGHT", "Non-residential lighting", "非居民照明", 4.0, 0.68, 58),
                ("COM", "Commercial", "商业", 17.0, 0.70, 214),
                ("NIND", "Non-industrial", "非工业", 5.0, 0.68, 61),
                ("SIND", "General industrial", "普通工业", 9.0, 0.67, 69),
                ("LIND", "Large industrial", "大工业", 39.0, 0.63, 31),
                ("AGP", "Agricultural production", "农业生产", 3.0, 0.53, 38),
                ("PUMP", "Irrigation and drainage", "排灌", 1.0, 0.50, 8),
            ],
        ),
        axis(
            Axis::Industry,
            &[
                ("C", "Manufacturing", "制造业", 41.0, 0.64, 96),
                ("URB", "Urban households", "城镇居民", 15.0, 0.55, 1_034),
                ("RUR", "Rural households", "乡村居民", 7.0, 0.55, 487),
                ("F", "Wholesale and retail trade", "批发和零售业", 9.0, 0.70, 141),
                ("H", "Accommodation and catering", "住宿和餐饮业", 6.0, 0.70, 62),
                ("G", "Transport, storage and post", "交通运输、仓储和邮政业", 5.0, 0.66, 27),
                (
                    "A",
                    "Agriculture, forestry, animal husbandry and fishery",
                    "农、林、牧、渔业",
                    4.0,
                    0.53,
                    46,
                ),
                ("P", "Education", "教育", 3.0, 0.61, 24),
                ("Q", "Health and social work", "卫生和社会工作", 3.0, 0.61, 15),
                ("I", "Information technology", "信息传输、软件和信息技术服务业", 2.5, 0.69, 18),
                ("K", "Real estate", "房地产业", 2.0, 0.69, 21),
                ("S", "Public administration", "公共管理、社会保障和社会组织", 1.5, 0.66, 17),
                ("J", "Finance", "金融业", 1.0, 0.70, 12),
            ],
        ),
        axis(
            Axis::Region,
            &[
                ("0101", "Yuhu district", "雨湖区", 34.0, 0.64, 702),
                ("0102", "Yuetang district", "岳塘区", 29.0, 0.63, 588),
                ("0103", "Xiangtan county", "湘潭县", 21.0, 0.61, 431),
                ("0104", "Xiangxiang", "湘乡市", 11.0, 0.62, 198),
                ("0105", "Shaoshan", "韶山市", 5.0, 0.63, 81),
            ],
        ),
    ]
}

fn trend() -> Vec<DailyEnergy> {
    let first = day("2026-09-28");
    let daily = |place: usize| {
        let date = first + Days::new(place as u64);
        let weekend = if place % 7 >= 5 { 0.86 } else { 1.0 };
        let holiday = if (3..10).contains(&place) { 0.84 } else { 1.0 };
        let energy =
            352_000.0 * weekend * holiday * (1.0 + place as f64 * 0.0011) + 6_000.0 * wobble(place);
        DailyEnergy {
            day: date,
            energy: kwh(energy),
            year_ago: Some(kwh(energy * 0.951 + 7_000.0 * wobble(place + 99))),
            complete: place < 54,
        }
    };
    (0..56).map(daily).collect()
}

fn load() -> LoadReport {
    let actual: Vec<_> = hours("2026-11-16T00:00:00", 168)
        .map(|(hour, at)| LoadPoint {
            at,
            value: tenth(load_kw(at) * (1.0 + 0.022 * wobble(hour))),
        })
        .collect();
    let last_forecast = hours("2026-11-16T00:00:00", 168)
        .map(|(hour, at)| LoadPoint {
            at,
            value: tenth(load_kw(at) * (0.985 + 0.02 * wobble(hour / 9 + 40))),
        })
        .collect();
    let points = hours("2026-11-23T00:00:00", 168).map(|(hour, at)| {
        let median = tenth(load_kw(at) * 1.015);
        let spread = median * (0.022 + 0.00026 * hour as f64);
        ForecastPoint {
            at,
            median,
            band: Some((tenth(median - spread), tenth(median + spread * 1.1))),
            inner_band: Some((tenth(median - spread * 0.5), tenth(median + spread * 0.55))),
        }
    });
    let peak = actual.iter().copied().max_by(|a, b| a.value.total_cmp(&b.value)).expect("points");
    let valley = actual.iter().copied().min_by(|a, b| a.value.total_cmp(&b.value)).expect("points");
    let mean = actual.iter().map(|point| point.value).sum::<f64>() / actual.len() as f64;
    LoadReport {
        unit: LoadUnit::Kw,
        kpis: Some(LoadKpis {
            peak: peak.value,
            peak_at: peak.at,
            valley: valley.value,
            valley_at: valley.at,
            load_factor_pct: tenth(mean / peak.value * 100.0),
        }),
        actual,
        last_forecast,
        forecast: Section::Present(Forecast { points: points.collect(), band_pct: Some(80.0) }),
        backtest: Some(Backtest {
            period: Some((day("2026-08-24"), day("2026-11-22"))),
            mape_pct: Some(2.31),
            naive_mape_pct: Some(6.84),
            coverage_pct: Some(78.9),
            nominal_coverage_pct: Some(80.0),
        }),
    }
}

fn receivables() -> Receivables {
    let amounts =
        ["1284310.55", "212877.10", "64120.38", "30991.02", "41277.85", "18640.00", "9312.44"];
    let bills = [1_604, 211, 74, 39, 41, 22, 9];
    let held = AgeingBucket::ALL.into_iter().zip(amounts).zip(bills);
    Receivables {
        as_of: day("2026-11-22"),
        buckets: held
            .map(|((bucket, amount), bills)| AgeingAmount { bucket, amount: money(amount), bills })
            .collect(),
        collection_rate_pct: Some(96.4),
        collection_month: Some("2026-10".to_owned()),
        earlier_years: Some(money("11730.20")),
    }
}

fn movers() -> Movers {
    let mover = |id: &str, name: &str, before: f64, energy: f64| Mover {
        id: id.to_owned(),
        name: (!name.is_empty()).then(|| name.to_owned()),
        energy: kwh(energy),
        before: kwh(before),
    };
    Movers {
        up: vec![
            mover("C000412", "湘潭钢铁二厂", 182_400.0, 221_870.0),
            mover("C000077", "", 61_020.0, 79_344.0),
            mover("C001203", "Lotus Cold Storage", 24_118.0, 38_902.0),
            mover("C000655", "", 0.0, 9_870.5),
            mover("C001918", "", 12_077.0, 20_915.0),
            mover("C000031", "韶山宾馆", 8_800.0, 14_230.0),
        ],
        down: vec![
            mover("C000388", "华新水泥", 204_990.0, 151_230.0),
            mover("C000090", "", 44_200.0, 27_051.0),
            mover("C001544", "", 19_340.0, 4_020.0),
            mover("C000713", "Riverside Plaza", 31_004.0, 24_877.0),
            mover("C001020", "", 9_913.0, 5_105.0),
            mover("C001111", "", 5_120.0, 2_044.0),
        ],
    }
}

fn risk_row(id: &str, probability: f64, exposure: &str, reasons: &[(&str, &str)]) -> RiskRow {
    RiskRow {
        id: id.to_owned(),
        name: None,
        probability,
        exposure: Some(money(exposure)),
        reasons: reasons.iter().map(|(en, zh)| both(en, zh)).collect(),
    }
}

fn risks() -> Vec<RiskList> {
    let late = ("paid late 5 times in 12 months", "近12个月逾期缴费5次");
    let open = ("open amount is 3.1 monthly bills", "欠费相当于3.1个月电费");
    let drop = ("energy down 38% in 8 weeks", "近8周电量下降38%");
    let complaint = ("2 complaints in 90 days", "近90天投诉2次");
    let contract = ("contract ends in 41 days", "合同41天后到期");
    let counter = ("pays at the counter", "营业厅缴费");
    vec![
        RiskList {
            risk: Risk::Arrears,
            scored: Some(1_987),
            absence: None,
            rows: vec![
                risk_row("C001544", 0.871, "48211.30", &[late, open, drop]),
                risk_row("C000090", 0.812, "31740.00", &[open, late, counter]),
                risk_row("C001832", 0.744, "2210.75", &[late, counter]),
                risk_row("C000281", 0.690, "18004.12", &[open, drop]),
                risk_row("C001407", 0.655, "940.60", &[late, counter]),
                risk_row("C000519", 0.618, "6120.00", &[drop, late]),
                risk_row("C000520", 0.611, "5120.00", &[drop]),
                risk_row("C000521", 0.604, "4120.00", &[late]),
            ],
        },
        RiskList {
            risk: Risk::Churn,
            scored: Some(476),
            absence: None,
            rows: vec![
                risk_row("C000713", 0.412, "918400.00", &[contract, drop, complaint]),
                risk_row("C000388", 0.377, "4206331.50", &[drop, contract]),
                risk_row("C001203", 0.290, "605120.00", &[contract, complaint]),
                risk_row("C000646", 0.241, "88120.40", &[complaint]),
            ],
        },
    ]
}

fn kpi(name: KpiName, value: KpiValue, week_on_week: Change, year_on_year: Change) -> Kpi {
    Kpi { name, value, week_on_week, year_on_year }
}

/// An ordinary week of a utility with 2,000 customers, nothing missing.
pub(crate) fn sample() -> WeeklyReport {
    use Change::{Percent, Points, Unknown};
    let load = load();
    let peak = load.kpis.expect("kpis");
    WeeklyReport {
        organisation: "湘江供电 Xiangjiang Power".to_owned(),
        title: None,
        week: "2026-W47".to_owned(),
        period_start: day("2026-11-16"),
        period_end: day("2026-11-22"),
        issued_at: instant("2026-11-23T06:05:12+08:00"),
        data_cutoff: instant("2026-11-23T06:00:00+08:00"),
        run_id: "2026-11-23T06:00Z-7f3a91".to_owned(),
        currency: "¥".to_owned(),
        quality: DataQuality {
            completeness_pct: Some(98.7),
            estimated_pct: Some(0.9),
            late_reads: Some(4_812),
            revised_reads: Some(1_077),
            rejected_rows: Some(23),
        },
        kpis: vec![
            kpi(
                KpiName::EnergySold,
                KpiValue::Energy(Fixed(ENERGY_UNITS)),
                Percent(2.4),
                Percent(5.1),
            ),
            kpi(
                KpiName::Revenue,
                KpiValue::Money(Fixed(REVENUE_CENTS)),
                Percent(2.9),
                Percent(4.2),
            ),
            kpi(
                KpiName::AveragePrice,
                KpiValue::Price(price("0.62900000")),
                Percent(0.5),
                Percent(-0.9),
            ),
            kpi(KpiName::Customers, KpiValue::Count(2_000), Percent(0.2), Percent(3.4)),
            kpi(KpiName::PeakLoad, KpiValue::PowerKw(peak.peak), Percent(3.8), Percent(6.0)),
            kpi(
                KpiName::LoadFactor,
                KpiValue::Percent(peak.load_factor_pct),
                Points(-0.7),
                Points(0.4),
            ),
            kpi(KpiName::CollectionRate, KpiValue::Percent(96.4), Points(1.1), Points(-0.3)),
            kpi(
                KpiName::OverdueDebt,
                KpiValue::Money(money("377218.79")),
                Percent(-4.6),
                Unknown(Absence::NoHistory),
            ),
        ],
        trend: Section::Present(trend()),
        sales: Section::Present(sales()),
        price: Section::Present(PriceEffects {
            before: price("0.6259"),
            mix: price("0.0043"),
            price: price("-0.0012"),
            now: price("0.6290"),
        }),
        load: Section::Present(load),
        receivables: Section::Present(receivables()),
        movers: Section::Present(movers()),
        risks: Section::Present(risks()),
        notes: vec![both(
            "Feeder 10-07 was out for 3 hours on Tuesday.",
            "周二10-07线路停电3小时。",
        )],
        actions: vec![
            Action {
                what: both(
                    "Call the six customers most at risk of arrears",
                    "联系欠费风险最高的6户客户",
                ),
                owner: Some(both("Collections", "电费组")),
                due: Some(day("2026-11-27")),
            },
            Action {
                what: both(
                    "Check the drop at 华新水泥 (C000388)",
                    "核查华新水泥（C000388）电量下降原因",
                ),
                owner: Some(both("Key accounts", "大客户部")),
                due: Some(day("2026-11-25")),
            },
            Action {
                what: both(
                    "Renew the contract of Riverside Plaza before it ends",
                    "在到期前续签Riverside Plaza合同",
                ),
                owner: None,
                due: None,
            },
        ],
    }
}

/// A lake with daily reads, industry and region and nothing else: no money, no
/// hours, no models.
pub(crate) fn reads_only() -> WeeklyReport {
    let full = sample();
    let mut axes = sales();
    axes.retain(|axis| matches!(axis.axis, Axis::Industry | Axis::Region));
    for row in axes.iter_mut().flat_map(|axis| &mut axis.rows) {
        row.revenue = None;
        row.year_on_year = Change::default();
    }
    let mut days = trend();
    for day in &mut days {
        day.year_ago = None;
        day.complete = true;
    }
    let week = days.split_off(days.len() - 7);
    let points: Vec<_> = week
        .iter()
        .map(|day| LoadPoint {
            at: day.day.and_hms_opt(0, 0, 0).expect("midnight"),
            value: day.energy.to_f64(),
        })
        .collect();
    let forecast = points.iter().map(|point| ForecastPoint {
        at: point.at + TimeDelta::days(7),
        median: point.value * 1.01,
        band: Some((point.value * 0.95, point.value * 1.06)),
        inner_band: None,
    });
    let forecast = Forecast { points: forecast.collect(), band_pct: None };
    days.extend(week);
    WeeklyReport {
        quality: DataQuality { completeness_pct: Some(100.0), ..DataQuality::default() },
        kpis: full
            .kpis
            .into_iter()
            .filter(|kpi| matches!(kpi.name, KpiName::EnergySold | KpiName::Customers))
            .map(|kpi| Kpi { year_on_year: Change::default(), ..kpi })
            .collect(),
        trend: Section::Present(days),
        sales: Section::Present(axes),
        price: Section::Absent(Absence::NoTariffs),
        load: Section::Present(LoadReport {
            unit: LoadUnit::Kwh,
            kpis: Some(LoadKpis {
                peak: points[3].value,
                peak_at: points[3].at,
                valley: points[5].value,
                valley_at: points[5].at,
                load_factor_pct: 94.2,
            }),
            actual: points,
            last_forecast: Vec::new(),
            forecast: Section::Present(forecast),
            backtest: None,
        }),
        receivables: Section::Absent(Absence::NoBills),
        movers: full.movers,
        risks: Section::Absent(Absence::NoBills),
        notes: Vec::new(),
        actions: Vec::new(),
        ..full
    }
}

/// The least a report can be.
pub(crate) fn bare() -> WeeklyReport {
    serde_json::from_str(
        r#"{
            "organisation": "", "week": "2026-W01",
            "period_start": "2025-12-29", "period_end": "2026-01-04",
            "issued_at": "2026-01-05T06:00:00Z", "data_cutoff": "2026-01-05T06:00:00Z",
            "run_id": ""
        }"#,
    )
    .expect("every section may be left out")
}

/// One customer, one class on each axis, one of everything.
pub(crate) fn one_of_each() -> WeeklyReport {
    let mut report = sample();
    if let Section::Present(axes) = &mut report.sales {
        for axis in axes {
            axis.rows.truncate(1);
            axis.rows[0].energy = Fixed(1_234_567);
            axis.rows[0].revenue = Some(Fixed(7_766));
            axis.rows[0].customers = Some(1);
        }
    }
    if let Section::Present(days) = &mut report.trend {
        days.truncate(1);
    }
    if let Section::Present(load) = &mut report.load {
        load.actual.truncate(24);
        load.last_forecast.clear();
        load.forecast = Section::Absent(Absence::NoHistory);
        load.backtest = None;
    }
    if let Section::Present(movers) = &mut report.movers {
        movers.up.truncate(1);
        movers.down.clear();
    }
    if let Section::Present(owed) = &mut report.receivables {
        owed.buckets.truncate(1);
    }
    if let Section::Present(lists) = &mut report.risks {
        lists.truncate(1);
        lists[0].rows.truncate(1);
    }
    report.kpis.truncate(1);
    report.price = Section::Absent(Absence::NoTariffs);
    report
}

/// Names as long as a registry allows and lists as long as a lake.
pub(crate) fn overlong() -> WeeklyReport {
    let mut report = sample();
    let long_en = "Consolidated Manufacturing and Trading Holdings of the Middle Yangtze, Limited";
    let long_zh = "长江中游综合制造与商贸控股集团有限责任公司湘潭市岳塘区第二分公司";
    report.organisation = format!("{long_en} {long_zh}");
    report.run_id = "0123456789abcdef".repeat(8);
    report.kpis[3].name = KpiName::Other(both(long_en, long_zh));
    report.kpis[1].value = KpiValue::Money(Fixed(98_765_432_109_876));
    report.kpis[0].value = KpiValue::Energy(Fixed(987_654_321_098_765));
    if let Section::Present(axes) = &mut report.sales {
        for row in axes.iter_mut().flat_map(|axis| &mut axis.rows) {
            row.name_en = format!("{} {long_en}", row.name_en);
            row.name_zh = format!("{}{long_zh}", row.name_zh);
            row.energy = Fixed(row.energy.0 * 4_000);
            row.revenue = row.revenue.map(|revenue| Fixed(revenue.0 * 4_000));
            row.customers = row.customers.map(|customers| customers * 4_000);
            row.week_on_week = Change::Percent(1234.5);
        }
        let industry = axes.iter_mut().find(|axis| axis.axis == Axis::Industry).expect("industry");
        let row = industry.rows[3].clone();
        industry.rows.extend(std::iter::repeat_n(row, 60));
    }
    if let Section::Present(movers) = &mut report.movers {
        let mut row = movers.up[0].clone();
        row.name = Some(long_zh.to_owned());
        movers.up = vec![row.clone(); 400];
        row.name = Some(long_en.to_owned());
        row.energy = Fixed(0);
        movers.down = vec![row; 3];
    }
    if let Section::Present(lists) = &mut report.risks {
        for list in lists {
            for row in &mut list.rows {
                row.name = Some(long_zh.to_owned());
                row.exposure = Some(money("123456789012.34"));
                row.reasons.push(both(long_en, long_zh));
            }
            let row = list.rows[0].clone();
            list.rows.extend(std::iter::repeat_n(row, 5_000));
        }
    }
    report.notes = vec![both(long_en, long_zh); 9];
    report
}
