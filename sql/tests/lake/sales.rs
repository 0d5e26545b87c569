//! What `sales.*` say is what sums in Rust over customers' days say, on every
//! axis, level and period.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, Months, NaiveDate};
use datafusion::prelude::SessionContext;
use loadstar_schema::synthetic::UtilitySpec;
use loadstar_sql::RollupScope;

use crate::utility::landed;
use crate::village::village;
use crate::written::{Written, cells, date};

const AXES: [&str; 5] = ["voltage", "tariff", "usage", "industry", "region"];
const PERIODS: [&str; 4] = ["day", "week", "month", "year"];

/// A decimal in units of its last digit; NULL is `None`.
fn units(text: &str) -> Option<i128> {
    (!text.is_empty()).then(|| text.replace('.', "").parse().expect("a decimal"))
}

/// What a customer drew on a day: kWh in ten-thousandths, revenue in hundredths.
struct Drawn {
    day: NaiveDate,
    customer: String,
    codes: [String; 5],
    energy: i128,
    revenue: Option<i128>,
}

async fn drawn(ctx: &SessionContext) -> Vec<Drawn> {
    let rows = "SELECT day, customer_id, voltage_code, tariff_code, usage_code, industry_code,
        region_code, energy_kwh, revenue FROM consumption_daily";
    let row = |row: Vec<String>| Drawn {
        day: date(&row[0]),
        customer: row[1].clone(),
        codes: [2, 3, 4, 5, 6].map(|column: usize| row[column].clone()),
        energy: units(&row[7]).expect("energy"),
        revenue: units(&row[8]),
    };
    cells(ctx, rows).await.into_iter().map(row).collect()
}

fn first_day(period: &str, day: NaiveDate) -> NaiveDate {
    match period {
        "day" => day,
        "week" => day - Days::new(day.weekday().num_days_from_monday().into()),
        "month" => day.with_day(1).expect("a first"),
        _ => NaiveDate::from_ymd_opt(day.year(), 1, 1).expect("a first"),
    }
}

fn last_day(period: &str, first: NaiveDate) -> NaiveDate {
    match period {
        "day" => first,
        "week" => first + Days::new(6),
        "month" => first + Months::new(1) - Days::new(1),
        _ => first + Months::new(12) - Days::new(1),
    }
}

/// From the top of an axis down to each of its codes.
async fn paths(ctx: &SessionContext) -> BTreeMap<(String, String), Vec<String>> {
    let rows = cells(ctx, "SELECT axis, code, parent_code FROM reference").await;
    let parents: BTreeMap<(String, String), String> =
        rows.iter().map(|row| ((row[0].clone(), row[1].clone()), row[2].clone())).collect();
    let path = |(axis, code): &(String, String)| {
        let mut path = vec![code.clone()];
        while let Some(parent) =
            parents.get(&(axis.clone(), path[0].clone())).filter(|parent| !parent.is_empty())
        {
            path.insert(0, parent.clone());
        }
        path
    };
    parents.keys().map(|key| (key.clone(), path(key))).collect()
}

#[derive(Default)]
struct Sum {
    energy: i128,
    revenue: Option<i128>,
    priced: i128,
    customers: BTreeMap<NaiveDate, usize>,
}

impl Sum {
    fn add(&mut self, drawn: &Drawn) {
        self.energy += drawn.energy;
        if let Some(revenue) = drawn.revenue {
            self.revenue = Some(self.revenue.unwrap_or_default() + revenue);
            self.priced += drawn.energy;
        }
        if !drawn.customer.is_empty() {
            *self.customers.entry(drawn.day).or_default() += 1;
        }
    }
}

/// Period, first day, axis, level, code.
type Key = (String, NaiveDate, String, usize, String);

async fn sums(ctx: &SessionContext, drawn: &[Drawn]) -> BTreeMap<Key, Sum> {
    let paths = paths(ctx).await;
    let depth = |axis: &str| {
        paths.iter().filter(|((of, _), _)| of == axis).map(|(_, path)| path.len()).max()
    };
    let depths = AXES.map(|axis| depth(axis).unwrap_or(1));
    let mut sums: BTreeMap<Key, Sum> = BTreeMap::new();
    for row in drawn {
        for period in PERIODS {
            let first = first_day(period, row.day);
            let mut add = |axis: &str, level: usize, code: &str| {
                let key = (period.to_owned(), first, axis.to_owned(), level, code.to_owned());
                sums.entry(key).or_default().add(row);
            };
            add("total", 0, "");
            for ((axis, code), depth) in AXES.iter().zip(&row.codes).zip(depths) {
                let path = paths.get(&((*axis).to_owned(), code.clone()));
                for level in 1..=depth {
                    let node = path.map_or(code, |path| &path[level.min(path.len()) - 1]);
                    add(axis, level, node);
                }
            }
        }
    }
    sums
}

