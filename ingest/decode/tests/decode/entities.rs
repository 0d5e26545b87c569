//! The other tables: what they take in and what they refuse.

use loadstar_decode::RejectReason;
use loadstar_schema::reference::{self, Axis};

use super::samples::*;
use super::*;

#[test]
fn every_table_takes_in_its_message() {
    for &(table, payload) in VALID {
        let rows = batch(table, payload);
        assert_eq!(rows.schema(), table.schema());
        assert_eq!(rows.num_rows(), 1);
        if Table::LANDED.contains(&table) {
            assert_eq!(instants(&rows, "available_at"), ["2026-11-17T02:00:00Z"]);
        }
    }
}

#[test]
fn values_arrive_in_their_columns() {
    let customer = batch(Table::Customers, CUSTOMER);
    assert_eq!(text(&customer, "status", 0), "active");
    assert_eq!(decimals(&customer, "contract_kw"), ["200.5000"]);
    for absent in ["region_code", "industry_code", "tariff_code", "area_id"] {
        assert_eq!(customer.column_by_name(absent).expect(absent).null_count(), 1, "{absent}");
    }
    let bill = batch(Table::Bills, BILL);
    let lines = bill.column_by_name("lines").expect("lines").as_list::<i32>().value(0);
    let lines = RecordBatch::from(lines.as_struct());
    assert_eq!(decimals(&lines, "price"), ["0.64370000", "0.00500000"]);
    assert_eq!(lines.column_by_name("tou").expect("tou").null_count(), 1);
    let payment = batch(Table::Payments, PAYMENT);
    let parts = payment.column_by_name("allocations").expect("parts").as_list::<i32>().value(0);
    assert_eq!(decimals(&RecordBatch::from(parts.as_struct()), "amount"), ["12.00", "0.30"]);
    assert_eq!(days(&batch(Table::SupplyReads, SUPPLY), "day"), ["2026-11-16"]);
    let code = batch(Table::Reference, CODE);
    assert_eq!(
        (text(&code, "code", 0), days(&code, "valid_from").remove(0)),
        ("31".into(), "2020-01-01".into())
    );
}

