//! What goes wrong in the streams, what has to come of it, and the tests that
//! hold it to that. Those of this suite are named with their module alone.
//!
//! | defect | required | held by |
//! |---|---|---|
//! | duplicate, redelivery | no effect; counted | [`resent_reads_change_nothing_and_are_counted`]; `utility`; of delivery `ingest/tests/landing/exactly_once` |
//! | conflict at the same key and revision | first kept, second set aside, reported | [`of_contradicting_reads_the_first_is_kept_and_both_are_shown`]; `utility` |
//! | late, out of order | placed by event time; affected days derived anew; issued answers reproducible | [`a_late_read_changes_its_day_and_no_earlier_answer`]; `rollups::any_order_of_arrival_ends_in_the_same_numbers`; `as_of::an_earlier_answer_is_reproduced` |
//! | missing point | never a silent zero | [`a_missing_point_is_missing_and_not_zero`] |
//! | negative delta | rollover if plausible, else replacement, reverse flow or error | `registers`, all of it |
//! | rollover | what was left and the new value, capped by rated current | `registers::a_register_that_passed_its_last_digit_counts_what_was_left_and_the_new`, `registers::what_the_capacity_of_the_time_cannot_have_drawn_is_no_rollover`; `utility` |
//! | meter replacement | old segment ends at the removal read, both are summed | `registers::a_customer_whose_meter_is_replaced_used_what_both_counted`; `utility`; of interval reads `golden` (M5 and M5b) |
//! | CT or PT change | multiplier by effective time | `registers::an_interval_counts_with_the_multiplier_it_began_with` |
//! | estimate, then actual | superseded by revision, both kept | [`an_estimate_gives_way_to_the_reading_and_both_are_kept`] |
//! | cancel and rebill | one current bill an account and period | `money::a_bill_issued_anew_twice_leaves_one_for_its_period`; `totals::bills_less_allocations_are_receivables` |
//! | part or over-payment | oldest first; surplus is paid ahead | `money::money_without_a_bill_goes_to_the_oldest_and_what_is_over_is_paid_ahead` |
//! | payment taken back | ageing from the first due date | `money::a_payment_taken_back_reopens_the_bill_from_its_first_due_date` |
//! | changes of customers late, out of order | by position in the source's log; history in the class valid then | [`changes_that_come_late_are_put_where_they_belong`]; `rollups::any_order_of_arrival_ends_in_the_same_numbers` |
//! | wrong transformer in the books | the pair is named | [`a_home_booked_behind_the_wrong_transformer_gives_the_pair_away`]; `utility` |
//! | poison record | dead letter with reason and offset; the stream goes on | `ingest/decode/tests/decode/utility`, `refused`; `ingest/tests/landing/exactly_once` (every contents has some) |
//!
//! Clock drift, outage zeros, spikes and the filling of gaps are edits of
//! interval reads and tested where these are made. The invariants: a total is
//! the sum of every axis (`totals::every_axis_and_grain_adds_up_to_the_same`,
//! [`a_late_read_changes_its_day_and_no_earlier_answer`]), the order of arrival
//! does not matter (`rollups`, `registers`, `money`), and bills less allocations
//! are the receivable (`money`, `totals`).

use chrono::TimeDelta;
use loadstar_schema::{Table, day};
use loadstar_sql::RollupScope;
use serde_json::{Value, json};

use crate::village::village;
use crate::written::{Written, at, but, cells, customer, date, delivered, read, register, show};

const DAY: &str = "2026-11-12";

/// Known so many hours after the day.
fn known(hours: i64) -> Value {
    json!({"available_at": day::end(date(DAY)) + TimeDelta::hours(hours)})
}

