//! Messages of `market_totals`.
#![no_main]

use loadstar_schema::Table;

libfuzzer_sys::fuzz_target!(|payload: &[u8]| loadstar_fuzz::hold(Table::MarketTotals, payload));
