//! The synthetic utility tells what it planted; the views find that and nothing
//! else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use loadstar_schema::codes::{BillKind, CaseKind, CustomerStatus, PaymentOp, ReadChannel};
use loadstar_schema::event::{
    Bill, Customer, InspectionCase, MeterDay, MeterRead, Payment, RegisterRead, ServiceRequest,
    SupplyRead,
};
use loadstar_schema::synthetic::{Truth, Utility, UtilitySpec, WireEvent};
use loadstar_schema::{Energy, Money, Table, day};
use serde_json::{Value, json};

use crate::written::{Written, but, cells};

/// A landing in miniature: the message as rows, none where it is broken.
pub(crate) fn rows(event: &WireEvent) -> Option<(Table, Vec<Value>)> {
    let row: Value = serde_json::from_slice(&event.payload).ok()?;
    let known = json!({"available_at": event.timestamp});
    let landed =
        |table, more: Value| Some((table, vec![but(but(row.clone(), known.clone()), more)]));
    let positive = |energy: Energy| (energy >= Energy::ZERO).then_some(());
    let text = std::str::from_utf8(&event.payload).ok()?;
    match event.topic {
        "customers" => {
            let customer: Customer<'_> = serde_json::from_str(text).ok()?;
            CustomerStatus::from_code(&customer.status)?;
            positive(customer.capacity_kva.unwrap_or_default())?;
            landed(Table::Customers, json!({}))
        }
        "payments" => {
            let payment: Payment<'_> = serde_json::from_str(text).ok()?;
            PaymentOp::from_code(&payment.op)?;
            (payment.amount >= Money::ZERO).then_some(())?;
            landed(Table::Payments, json!({}))
        }
        "service_requests" => {
            let request: ServiceRequest<'_> = serde_json::from_str(text).ok()?;
            landed(Table::ServiceRequests, json!({"request_type": request.request_type}))
        }
        "bills" => {
            let bill: Bill<'_> = serde_json::from_str(text).ok()?;
            BillKind::from_code(&bill.kind)?;
            landed(Table::Bills, json!({}))
        }
        "inspection_cases" => {
            let case: InspectionCase<'_> = serde_json::from_str(text).ok()?;
            CaseKind::from_code(&case.kind)?;
            landed(Table::InspectionCases, json!({}))
        }
        "supply_reads" => {
            let read: SupplyRead<'_> = serde_json::from_str(text).ok()?;
            positive(read.energy_kwh)?;
            let known = read.asset_kind != "tower";
            let settled = day::of_interval_end(read.read_at);
            known.then(|| landed(Table::SupplyReads, json!({"day": settled})))?
        }
        "meter_reads" if row.get("values").is_some() => {
            let curve: MeterDay<'_> = serde_json::from_str(text).ok()?;
            ReadChannel::from_code(&curve.channel)?;
            let slots = 1440 / usize::from(curve.interval_min.unsigned_abs());
            let believed = |energy: &Energy| (0..1_000_000_000_000).contains(&energy.0);
            if curve.values.len() != slots || !curve.values.iter().flatten().all(believed) {
                return None;
            }
            let interval = TimeDelta::minutes(curve.interval_min.into());
            let reads = (0..slots).filter_map(|slot| {
                let ended = i32::try_from(slot + 1).unwrap_or_default();
                Some(json!({
                    "meter_id": curve.meter_id, "channel": curve.channel,
                    "read_at": day::start(curve.day) + interval * ended,
                    "interval_min": curve.interval_min, "energy_kwh": curve.values[slot]?.to_string(),
                    "quality": curve.quality.get(slot).copied().unwrap_or_default(),
                    "revision": curve.revision, "day": curve.day, "available_at": event.timestamp,
                }))
            });
            Some((Table::MeterReads, reads.collect()))
        }
        "meter_reads" if row.get("register_kwh").is_some() => {
            let read: RegisterRead<'_> = serde_json::from_str(text).ok()?;
            ReadChannel::from_code(&read.channel)?;
            positive(read.register_kwh)?;
            landed(Table::RegisterReads, json!({"day": day::of_interval_end(read.read_at)}))
        }
        "meter_reads" => {
            let read: MeterRead<'_> = serde_json::from_str(text).ok()?;
            ReadChannel::from_code(&read.channel)?;
            positive(read.energy_kwh)?;
            landed(Table::MeterReads, json!({"day": day::of_interval_end(read.read_at)}))
        }
        _ => None,
    }
}

/// Everything but the weather, in a lake.
pub(crate) async fn landed(spec: UtilitySpec) -> (Written, Truth) {
    landed_with_reads_of(spec, |_| true).await
}

