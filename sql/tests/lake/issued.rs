//! What bills charge in a month, by class: energy that is only delivered is no
//! sale, what is paid for it is revenue.

use loadstar_schema::Table;
use loadstar_schema::synthetic::UtilitySpec;
use serde_json::{Value, json};

use crate::utility::landed;
use crate::written::{Written, at, but, cells, customer};

fn bill(id: &str, customer: u32, month: &str, last_day: &str, kwh: &str, amount: &str) -> Value {
    json!({
        "bill_id": id, "version": 0, "kind": "ORIGINAL", "customer_id": format!("C{customer}"),
        "account_id": format!("A{customer}"), "period_start": month, "period_end": last_day,
        "bill_month": month, "issued_at": at(last_day, 20), "due_on": "2026-12-20",
        "tariff_version": "demo-1", "energy_kwh": kwh, "amount": amount, "lines": [],
        "available_at": at(last_day, 21),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn energy_only_delivered_is_no_sale_and_its_bill_is_revenue() {
    let written = Written::new().await;
    let start = at("2026-01-01", 0);
    let delivered = json!({"service_type": "delivery"});
    written
        .land(
            Table::Customers,
            &[
                customer("C1", 1, start),
                but(customer("C2", 2, start), json!({"service_type": "sale"})),
                but(customer("C3", 3, start), delivered.clone()),
                // Sold to until the middle of October, delivered to since.
                customer("C4", 4, start),
                but(
                    but(customer("C4", 5, at("2026-10-15", 0)), delivered),
                    json!({"op": "u", "region_code": "West"}),
                ),
                // Left before the last day of its last bill.
                customer("C5", 6, start),
                but(customer("C5", 7, at("2026-10-20", 0)), json!({"op": "d"})),
            ],
        )
        .await;
    let october =
        |id, customer, kwh, amount| bill(id, customer, "2026-10-01", "2026-10-31", kwh, amount);
    written
        .land(
            Table::Bills,
            &[
                october("B1", 1, "100.0000", "60.00"),
                but(
                    october("B1a", 1, "-10.0000", "-7.50"),
                    json!({"kind": "ADJUST", "ref_bill_id": "B1"}),
                ),
                october("B2", 2, "50.2500", "25.50"),
                october("B3", 3, "400.0000", "40.00"),
                october("B4", 4, "70.0000", "7.00"),
                october("B5", 5, "1.0000", "0.55"),
                // Nobody knows the customer.
                october("B6", 6, "9.0000", "4.00"),
                bill("B0", 4, "2026-09-01", "2026-09-30", "80.0000", "40.00"),
                // Replaced: neither the wrong bill nor its cancelling counts.
                october("B7", 2, "900.0000", "900.00"),
                but(
                    october("B7c", 2, "-900.0000", "-900.00"),
                    json!({"kind": "CANCEL", "ref_bill_id": "B7"}),
                ),
            ],
        )
        .await;
    let issued = "SELECT bill_month, region_code, energy_kwh, delivered_energy_kwh, amount,
        delivery_amount, average_price, bill_count, customer_count
        FROM sales.issued ORDER BY bill_month, region_code NULLS LAST";
    let expected = [
        ["2026-09-01", "East", "80.0000", "0.0000", "40.00", "0.00", "0.500000", "1", "1"],
        // (52.50 + 25.50 + 0.55) / (90 + 50.25 + 1)
        ["2026-10-01", "East", "141.2500", "400.0000", "118.55", "40.00", "0.556106", "4", "4"],
        ["2026-10-01", "West", "0.0000", "70.0000", "7.00", "7.00", "", "1", "1"],
        ["2026-10-01", "", "9.0000", "0.0000", "4.00", "0.00", "0.444444", "1", "1"],
    ];
    assert_eq!(cells(&written.now().await, issued).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_issued_adds_up_to_the_bills_that_stand() {
    let spec = UtilitySpec { customers: 40, days: 70, ..UtilitySpec::default() };
    let (written, _) = landed(spec).await;
    let both = "SELECT
            (SELECT sum(amount) FROM sales.issued), (SELECT sum(energy_kwh) FROM sales.issued),
            (SELECT sum(bill_count) FROM sales.issued)
        UNION ALL SELECT sum(amount), sum(energy_kwh), count(*) FROM bills_current";
    let both = cells(&written.now().await, both).await;
    assert_eq!(both[0], both[1]);
    assert!(both[0][2].parse::<usize>().expect("a count") >= 40, "{both:?}");
}
