//! Every code sent is one that the shipped reference knows.

use std::collections::HashSet;

use loadstar_schema::Table;
use loadstar_schema::codes::{
    AssetKind, BillKind, ChangeOp, CustomerStatus, Direction, PaymentOp, WeatherKind,
};
use loadstar_schema::event::{Bill, Customer, Payment, SupplyRead, Weather};
use loadstar_schema::reference::{self, Axis};
use loadstar_schema::synthetic::UtilitySpec;

use crate::{of_topic, play, town};

#[test]
fn every_code_exists() {
    let (batches, truth) = play(UtilitySpec { customers: 2000, ..town() });
    let rows = reference::shipped(Table::Reference).expect("fits").expect("rows");
    let mut known: HashSet<(Axis, String)> = HashSet::new();
    for &axis in Axis::ALL {
        known.extend(reference::codes(&rows, axis).into_iter().map(|code| (axis, code)));
    }
    let mut combinations = HashSet::new();
    for event in of_topic(&batches, "customers") {
        let row: Customer<'_> = serde_json::from_slice(&event.payload).expect("a customer");
        let codes = [
            (Axis::Voltage, row.voltage_code),
            (Axis::Tariff, row.tariff_code),
            (Axis::Usage, row.usage_code),
            (Axis::Industry, row.industry_code),
            (Axis::Region, row.region_code),
        ]
        .map(|(axis, code)| (axis, code.expect("a code").into_owned()));
        for code in &codes {
            assert!(known.contains(code), "{code:?}");
        }
        combinations.insert(codes);
        assert!(CustomerStatus::from_code(&row.status).is_some());
        assert!(ChangeOp::from_code(&row.op).is_some());
    }
    assert!((100..=300).contains(&combinations.len()), "{}", combinations.len());
    assert!(truth.energy.axis_combinations <= combinations.len() as u64);
    for event in of_topic(&batches, "bills") {
        let bill: Bill<'_> = serde_json::from_slice(&event.payload).expect("a bill");
        assert!(BillKind::from_code(&bill.kind).is_some());
    }
    for event in of_topic(&batches, "payments") {
        let payment: Payment<'_> = serde_json::from_slice(&event.payload).expect("a payment");
        assert!(PaymentOp::from_code(&payment.op).is_some());
    }
    for event in of_topic(&batches, "supply_reads") {
        let read: SupplyRead<'_> = serde_json::from_slice(&event.payload).expect("a read");
        assert!(AssetKind::from_code(&read.asset_kind).is_some());
        assert!(Direction::from_code(&read.direction).is_some());
    }
    for event in of_topic(&batches, "weather") {
        let weather: Weather<'_> = serde_json::from_slice(&event.payload).expect("weather");
        assert!(WeatherKind::from_code(&weather.kind).is_some());
        assert!(known.contains(&(Axis::Region, weather.cell.into_owned())));
    }
}