/// As [`landed`], with the interval reads of some meters alone.
pub(crate) async fn landed_with_reads_of(
    spec: UtilitySpec,
    wanted: impl Fn(&str) -> bool,
) -> (Written, Truth) {
    let utility = Utility::new(spec).expect("a utility");
    let mut days = utility.days();
    let mut by_table: BTreeMap<Table, Vec<Value>> = BTreeMap::new();
    for (table, rows) in days.by_ref().flat_map(|day| day.events).filter_map(|event| rows(&event)) {
        let of = |row: &Value| row["meter_id"].as_str().is_some_and(&wanted);
        let rows = rows.into_iter().filter(|row| table != Table::MeterReads || of(row));
        by_table.entry(table).or_default().extend(rows);
    }
    let written = Written::new().await;
    for (table, rows) in by_table {
        written.land(table, &rows).await;
    }
    (written, days.truth())
}

/// The meters of a kind of defect.
pub(crate) fn planted(truth: &Truth, kind: &str) -> BTreeSet<String> {
    let of_kind = truth.defects.iter().filter(|defect| defect.kind == kind);
    of_kind.map(|defect| defect.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_is_found_and_nothing_else() {
    let spec =
        UtilitySpec { customers: 120, days: 75, defect_rate: 0.05, ..UtilitySpec::default() };
    let (written, truth) = landed(spec).await;
    let ctx = written.now().await;

    for table in ["meter_reads", "register_reads", "supply_reads"] {
        let told = &truth.tables[table];
        let rows = format!("SELECT count(*) FROM raw.{table}");
        assert_eq!(cells(&ctx, &rows).await, [[told.rows.to_string()]], "{table}");
        let again =
            format!("SELECT sum(duplicate_count) FROM read_duplicates WHERE source = '{table}'");
        assert_eq!(cells(&ctx, &again).await, [[told.duplicate_rows.to_string()]], "{table}");
        let against = format!("SELECT count(*) FROM read_conflicts WHERE source = '{table}'");
        assert_eq!(cells(&ctx, &against).await, [[told.conflict_rows.to_string()]], "{table}");
    }
    assert!(truth.tables["meter_reads"].conflict_rows > 0);
    assert!(truth.tables["register_reads"].duplicate_rows > 0);

    let of_kind = |kind: &str| {
        format!("SELECT DISTINCT meter_id FROM register_deltas WHERE kind = '{kind}' ORDER BY 1")
    };
    let names = |rows: Vec<Vec<String>>| rows.into_iter().flatten().collect::<BTreeSet<String>>();
    let rolled_over = names(cells(&ctx, &of_kind("rollover")).await);
    assert_eq!(rolled_over, planted(&truth, "rollover"));
    // The truth names the meter that was put up; the one taken down began with M0.
    let put_up = planted(&truth, "replacement");
    let taken_down: BTreeSet<String> =
        put_up.iter().map(|meter| meter.replacen("M9", "M0", 1)).collect();
    let bounded = names(cells(&ctx, &of_kind("replacement_boundary")).await);
    assert_eq!(bounded, taken_down);
    for kind in ["reverse", "error", "multiplier_change"] {
        assert!(cells(&ctx, &of_kind(kind)).await.is_empty(), "{kind}");
    }

    // Bills were made from the registers: over rollovers and replacements they
    // agree to the last digit, each month of each customer.
    let compared = "SELECT count(*), count(*) FILTER (WHERE register.energy_kwh = bill.energy_kwh),
            count(*) FILTER (WHERE register.unusual_energy_kwh > 0)
        FROM (SELECT customer_id, CAST(date_trunc('month', period_start) AS DATE) AS month,
                sum(energy_kwh) AS energy_kwh FROM bills_current GROUP BY 1, 2) AS bill
        LEFT JOIN register_consumption_monthly AS register
            ON register.customer_id = bill.customer_id AND register.month = bill.month
            AND register.channel = 'import' AND register.tou = 'total'";
    let compared: Vec<usize> = cells(&ctx, compared).await[0]
        .iter()
        .map(|count| count.parse().expect("a count"))
        .collect();
    assert_eq!(compared[0], compared[1]);
    assert!(compared[0] > 200 && compared[2] >= 4, "{compared:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_of_areas_that_are_named_have_a_customer_booked_wrongly() {
    let spec = UtilitySpec { customers: 500, days: 24, seed: 8, ..UtilitySpec::default() };
    let (written, truth) = landed(spec).await;
    let named = "SELECT DISTINCT low_area_id, high_area_id FROM area_link_suspects";
    let named = cells(&written.now().await, named).await;
    let wrong: Vec<[String; 2]> = truth
        .wrong_links
        .iter()
        .map(|link| [link.booked_area_id.clone(), link.true_area_id.clone()])
        .collect();
    assert!(!truth.thieves.is_empty(), "theft makes areas high too");
    assert!(!named.is_empty() && named.iter().all(|pair| wrong.iter().any(|link| pair == link)));
}
