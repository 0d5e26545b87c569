//! In which order messages land, how often each, and how many at a time: the
//! answers are the same. What a message says of its time goes with it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use loadstar_schema::Table;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::village::{messages, village};
use crate::written::{Written, at, but, cells, date, read};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

const QUESTIONS: &[&str] = &[
    "SELECT * FROM meter_reads ORDER BY meter_id, channel, read_at",
    "SELECT * FROM customers ORDER BY customer_id, lsn",
    "SELECT * FROM bills ORDER BY bill_id",
    "SELECT * FROM payments ORDER BY payment_id",
    "SELECT * FROM service_requests ORDER BY request_id, stage",
    "SELECT * FROM weather ORDER BY cell, kind, issued_at, valid_at",
    "SELECT * FROM sales_daily ORDER BY 1, 2, 3, 4, 5, 6",
    "SELECT * FROM completeness_daily ORDER BY 1, 2, 3",
    "SELECT * FROM receivables_ageing ORDER BY 1",
];

async fn answers(written: &Written) -> Vec<String> {
    let mut answers = Vec::new();
    for sql in QUESTIONS {
        answers.push(written.show(sql).await);
    }
    answers
}

/// How messages of one table land.
#[derive(Clone, Debug)]
struct Landing {
    /// Decides the order.
    order: Vec<u64>,
    /// These come again.
    again: Vec<Index>,
    /// Commits.
    commits: usize,
}

fn landing() -> impl Strategy<Value = Landing> {
    let order = prop::collection::vec(any::<u64>(), 1..50);
    let again = prop::collection::vec(any::<Index>(), 0..20);
    (order, again, 1..4_usize).prop_map(|(order, again, commits)| Landing { order, again, commits })
}

impl Landing {
    async fn land(&self, written: &Written, table: Table, rows: &[Value]) {
        let again = self.again.iter().map(|index| index.get(rows));
        let mut rows: Vec<(u64, &Value)> = rows
            .iter()
            .chain(again)
            .zip(1..)
            .map(|(row, number)| {
                let random = self.order[number as usize % self.order.len()];
                (random.wrapping_mul(number * 2 + 1), row)
            })
            .collect();
        rows.sort_by_key(|(place, _)| *place);
        let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row.clone()).collect();
        for commit in rows.chunks(rows.len().div_ceil(self.commits)) {
            written.land(table, commit).await;
        }
    }
}

static IN_ORDER: LazyLock<Vec<String>> =
    LazyLock::new(|| RUNTIME.block_on(async { answers(&village().await).await }));

proptest! {
    #![proptest_config(Config { cases: 6, max_shrink_iters: 20, ..Config::default() })]

    #[test]
    fn late_reads_corrections_and_rebills_in_any_order(
        landings in prop::collection::vec(landing(), messages().len())
    ) {
        let in_order = &*IN_ORDER;
        let found = RUNTIME.block_on(async {
            let written = Written::new().await;
            for ((table, rows), landing) in messages().iter().zip(&landings) {
                landing.land(&written, *table, rows).await;
            }
            answers(&written).await
        });
        for (found, expected) in found.iter().zip(in_order) {
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn of_any_revisions_the_newest_counts_and_of_equal_ones_the_first(
        revisions in prop::collection::vec((0..3_i64, 1..5_i64, 0..3_i32), 1..60),
        landing in landing(),
    ) {
        let rows: Vec<Value> = revisions
            .iter()
            .zip(0..)
            .map(|((meter, hour, revision), number)| {
                let row = read(&format!("M{meter}"), date("2026-11-12"), hour * 60, 60, number as f64);
                // Each at a time of its own, spread over the days.
                let arrival = at("2026-11-13", number * 37 % 61);
                but(row, json!({ "revision": revision, "available_at": arrival }))
            })
            .collect();
        let mut expected = BTreeMap::new();
        for ((meter, hour, revision), number) in revisions.iter().zip(0..) {
            let best = expected.entry((meter, hour)).or_insert((*revision, -(number * 37 % 61), number));
            *best = (*best).max((*revision, -(number * 37 % 61), number));
        }
        let expected: Vec<Vec<String>> = expected
            .iter()
            .map(|((meter, _), (_, _, number))| vec![format!("M{meter}"), format!("{number}.0000")])
            .collect();
        let sql = "SELECT meter_id, energy_kwh FROM meter_reads ORDER BY meter_id, read_at";
        let found = RUNTIME.block_on(async {
            let written = Written::new().await;
            landing.land(&written, Table::MeterReads, &rows).await;
            cells(&written.now().await, sql).await
        });
        prop_assert_eq!(found, expected);
    }
}