#[tokio::test(flavor = "multi_thread")]
async fn resent_reads_change_nothing_and_are_counted() {
    let written = Written::new().await;
    let tables = [
        (Table::MeterReads, read("M1", date(DAY), 60, 60, 5.0)),
        (Table::RegisterReads, register("M1", DAY, 12, 700.0)),
        (Table::SupplyReads, delivered("T1", date(DAY), 99.0)),
    ];
    for (table, row) in &tables {
        written.land(*table, std::slice::from_ref(row)).await;
    }
    let answers = "SELECT * FROM (
        SELECT 'intervals' AS of, sum(energy_kwh) AS kwh, count(*) AS rows FROM meter_reads
        UNION ALL SELECT 'registers', sum(register_kwh), count(*) FROM register_reads
        UNION ALL SELECT 'supply', sum(energy_kwh), count(*) FROM supply_reads) ORDER BY 1";
    let before = written.show(answers).await;
    let counted = "SELECT source, day, row_count, duplicate_count FROM read_duplicates ORDER BY 1";
    let first = cells(&written.now().await, counted).await;
    assert!(first.iter().all(|row| row[2..] == ["1", "0"]) && first.len() == 3, "{first:?}");
    for (table, row) in &tables {
        let again = [but(row.clone(), known(30)), but(row.clone(), known(31))];
        written.land(*table, &again).await;
    }
    assert_eq!(written.show(answers).await, before);
    let expected = ["meter_reads", "register_reads", "supply_reads"];
    let expected = expected.map(|source| [source, DAY, "3", "2"]);
    assert_eq!(cells(&written.now().await, counted).await, expected);
    assert!(cells(&written.now().await, "SELECT * FROM read_conflicts").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_contradicting_reads_the_first_is_kept_and_both_are_shown() {
    let written = Written::new().await;
    let first = read("M1", date(DAY), 60, 60, 5.0);
    let second = but(first.clone(), json!({"energy_kwh": "6.0000"}));
    let tied = read("M1", date(DAY), 120, 60, 7.0);
    let ratio = register("M1", DAY, 12, 700.0);
    // The second one lands before the first; when they became known decides.
    written.land(Table::MeterReads, &[but(second.clone(), known(9)), but(second, known(10))]).await;
    written.land(Table::MeterReads, &[first, but(tied.clone(), json!({"quality": 8})), tied]).await;
    let other = but(ratio.clone(), json!({"multiplier": "2.0000"}));
    written.land(Table::RegisterReads, &[ratio, but(other, known(3))]).await;
    let ctx = written.now().await;
    let reported = "SELECT source, asset_id, read_at, kept_kwh, quarantined_kwh, kept_multiplier,
            quarantined_multiplier, kept_available_at < quarantined_available_at AS later, differs_in
        FROM read_conflicts ORDER BY 1, 3";
    let hour = |hour: i64| at(DAY, hour).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let [one, two, noon] = [1, 2, 12].map(hour);
    let expected = [
        ["meter_reads", "M1", &one, "5.0000", "6.0000", "", "", "true", "energy"],
        ["meter_reads", "M1", &two, "7.0000", "7.0000", "", "", "false", "quality"],
        [
            "register_reads",
            "M1",
            &noon,
            "700.0000",
            "700.0000",
            "1.0000",
            "2.0000",
            "true",
            "multiplier",
        ],
    ];
    assert_eq!(cells(&ctx, reported).await, expected);
    // What is kept is what the current table shows, of those known at one instant too.
    let shown =
        "SELECT count(*) FROM read_conflicts c JOIN meter_reads r ON r.meter_id = c.asset_id
        AND r.read_at = c.read_at AND r.energy_kwh = c.kept_kwh AND r.quality = c.kept_quality";
    assert_eq!(cells(&ctx, shown).await, [["2"]]);
    // A higher revision settles it; what was set aside stays to be seen.
    let settled = but(read("M1", date(DAY), 60, 60, 5.5), json!({"revision": 1, "quality": 7}));
    written.land(Table::MeterReads, &[but(settled, known(40))]).await;
    let ctx = written.now().await;
    assert_eq!(cells(&ctx, reported).await, expected);
    let current = "SELECT energy_kwh FROM meter_reads ORDER BY read_at";
    assert_eq!(cells(&ctx, current).await, [["5.5000"], ["7.0000"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_landed_row_is_a_fact_a_duplicate_or_a_conflict() {
    let written = village().await;
    let ctx = written.now().await;
    let counted = "SELECT
        (SELECT count(*) FROM raw.meter_reads),
        (SELECT count(*) FROM (SELECT DISTINCT meter_id, channel, read_at, revision FROM raw.meter_reads))
            + (SELECT sum(duplicate_count) FROM read_duplicates WHERE source = 'meter_reads')
            + (SELECT count(*) FROM read_conflicts WHERE source = 'meter_reads')";
    let counted = cells(&ctx, counted).await;
    assert_eq!(counted[0][0], counted[0][1]);
}

/// Both views read the asked day's files alone.
#[tokio::test(flavor = "multi_thread")]
async fn contradictions_of_a_day_are_found_in_that_days_files() {
    let written = village().await;
    let ctx = written.now().await;
    for view in ["read_duplicates", "read_conflicts", "area_loss_daily"] {
        let sql = format!("EXPLAIN ANALYZE SELECT * FROM {view} WHERE day = DATE '{DAY}'");
        let plan = show(&ctx, &sql).await;
        assert!(plan.contains("day=2026-11-12"), "{view}: {plan}");
        for other in ["day=2026-11-11", "day=2026-11-13", "day=2025-11-17"] {
            assert!(!plan.contains(other), "{view}: {plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_read_changes_its_day_and_no_earlier_answer() {
    let written = village().await;
    written.lake.roll_up(RollupScope::Changed, &|_, _| {}).await.expect("rolled up");
    let issued_at = at("2026-11-24", 0);
    let week = "SELECT * FROM sales_by_axis WHERE week = '2026-W46' ORDER BY 1, 2, 6";
    let issued = show(&written.lake.at(Some(issued_at)).await.expect("a session"), week).await;
    let energy = "SELECT day, sum(energy_kwh) FROM sales_daily GROUP BY 1 ORDER BY 1";
    let before = cells(&written.now().await, energy).await;

    // Eleven days late, and a correction of another hour of the same day.
    let late = read("M6", date(DAY), 1440, 1440, 8.5);
    let corrected = but(read("M1", date(DAY), 600, 60, 1000.0), json!({"revision": 5}));
    let arrived = json!({"available_at": at("2026-11-24", 9)});
    let rows = [but(late, arrived.clone()), but(corrected, arrived)];
    written.land(Table::MeterReads, &rows).await;
    let outcome = written.lake.roll_up(RollupScope::Changed, &|_, _| {}).await.expect("rolled up");
    assert_eq!(outcome.days, 3, "the day in each rollup");

    let ctx = written.now().await;
    let after = cells(&ctx, energy).await;
    let changed: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
    assert!(changed.len() == 1 && changed[0].0[0] == DAY, "{changed:?}");
    for axis in ["voltage", "tariff", "usage", "industry", "region"] {
        let of_axis = format!(
            "SELECT day, sum(energy_kwh) FROM sales_by_axis WHERE axis = '{axis}' GROUP BY 1 ORDER BY 1"
        );
        assert_eq!(cells(&ctx, &of_axis).await, after, "{axis}");
    }
    let then = written.lake.at(Some(issued_at)).await.expect("a session");
    assert_eq!(show(&then, week).await, issued);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_point_is_missing_and_not_zero() {
    let written = Written::new().await;
    let area = json!({"area_id": "T1", "feeder_id": "F1"});
    written.land(Table::Customers, &[but(customer("C1", 1, at("2025-01-01", 0)), area)]).await;
    let quarters = [360, 720, 1440].map(|end| read("M1", date(DAY), end, 360, 6.0));
    written.land(Table::MeterReads, &quarters).await;
    written.land(Table::SupplyReads, &[delivered("T1", date(DAY), 25.0)]).await;
    let registers =
        [register("M1", "2026-11-09", 0, 500.0), register("M1", "2026-11-13", 0, 400.0)];
    written.land(Table::RegisterReads, &registers).await;
    let ctx = written.now().await;
    let day =
        "SELECT interval_count, expected_interval_count, completeness FROM completeness_daily";
    assert_eq!(cells(&ctx, day).await, [["3", "4", "0.750000"]]);
    let loss = "SELECT complete, customer_count, complete_customer_count, supplied_kwh, sold_kwh, loss_kwh, loss_rate
        FROM area_loss_daily";
    assert_eq!(cells(&ctx, loss).await, [["false", "1", "0", "", "", "", ""]]);
    let month = "SELECT energy_kwh, unusual_share, unknown_interval_count FROM register_consumption_monthly";
    assert_eq!(cells(&ctx, month).await, [["", "", "1"]]);
    // With the point there, so is the loss; a day without supply has no rate.
    let point = but(read("M1", date(DAY), 1080, 360, 6.5), known(50));
    written.land(Table::MeterReads, &[point]).await;
    written.land(Table::SupplyReads, &[delivered("T1", date("2026-11-13"), 0.0)]).await;
    let silent = [360, 720, 1080, 1440].map(|end| read("M1", date("2026-11-13"), end, 360, 0.0));
    written.land(Table::MeterReads, &silent).await;
    let expected = [
        ["true", "1", "1", "25.0000", "24.5000", "0.5000", "0.020000"],
        ["true", "1", "1", "0.0000", "0.0000", "0.0000", ""],
    ];
    assert_eq!(cells(&written.now().await, &format!("{loss} ORDER BY day")).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_gives_way_to_the_reading_and_both_are_kept() {
    let written = Written::new().await;
    written.land(Table::Customers, &[customer("C1", 1, at("2025-01-01", 0))]).await;
    let estimate = but(read("M1", date(DAY), 1440, 1440, 20.0), json!({"quality": 8}));
    let actual = but(read("M1", date(DAY), 1440, 1440, 23.5), json!({"revision": 1}));
    // The reading lands first: revisions decide, not arrival.
    written.land(Table::MeterReads, &[but(actual, known(20))]).await;
    written.land(Table::MeterReads, &[estimate]).await;
    let ctx = written.now().await;
    let current = "SELECT energy_kwh, estimated_interval_count FROM consumption_daily";
    assert_eq!(cells(&ctx, current).await, [["23.5000", "0"]]);
    let both = "SELECT revision, quality, energy_kwh FROM raw.meter_reads ORDER BY 1";
    assert_eq!(cells(&ctx, both).await, [["0", "8", "20.0000"], ["1", "0", "23.5000"]]);
    let then = written.lake.at(Some(day::end(date(DAY)) + TimeDelta::hours(5))).await;
    assert_eq!(cells(&then.expect("a session"), current).await, [["20.0000", "1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_come_late_are_put_where_they_belong() {
    let written = Written::new().await;
    let state = |lsn: i64, from: &str, tariff: &str, known: &str| {
        let change = json!({"op": "u", "tariff_code": tariff, "available_at": at(known, 9)});
        but(customer("C1", lsn, at(from, 0)), change)
    };
    let reads: Vec<Value> = crate::written::days("2026-11-10", "2026-11-15")
        .into_iter()
        .map(|day| read("M1", day, 1440, 1440, 10.0))
        .collect();
    written.land(Table::MeterReads, &reads).await;
    // Of two changes from the 14th on the later in the log holds, though it came first.
    let first = [
        state(1, "2025-01-01", "GCI", "2025-01-01"),
        state(9, "2026-11-14", "LI", "2026-11-14"),
        state(8, "2026-11-14", "RES", "2026-11-15"),
    ];
    written.land(Table::Customers, &first).await;
    written.lake.roll_up(RollupScope::Changed, &|_, _| {}).await.expect("rolled up");
    let classes = "SELECT tariff_code, min(day), max(day), sum(energy_kwh) FROM consumption_daily GROUP BY 1 ORDER BY 2";
    let expected = [
        ["GCI", "2026-11-10", "2026-11-13", "40.0000"],
        ["LI", "2026-11-14", "2026-11-15", "20.0000"],
    ];
    assert_eq!(cells(&written.now().await, classes).await, expected);
    // A change from the 12th on becomes known on the 20th.
    written.land(Table::Customers, &[state(5, "2026-11-12", "AGR", "2026-11-20")]).await;
    let outcome = written.lake.roll_up(RollupScope::Changed, &|_, _| {}).await.expect("rolled up");
    assert_eq!(outcome.days, 3 * 4, "from the 12th on, in each rollup");
    let repaired = [
        ["GCI", "2026-11-10", "2026-11-11", "20.0000"],
        ["AGR", "2026-11-12", "2026-11-13", "20.0000"],
        ["LI", "2026-11-14", "2026-11-15", "20.0000"],
    ];
    assert_eq!(cells(&written.now().await, classes).await, repaired);
    let then = written.lake.at(Some(at("2026-11-19", 0))).await.expect("a session");
    assert_eq!(cells(&then, classes).await, expected);
    let overlaps = "SELECT count(*) FROM customers_history a JOIN customers_history b
        ON a.customer_id = b.customer_id AND a.lsn <> b.lsn AND a.valid_from < coalesce(b.valid_to, a.valid_from + INTERVAL '1 day')
        AND b.valid_from < coalesce(a.valid_to, b.valid_from + INTERVAL '1 day')";
    assert_eq!(cells(&written.now().await, overlaps).await, [["0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_booked_behind_the_wrong_transformer_gives_the_pair_away() {
    let written = village().await;
    let ctx = written.now().await;
    let pair = "SELECT feeder_id, low_area_id, high_area_id, day_count, negative_day_count, low_loss_kwh < 0,
        high_loss_kwh > 0, similarity > 0.5 FROM area_link_suspects";
    // Fourteen days less the one on which T2's meter read half.
    assert_eq!(cells(&ctx, pair).await, [["F1", "T1", "T2", "13", "13", "true", "true", "true"]]);
    let half = "SELECT complete, supply_complete, loss_kwh FROM area_loss_daily
        WHERE area_id = 'T2' AND day = DATE '2026-11-20'";
    assert_eq!(cells(&ctx, half).await, [["false", "false", ""]]);
}
