//! The contract's schemas: each table that takes messages has one in Avro and
//! one in Protobuf, with every column in it.

use apache_avro::Schema;
use apache_avro::types::Value;
use loadstar_decode::RejectReason;

use super::avro::{avro, datum, decimal, millis, string};
use super::framed::{refused_as, taken};
use super::protobuf::{CONTRACT, contract, contract_fields, proto};
use super::*;

macro_rules! avsc {
    ($name:literal) => {
        include_str!(concat!("../../../../sql/schema/contract/", $name, ".avsc"))
    };
}

/// A table's schema in Avro and its messages in Protobuf.
const SCHEMAS: &[(Table, &str, &[&str])] = &[
    (Table::MeterReads, avsc!("meter_reads"), &["MeterRead", "MeterDay", "RegisterRead"]),
    (Table::RegisterReads, avsc!("meter_reads"), &["RegisterRead"]),
    (Table::Customers, avsc!("customers"), &["Customer"]),
    (Table::Bills, avsc!("bills"), &["Bill"]),
    (Table::Payments, avsc!("payments"), &["Payment"]),
    (Table::ServiceRequests, avsc!("service_requests"), &["ServiceRequest"]),
    (Table::SupplyReads, avsc!("supply_reads"), &["SupplyRead"]),
    (Table::Weather, avsc!("weather"), &["Weather"]),
    (Table::MeterEvents, avsc!("meter_events"), &["MeterEvent"]),
    (Table::InspectionCases, avsc!("inspection_cases"), &["InspectionCase"]),
];

fn schema_of(table: Table) -> &'static str {
    SCHEMAS.iter().find(|(of, ..)| *of == table).expect("a schema").1
}

#[test]
fn every_column_that_is_sent_is_in_both_schemas() {
    let tables: Vec<Table> = SCHEMAS.iter().map(|(table, ..)| *table).collect();
    assert_eq!(tables, Table::LANDED);
    for (table, avsc, messages) in SCHEMAS {
        let Schema::Record(record) = Schema::parse_str(avsc).expect("a schema") else {
            panic!("{} is no record", table.name());
        };
        let avro: Vec<String> = record.fields.iter().map(|field| field.name.clone()).collect();
        let protobuf: Vec<String> =
            messages.iter().flat_map(|message| contract_fields(message)).collect();
        for column in table.schema().fields() {
            let name = match column.name().as_str() {
                // Ours: when it came, and the day that it falls on.
                "available_at" | "day" => continue,
                "request_type" => "type",
                name => name,
            };
            for fields in [&avro, &protobuf] {
                assert!(fields.iter().any(|field| field == name), "{}: {name}", table.name());
            }
        }
    }
}

/// What a message becomes is what it becomes in plain JSON.
fn lands_as_in_json(table: Table, json: &str, avro_body: &[u8], message: &str, index: u8) {
    let expected = batch(table, json);
    assert_eq!(taken(table, &avro(schema_of(table)), avro_body), expected, "in Avro");
    let value = serde_json::from_str(json).expect("JSON");
    let body = contract(message, &[2, index << 1], value);
    assert_eq!(taken(table, &proto(CONTRACT), &body), expected, "in Protobuf");
}

#[test]
fn service_requests_land() {
    let request = datum(
        schema_of(Table::ServiceRequests),
        &[
            ("request_id", string("R1")),
            ("stage", string("accepted")),
            ("type", string("new_connection")),
            ("stage_at", millis("2026-11-01T02:00:00Z")),
            ("after_kva", decimal(4_000_000)),
        ],
    );
    lands_as_in_json(Table::ServiceRequests, samples::REQUEST, &request, "ServiceRequest", 6);
}

#[test]
fn supply_reads_land() {
    let read = datum(
        schema_of(Table::SupplyReads),
        &[
            ("asset_id", string("F1")),
            ("asset_kind", Value::Enum(1, "feeder".to_owned())),
            ("direction", Value::Enum(0, "in".to_owned())),
            ("read_at", millis("2026-11-16T16:00:00Z")),
            ("interval_min", Value::Int(60)),
            ("energy_kwh", decimal(51_205_000)),
        ],
    );
    lands_as_in_json(Table::SupplyReads, samples::SUPPLY, &read, "SupplyRead", 7);
}

#[test]
fn weather_lands() {
    let weather = datum(
        schema_of(Table::Weather),
        &[
            ("cell", string("R1")),
            ("kind", Value::Enum(1, "forecast".to_owned())),
            ("issued_at", millis("2026-11-16T16:00:00Z")),
            ("valid_at", millis("2026-11-18T16:00:00Z")),
            ("temperature_c", Value::Double(-4.5)),
            ("humidity_pct", Value::Double(40.0)),
        ],
    );
    lands_as_in_json(Table::Weather, samples::WEATHER, &weather, "Weather", 8);
}

#[test]
fn meter_events_land() {
    let event = datum(
        schema_of(Table::MeterEvents),
        &[
            ("meter_id", string("M1")),
            ("kind", Value::Enum(0, "outage".to_owned())),
            ("started_at", millis("2026-11-16T03:00:00Z")),
            ("ended_at", millis("2026-11-16T05:30:00Z")),
            ("version", Value::Int(1)),
        ],
    );
    lands_as_in_json(Table::MeterEvents, samples::EVENT, &event, "MeterEvent", 9);
}

#[test]
fn inspection_cases_land() {
    let case = datum(
        schema_of(Table::InspectionCases),
        &[
            ("case_id", string("I1")),
            ("version", Value::Int(1)),
            ("kind", Value::Enum(0, "theft".to_owned())),
            ("basis", Value::Enum(0, "ranking".to_owned())),
            ("place", Value::Int(3)),
            ("score", decimal(6_400)),
            ("customer_id", string("C1")),
            ("area_id", string("T1")),
            ("opened_at", millis("2026-11-02T02:00:00Z")),
            ("inspected_at", millis("2026-11-09T03:00:00Z")),
            ("outcome", Value::Enum(0, "confirmed".to_owned())),
            ("recovered_energy_kwh", decimal(12_005_000)),
            ("recovered_amount", decimal(70_601)),
            ("penalty_amount", decimal(211_803)),
        ],
    );
    lands_as_in_json(Table::InspectionCases, samples::CASE, &case, "InspectionCase", 10);
}

/// A plain 0 is a zero: what must be there is `optional`, to be told from it.
#[test]
fn a_quantity_that_is_unset_is_missing() {
    for (table, json, message, index, field) in [
        (Table::SupplyReads, samples::SUPPLY, "SupplyRead", 7, "energy_kwh"),
        (Table::Weather, samples::WEATHER, "Weather", 8, "temperature_c"),
    ] {
        let mut value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        value.as_object_mut().expect("an object").remove(field);
        let body = contract(message, &[2, index << 1], value);
        let reject = refused_as(table, &proto(CONTRACT), &body);
        assert_eq!(reject.reason, RejectReason::MissingField);
        assert!(reject.detail.contains(field), "{}", reject.detail);
    }
}