/// a / b to six decimals as the lake has it, give or take the last one.
fn about(found: &str, over: i128, under: i128, what: &str) {
    let found: f64 = found.parse().unwrap_or_else(|_| panic!("{what}: {found}"));
    let expected = over as f64 / under as f64;
    assert!(
        (found - expected).abs() <= 1.1e-6 * expected.abs().max(1.0),
        "{what}: {found}, not {expected}"
    );
}

async fn the_cube_is_right(written: &Written) {
    let ctx = written.now().await;
    let drawn = drawn(&ctx).await;
    let sums = sums(&ctx, &drawn).await;
    let mut days: BTreeMap<(&str, NaiveDate), BTreeSet<NaiveDate>> = BTreeMap::new();
    for row in &drawn {
        for period in PERIODS {
            days.entry((period, first_day(period, row.day))).or_default().insert(row.day);
        }
    }
    let there = |period: &str, first: NaiveDate| {
        days.iter().find(|((of, day), _)| *of == period && *day == first)
    };
    let complete = |period: &str, first: NaiveDate| {
        let there = there(period, first);
        let all = (last_day(period, first) - first).num_days() + 1;
        there.is_some_and(|(_, days)| i64::try_from(days.len()) == Ok(all))
    };
    let cube =
        "SELECT period, first_day, axis, level, code, last_day, complete, energy_kwh, revenue,
        priced_energy_kwh, customer_count, average_price, energy_share, previous_energy_kwh,
        energy_change_share, year_before_energy_kwh, energy_year_change_share,
        year_to_date_energy_kwh, year_to_date_revenue, previous_revenue, year_before_revenue,
        year_before_to_date_energy_kwh, year_before_to_date_revenue, energy_to_date_change_share
        FROM sales.cube";
    let rows = cells(&ctx, cube).await;
    assert_eq!(rows.len(), sums.len());
    let read: BTreeSet<NaiveDate> = drawn.iter().map(|row| row.day).collect();
    let (mut changes, mut year_changes) = (0, 0);
    for row in rows {
        let first = date(&row[1]);
        let (period, axis, code) = (row[0].as_str(), row[2].as_str(), row[4].as_str());
        let level: usize = row[3].parse().expect("a level");
        let at = |first: NaiveDate| {
            sums.get(&(period.to_owned(), first, axis.to_owned(), level, code.to_owned()))
        };
        let what = format!("{period} {first} {axis} {level} {code}");
        let sum = at(first).unwrap_or_else(|| panic!("{what} is not expected"));
        assert_eq!(date(&row[5]), last_day(period, first), "{what}");
        let whole = complete(period, first);
        assert_eq!(row[6] == "true", whole, "{what}");
        assert_eq!(units(&row[7]), Some(sum.energy), "{what}");
        assert_eq!(units(&row[8]), sum.revenue, "{what}");
        assert_eq!(units(&row[9]).unwrap_or_default(), sum.priced, "{what}");
        let last = there(period, first).and_then(|(_, days)| days.last()).expect("a day");
        let customers = sum.customers.get(last).copied().unwrap_or_default();
        assert_eq!(row[10], customers.to_string(), "{what}");
        match sum.revenue.filter(|_| sum.priced > 0) {
            Some(revenue) => about(&row[11], revenue * 100, sum.priced, &what),
            None => assert_eq!(row[11], "", "{what}"),
        }
        let total = &sums[&(period.to_owned(), first, "total".to_owned(), 0, String::new())];
        about(&row[12], sum.energy, total.energy, &what);

        let previous = match period {
            "month" => first - Months::new(1),
            "year" => first - Months::new(12),
            _ => first - Days::new(7),
        };
        let year_before =
            if period == "week" { first - Days::new(364) } else { first - Months::new(12) };
        for (before, column, share, revenue, counted) in
            [(previous, 13, 14, 19, &mut changes), (year_before, 15, 16, 20, &mut year_changes)]
        {
            // The day after 28 February has no day of its own a year earlier.
            let known = at(before);
            assert_eq!(units(&row[column]), known.map(|sum| sum.energy), "{what} before");
            assert_eq!(units(&row[revenue]), known.and_then(|sum| sum.revenue), "{what} before");
            match known.filter(|_| whole && complete(period, before)) {
                Some(known) if known.energy > 0 => {
                    about(&row[share], sum.energy - known.energy, known.energy, &what);
                    *counted += 1;
                }
                _ => assert_eq!(row[share], "", "{what}"),
            }
        }
        let year =
            |day: NaiveDate| if period == "week" { day.iso_week().year() } else { day.year() };
        let to_date = |last: NaiveDate| {
            let of_year = sums.iter().filter(|((of, day, on, at, which), _)| {
                (of.as_str(), on.as_str(), *at, which.as_str()) == (period, axis, level, code)
                    && year(*day) == year(last)
                    && *day <= last
            });
            of_year.fold((0, None), |(energy, revenue), (_, sum)| {
                let more = sum.revenue.map(|more| revenue.unwrap_or(0) + more);
                (energy + sum.energy, more.or(revenue))
            })
        };
        let (energy, revenue) = to_date(first);
        assert_eq!(units(&row[17]), Some(energy), "{what} to date");
        assert_eq!(units(&row[18]), revenue, "{what} to date");
        let before = at(year_before).map(|_| to_date(year_before));
        assert_eq!(units(&row[21]), before.map(|(energy, _)| energy), "{what} to date before");
        assert_eq!(units(&row[22]), before.and_then(|(_, revenue)| revenue), "{what}");
        let whole_to_date = |first: NaiveDate| {
            let (mut start, last) = (first, last_day(period, first));
            while year(start - Days::new(1)) == year(first) {
                start = start - Days::new(1);
            }
            start.iter_days().take_while(|day| *day <= last).all(|day| read.contains(&day))
        };
        match before.filter(|_| whole_to_date(first) && whole_to_date(year_before)) {
            Some((known, _)) if known > 0 => about(&row[23], energy - known, known, &what),
            _ => assert_eq!(row[23], "", "{what} to date"),
        }
    }
    assert!(changes > 0, "nothing was compared with the period before");
    let two_years = drawn.iter().map(|row| row.day.year()).collect::<BTreeSet<_>>().len() > 1;
    assert_eq!(year_changes > 0, two_years);

    // And the totals of every axis, level and period are one number.
    let totals = "SELECT count(DISTINCT energy_kwh), count(DISTINCT revenue) FROM (
        SELECT period, axis, level, sum(energy_kwh) AS energy_kwh, sum(revenue) AS revenue
        FROM sales.cube GROUP BY period, axis, level)";
    assert_eq!(cells(&ctx, totals).await, [["1", "1"]]);
    let customers = "SELECT max(kinds) FROM (
        SELECT period, first_day, count(DISTINCT customers) AS kinds FROM (
            SELECT period, first_day, axis, level, sum(customer_count) AS customers
            FROM sales.cube GROUP BY period, first_day, axis, level)
        GROUP BY period, first_day)";
    assert_eq!(cells(&ctx, customers).await, [["1"]]);
    // Crossed, the axes add up to each by itself.
    for axis in AXES {
        let differ = format!(
            "SELECT count(*) FROM (
                SELECT period, first_day, {axis}_code AS code, sum(energy_kwh) AS energy_kwh,
                    sum(revenue) AS revenue, sum(customer_count) AS customer_count
                FROM sales.crossed GROUP BY 1, 2, 3) AS crossed
            FULL JOIN (
                SELECT period, first_day, code, energy_kwh, revenue, customer_count FROM sales.cube
                WHERE axis = '{axis}' AND level = (SELECT max(level) FROM sales.cube WHERE axis = '{axis}')
            ) AS cube ON cube.period = crossed.period AND cube.first_day = crossed.first_day
                AND coalesce(cube.code, '') = coalesce(crossed.code, '')
            WHERE (cube.energy_kwh IS DISTINCT FROM crossed.energy_kwh)
                OR (cube.revenue IS DISTINCT FROM crossed.revenue)
                OR (cube.customer_count IS DISTINCT FROM crossed.customer_count)"
        );
        assert_eq!(cells(&ctx, &differ).await, [["0"]], "{axis}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cube_of_the_village_is_right() {
    let written = village().await;
    the_cube_is_right(&written).await;
    // And from stored rollups as from the reads.
    written.lake.roll_up(RollupScope::Changed, &|_, _| {}).await.expect("rolled up");
    the_cube_is_right(&written).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_of_a_utility_are_right() {
    let spec =
        UtilitySpec { customers: 50, days: 115, defect_rate: 0.02, ..UtilitySpec::default() };
    let (written, _) = landed(spec).await;
    the_cube_is_right(&written).await;
    let ctx = written.now().await;
    let drawn = drawn(&ctx).await;
    unbilled_is_what_no_bill_covers(&ctx, &drawn).await;
    the_price_changes_by_price_and_mix(&ctx, &drawn).await;
    the_greatest_and_the_movers_are_those(&ctx, &drawn).await;
}

async fn unbilled_is_what_no_bill_covers(ctx: &SessionContext, drawn: &[Drawn]) {
    let bills =
        "SELECT customer_id, period_start, period_end, issued_at, bill_id FROM bills_current";
    let bills = cells(ctx, bills).await;
    let mut open: BTreeMap<(String, NaiveDate), i128> = BTreeMap::new();
    let mut covered: BTreeMap<String, i128> = BTreeMap::new();
    for row in drawn {
        let of_day = bills.iter().filter(|bill| {
            bill[0] == row.customer && (date(&bill[1])..=date(&bill[2])).contains(&row.day)
        });
        match of_day.max_by_key(|bill| (date(&bill[1]), bill[3].clone(), bill[4].clone())) {
            Some(bill) => *covered.entry(bill[4].clone()).or_default() += row.energy,
            None => {
                let key = (row.customer.clone(), first_day("month", row.day));
                *open.entry(key).or_default() += row.energy;
            }
        }
    }
    let rows = "SELECT customer_id, month, bill_id, metered_energy_kwh, unbilled_energy_kwh, state
        FROM sales.unbilled";
    let rows = cells(ctx, rows).await;
    assert_eq!(rows.len(), open.len() + bills.len());
    assert!(!open.is_empty() && !covered.is_empty());
    for row in rows {
        if row[5] == "unbilled" {
            let expected = open[&(row[0].clone(), date(&row[1]))];
            assert_eq!(units(&row[3]), Some(expected), "{row:?}");
            assert_eq!(row[3], row[4]);
        } else {
            assert_eq!(units(&row[3]), covered.get(&row[2]).copied(), "{row:?}");
            assert_eq!(row[4], "");
        }
    }
    let adds_up = "SELECT
        (SELECT sum(metered_energy_kwh) FROM sales.unbilled) = (SELECT sum(energy_kwh) FROM consumption_daily),
        (SELECT sum(provisional_revenue) FROM sales.unbilled) = (SELECT sum(revenue) FROM consumption_daily),
        (SELECT sum(billed_energy_kwh) FROM sales.unbilled) = (SELECT sum(energy_kwh) FROM bills_current),
        (SELECT sum(billed_amount) FROM sales.unbilled) = (SELECT sum(amount) FROM bills_current)";
    assert_eq!(cells(ctx, adds_up).await, [["true", "true", "true", "true"]]);
}

async fn the_price_changes_by_price_and_mix(ctx: &SessionContext, drawn: &[Drawn]) {
    let exactly = "SELECT count(*), count(*) FILTER (WHERE price_effect + mix_effect <> price_change),
        count(*) FILTER (WHERE abs(price_change - (average_price - previous_average_price)) > 0.000002)
        FROM sales.price_change";
    let counted = cells(ctx, exactly).await;
    assert!(counted[0][0] != "0" && counted[0][1..] == ["0", "0"], "{counted:?}");
    let classes = "SELECT count(*) FROM sales.price_change_by_class
        WHERE price_effect + mix_effect <> contribution";
    assert_eq!(cells(ctx, classes).await, [["0"]]);

    // Price and mix in floating point, on the tariff classes themselves.
    let mut by_class: BTreeMap<(NaiveDate, &str), (f64, f64)> = BTreeMap::new();
    for row in drawn {
        if let Some(revenue) = row.revenue {
            let key = (first_day("month", row.day), row.codes[1].as_str());
            let sum = by_class.entry(key).or_default();
            *sum = (sum.0 + row.energy as f64 / 1e4, sum.1 + revenue as f64 / 1e2);
        }
    }
    let found = "SELECT month, price_effect, mix_effect FROM sales.price_change
        WHERE axis = 'tariff' AND level = 2";
    let found = cells(ctx, found).await;
    assert!(found.len() >= 3);
    for row in found {
        let month = date(&row[0]);
        let of = |month: NaiveDate| -> BTreeMap<&str, (f64, f64)> {
            let of_month =
                by_class.iter().filter(|((at, _), (energy, _))| *at == month && *energy > 0.0);
            of_month.map(|((_, class), sum)| (*class, *sum)).collect()
        };
        let (now, before) = (of(month), of(month - Months::new(1)));
        let all = |of: &BTreeMap<&str, (f64, f64)>| of.values().map(|sum| sum.0).sum::<f64>();
        let (all_now, all_before) = (all(&now), all(&before));
        let (mut price, mut mix) = (0.0, 0.0);
        for class in now.keys().chain(before.keys()).collect::<BTreeSet<_>>() {
            match (now.get(class), before.get(class)) {
                (Some(now), Some(before)) => {
                    let (p1, p0) = (now.1 / now.0, before.1 / before.0);
                    price += now.0 / all_now * (p1 - p0);
                    mix += (now.0 / all_now - before.0 / all_before) * p0;
                }
                (Some(now), None) => mix += now.1 / all_now,
                (None, Some(before)) => mix -= before.1 / all_before,
                (None, None) => {}
            }
        }
        for (found, expected) in [(&row[1], price), (&row[2], mix)] {
            let found: f64 = found.parse().expect("a price");
            assert!((found - expected).abs() < 1e-8, "{month}: {found}, not {expected}");
        }
    }
}

async fn the_greatest_and_the_movers_are_those(ctx: &SessionContext, drawn: &[Drawn]) {
    let mut monthly: BTreeMap<(NaiveDate, &str), (i128, i128)> = BTreeMap::new();
    let mut all: BTreeMap<NaiveDate, i128> = BTreeMap::new();
    for row in drawn {
        let month = first_day("month", row.day);
        *all.entry(month).or_default() += row.energy;
        if !row.customer.is_empty() {
            let sum = monthly.entry((month, &row.customer)).or_default();
            *sum = (sum.0 + row.energy, sum.1 + 1);
        }
    }
    let found =
        "SELECT month, customer_id, energy_kwh, cumulative_energy_share FROM sales.top_customers
        ORDER BY month, rank";
    let found = cells(ctx, found).await;
    let mut expected: Vec<(NaiveDate, i128, &str)> =
        monthly.iter().map(|((month, customer), sum)| (*month, -sum.0, *customer)).collect();
    expected.sort_unstable();
    assert_eq!(found.len(), expected.len(), "fewer than a hundred customers are all there");
    let mut run = (NaiveDate::MIN, 0);
    for (row, (month, energy, customer)) in found.iter().zip(expected) {
        run = (month, if run.0 == month { run.1 - energy } else { -energy });
        assert_eq!((date(&row[0]), row[1].as_str()), (month, customer));
        assert_eq!(units(&row[2]), Some(-energy));
        about(&row[3], run.1, all[&month], &format!("{month} {customer}"));
    }

    let found = "SELECT month, direction, customer_id, change_kwh_per_day FROM sales.top_movers
        ORDER BY month, direction, rank";
    let mut moved: BTreeMap<(NaiveDate, &str), Vec<(f64, &str)>> = BTreeMap::new();
    for ((month, customer), sum) in &monthly {
        if let Some(before) = monthly.get(&(*month - Months::new(1), *customer)) {
            let per_day = |sum: &(i128, i128)| sum.0 as f64 / 1e4 / sum.1 as f64;
            let change = per_day(sum) - per_day(before);
            let direction = if change > 0.0 { "up" } else { "down" };
            moved.entry((*month, direction)).or_default().push((change, customer));
        }
    }
    let found = cells(ctx, found).await;
    assert!(found.len() > 40);
    for ((month, direction), mut changes) in moved {
        changes.retain(|(change, _)| change.abs() >= 1e-4);
        changes.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then(a.1.cmp(b.1)));
        changes.truncate(20);
        let of: Vec<&Vec<String>> =
            found.iter().filter(|row| date(&row[0]) == month && row[1] == direction).collect();
        assert_eq!(of.len(), changes.len(), "{month} {direction}");
        for (row, (change, _)) in of.iter().zip(changes) {
            let found: f64 = row[3].parse().expect("a change");
            assert!((found - change).abs() < 2e-4, "{month} {direction} {row:?}: not {change}");
        }
    }
}