#[test]
fn lists_of_several_rows_stay_apart() {
    let mut decoder = decoder(Table::Payments);
    let none = PAYMENT.replace(r#"{"bill_id":"B1","amount":12},{"bill_id":"B2","amount":0.3}"#, "");
    for payload in [PAYMENT, &none, PAYMENT] {
        decoder.push(&message(payload.as_bytes()));
    }
    let rows = decoder.finish().tables.remove(0).1;
    let parts = rows.column_by_name("allocations").expect("parts").as_list::<i32>();
    let lengths: Vec<i32> = (0..3).map(|row| parts.value_length(row)).collect();
    assert_eq!(lengths, [2, 0, 2]);
}

#[test]
fn what_breaks_a_rule_is_refused_with_the_rule() {
    use RejectReason::{ImpossibleValue, MissingField, UnknownCode, WrongType};
    use Table::{
        Bills, Calendar, Customers, InspectionCases, Limits, MarketTotals, MeterEvents, Payments,
        Reference, ServiceRequests, SupplyReads, Tariffs, VeeRules, Weather,
    };
    let cases = [
        (
            Customers,
            CUSTOMER,
            r#""industry_code":null"#,
            r#""industry_code":"X9""#,
            UnknownCode,
            "industry_code 'X9' is not in the reference list 'industry'; load it with `loadstar load reference`",
        ),
        (Customers, CUSTOMER, r#""u""#, r#""U""#, UnknownCode, r#"op "U" is not one of c, u, d"#),
        (
            Customers,
            CUSTOMER,
            "315",
            "-1",
            ImpossibleValue,
            "capacity_kva is -1; it cannot be negative",
        ),
        (
            Customers,
            CUSTOMER,
            r#""demand","#,
            r#""peak","#,
            UnknownCode,
            r#"demand_mode "peak" is not one of capacity, demand"#,
        ),
        (
            Customers,
            CUSTOMER,
            "0.9,",
            "90,",
            ImpossibleValue,
            "pf_standard is 90.00; expected a power factor from 0 to 1",
        ),
        (
            Customers,
            CUSTOMER,
            "2027-12-31",
            "9027-12-31",
            ImpossibleValue,
            "contract_end is in the year 9027; expected 1900 to 2200",
        ),
        (Customers, CUSTOMER, r#""lsn":7,"#, "", MissingField, "lsn is missing"),
        (
            Customers,
            CUSTOMER,
            r#""lsn":7"#,
            r#""lsn":null"#,
            MissingField,
            "lsn is null; it must have a value; expected a whole number",
        ),
        (
            Customers,
            CUSTOMER,
            r#""prepaid":null"#,
            r#""prepaid":"no""#,
            WrongType,
            r#"prepaid: found the text "no"; expected a boolean"#,
        ),
        (
            Bills,
            BILL,
            "64.87",
            "64.88",
            ImpossibleValue,
            "amount is 64.88 but the 2 lines add up to 64.87",
        ),
        (Bills, BILL, r#""price":0.6437,"#, "", MissingField, "price is missing in lines[0]"),
        (
            Bills,
            BILL,
            r#""amount":0.5"#,
            r#""amount":"half""#,
            WrongType,
            "lines[1].amount: not a decimal number",
        ),
        (
            Bills,
            BILL,
            "peak",
            "midnight",
            UnknownCode,
            r#"lines[0].tou "midnight" is not one of critical, peak, flat, valley, deep_valley, total"#,
        ),
        (
            Bills,
            BILL,
            "0.6437",
            "10000",
            ImpossibleValue,
            "lines[0].price is 10000; expected less than 10000",
        ),
        (
            Bills,
            BILL,
            "ORIGINAL",
            "CANCEL",
            MissingField,
            "ref_bill_id is missing; a CANCEL says which bill it is about",
        ),
        (
            Bills,
            BILL,
            "2026-10-31",
            "2026-09-30",
            ImpossibleValue,
            "period_end 2026-09-30 is before period_start 2026-10-01",
        ),
        (
            Bills,
            BILL,
            "2026-11-20",
            "2026-11-01",
            ImpossibleValue,
            "due_on 2026-11-01 is before the day of issued_at 2026-11-02",
        ),
        (
            Bills,
            BILL,
            "2026-11-01",
            "2026-11-02",
            ImpossibleValue,
            "bill_month is 2026-11-02; expected the first day of a month",
        ),
        (
            Payments,
            PAYMENT,
            "12.3,",
            "12.29,",
            ImpossibleValue,
            "allocations add up to 12.30, more than amount 12.29",
        ),
        (
            Payments,
            PAYMENT,
            "12.3,",
            "0,",
            ImpossibleValue,
            "amount is 0.00; expected more than 0, op says which way it moves",
        ),
        (
            Payments,
            PAYMENT,
            r#""amount":12}"#,
            r#""amount":-12}"#,
            ImpossibleValue,
            "allocations[0].amount is -12; it cannot be negative",
        ),
        (
            Payments,
            PAYMENT,
            "PAY",
            "REVERSE",
            MissingField,
            "ref_payment_id is missing; a REVERSE says which payment it takes back",
        ),
        (
            Payments,
            PAYMENT,
            "2026-11-02",
            "2026-10-30",
            ImpossibleValue,
            "the day of booked_at 2026-10-30 is before the day of paid_at 2026-11-01",
        ),
        (
            Payments,
            PAYMENT,
            "2026-11-01T02:00:00Z",
            "yesterday",
            WrongType,
            r#"paid_at: found the text "yesterday"; expected an instant such as 2026-11-16T00:15:00Z"#,
        ),
        (
            ServiceRequests,
            REQUEST,
            r#""after_kva""#,
            r#""region_code":"ZZ","after_kva""#,
            UnknownCode,
            "region_code 'ZZ' is not in the reference list 'region'; load it with `loadstar load reference`",
        ),
        (
            SupplyReads,
            SUPPLY,
            r#""in""#,
            r#""sideways""#,
            UnknownCode,
            r#"direction "sideways" is not one of in, out"#,
        ),
        (
            SupplyReads,
            SUPPLY,
            "5120.5",
            "-0.1",
            ImpossibleValue,
            "energy_kwh is -0.1 kWh; supply energy cannot be negative",
        ),
        (
            SupplyReads,
            SUPPLY,
            "2026-11-16T16",
            "2026-11-18T03",
            ImpossibleValue,
            "read_at is 2026-11-18T03:00:00Z, more than a day after the message arrived at 2026-11-17T02:00:00Z",
        ),
        (
            Weather,
            WEATHER,
            "-4.5",
            "-90.5",
            ImpossibleValue,
            "temperature_c is -90.5 °C; expected -90 to 60 °C",
        ),
        (
            Weather,
            WEATHER,
            "40",
            "140",
            ImpossibleValue,
            "humidity_pct is 140 %; expected 0 to 100 %",
        ),
        (
            Weather,
            WEATHER,
            "2026-11-18",
            "2026-11-01",
            ImpossibleValue,
            "valid_at 2026-11-01T16:00:00Z is before issued_at 2026-11-16T16:00:00Z; a forecast looks ahead",
        ),
        (
            Weather,
            WEATHER,
            r#""forecast""#,
            r#""obs""#,
            ImpossibleValue,
            "issued_at 2026-11-16T16:00:00Z is before valid_at 2026-11-18T16:00:00Z; an observation is issued after",
        ),
        (
            Reference,
            CODE,
            "industry",
            "weather",
            UnknownCode,
            r#"axis "weather" is not one of voltage, tariff, usage, industry, region"#,
        ),
        (
            Reference,
            CODE,
            "Steel",
            "",
            ImpossibleValue,
            "name_en is empty; expected 1 to 200 characters",
        ),
        (
            Reference,
            CODE,
            "2030",
            "2010",
            ImpossibleValue,
            "valid_to 2010-01-01 is before valid_from 2020-01-01",
        ),
        (
            Tariffs,
            TARIFF,
            "0.6437",
            "-0.1",
            ImpossibleValue,
            "energy_price_per_kwh is -0.1; it cannot be negative",
        ),
        (
            Tariffs,
            TARIFF,
            "LI",
            "XX",
            UnknownCode,
            "tariff_code 'XX' is not in the reference list 'tariff'; load it with `loadstar load reference`",
        ),
        (
            Calendar,
            HOLIDAY,
            "holiday",
            "feast",
            UnknownCode,
            r#"kind "feast" is not one of holiday, workday"#,
        ),
        (
            MeterEvents,
            EVENT,
            "05:30",
            "02:30",
            ImpossibleValue,
            "ended_at 2026-11-16T02:30:00Z is before started_at 2026-11-16T03:00:00Z",
        ),
        (
            MeterEvents,
            EVENT,
            "outage",
            "blackout",
            UnknownCode,
            r#"kind "blackout" is not one of outage, cover_open, voltage_loss, reverse_flow, clock_set"#,
        ),
        (
            InspectionCases,
            CASE,
            "theft",
            "fraud",
            UnknownCode,
            r#"kind "fraud" is not one of theft, breach"#,
        ),
        (
            InspectionCases,
            CASE,
            "ranking",
            "rumour",
            UnknownCode,
            r#"basis "rumour" is not one of ranking, alarm, tip, routine"#,
        ),
        (
            InspectionCases,
            CASE,
            "confirmed",
            "hidden",
            UnknownCode,
            r#"outcome "hidden" is not one of confirmed, cleared, no_access"#,
        ),
        (
            InspectionCases,
            CASE,
            "confirmed",
            "cleared",
            ImpossibleValue,
            "recovered_energy_kwh, recovered_amount and penalty_amount are of confirmed cases; the outcome is cleared",
        ),
        (
            InspectionCases,
            CASE,
            "2026-11-09T03",
            "2026-11-01T03",
            ImpossibleValue,
            "inspected_at 2026-11-01T03:00:00Z is before opened_at 2026-11-02T02:00:00Z",
        ),
        (
            InspectionCases,
            CASE,
            r#""outcome":"confirmed","#,
            "",
            ImpossibleValue,
            "inspected_at without an outcome; expected both or neither",
        ),
        (
            InspectionCases,
            CASE,
            r#""customer_id":"C1","#,
            "",
            ImpossibleValue,
            "neither customer_id nor meter_id is there; expected one of them",
        ),
        (
            InspectionCases,
            CASE,
            r#""place":3"#,
            r#""place":0"#,
            ImpossibleValue,
            "place is 0; the first is 1",
        ),
        (
            InspectionCases,
            CASE,
            "64.00",
            "100.01",
            ImpossibleValue,
            "score is 100.01; expected 0 to 100",
        ),
        (
            InspectionCases,
            CASE,
            "706.01",
            "-706.01",
            ImpossibleValue,
            "recovered_amount is -706.01; it cannot be negative",
        ),
        (VeeRules, THRESHOLD, "3", "-3", ImpossibleValue, "value is -3; it cannot be negative"),
        (
            MarketTotals,
            TOTAL,
            "2026-10-01",
            "2026-10-15",
            ImpossibleValue,
            "month is 2026-10-15; expected the first day of a month",
        ),
        (
            MarketTotals,
            TOTAL,
            "9300",
            "-9300",
            ImpossibleValue,
            "energy_kwh is -9300; it cannot be negative",
        ),
        (Limits, LIMIT, ":5", ":-5", ImpossibleValue, "value is -5; it cannot be negative"),
        (
            VeeRules,
            THRESHOLD,
            "interpolate_hours",
            "interpolate_days",
            UnknownCode,
            "parameter \"interpolate_days\" is not one of interpolate_hours, like_days, \
             like_days_min, wait_hours",
        ),
        (
            Limits,
            LIMIT,
            "service.requests",
            "service.request",
            UnknownCode,
            "view_name \"service.request\" is not one of contracts.basic_charge_advice, \
             contracts.status, inspection.suspects, loss.monthly, market.load_segments, \
             metering.meter_health, service.outage_clusters, service.repeat_complaints, \
             service.requests",
        ),
    ];
    for (table, valid, part, other, reason, detail) in cases {
        assert!(valid.contains(part), "{part} is not in {valid}");
        let reject = refused(table, &valid.replacen(part, other, 1));
        assert_eq!((reject.reason, reject.detail.as_str()), (reason, detail));
    }
}

#[test]
fn a_type_of_request_of_ones_own_may_have_a_limit() {
    let own = LIMIT.replace("complaint_days", "theft_hint_days");
    assert_eq!(batch(Table::Limits, &own).num_rows(), 1);
    let reject = refused(Table::Limits, &LIMIT.replace("complaint_days", "complaint_hours"));
    assert!(reject.detail.contains("complaint_days"), "{}", reject.detail);
}

#[test]
fn the_shipped_reference_data_passes_its_own_rules() {
    for &table in Table::DATED {
        let Some(shipped) = reference::shipped(table).expect("fits") else { continue };
        let mut lines = arrow::json::LineDelimitedWriter::new(Vec::new());
        lines.write(&shipped).expect("json lines");
        let mut decoder = decoder(table);
        for line in lines.into_inner().split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
        {
            decoder.push(&message(line));
        }
        let mut decoded = decoder.finish();
        let details: Vec<&str> = decoded.rejects.iter().map(|r| r.detail.as_str()).collect();
        assert_eq!(details, Vec::<&str>::new());
        assert_eq!(decoded.tables.remove(0).1, shipped, "as written, so read");
    }
}

#[test]
fn the_known_codes_are_those_of_the_reference_rows() {
    let shipped = KnownCodes::shipped();
    for &axis in Axis::ALL {
        assert!(shipped.count(axis) >= 6, "{}", axis.name());
    }
    assert!(shipped.contains(Axis::Voltage, "MV") && !shipped.contains(Axis::Region, "MV"));
    let mut known = KnownCodes::from_reference(&[batch(Table::Reference, CODE)]);
    assert!(known.contains(Axis::Industry, "31"));
    known.add(Axis::Region, "330000");
    let mut decoder = Decoder::new(Table::ServiceRequests, Arc::new(known));
    let payload = REQUEST.replace(r#""after_kva""#, r#""region_code":330000,"after_kva""#);
    decoder.push(&message(payload.as_bytes()));
    assert_eq!((decoder.row_count(), decoder.reject_count()), (1, 0));
}

#[test]
fn a_decoder_goes_on_after_a_reject_and_after_finish() {
    for &(table, payload) in VALID {
        let mut decoder = decoder(table);
        assert_eq!(decoder.estimated_bytes(), 0);
        let mut outputs = Vec::new();
        for _ in 0..2 {
            decoder.push(&message(payload.as_bytes()));
            decoder.push(&message(b"{"));
            decoder.push(&message(payload.as_bytes()));
            assert_eq!((decoder.row_count(), decoder.reject_count()), (2, 1));
            assert!(decoder.estimated_bytes() > 0);
            outputs.push(decoder.finish());
            assert_eq!((decoder.row_count(), decoder.reject_count()), (0, 0));
            assert_eq!(decoder.estimated_bytes(), 0);
        }
        assert_eq!(outputs[0].tables, outputs[1].tables);
        assert_eq!(outputs[0].rejects, outputs[1].rejects);
        assert!(decoder.finish().tables.is_empty());
    }
}
