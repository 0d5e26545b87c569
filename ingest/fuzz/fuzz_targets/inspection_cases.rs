//! Messages of `inspection_cases`.
#![no_main]

use loadstar_schema::Table;

libfuzzer_sys::fuzz_target!(|payload: &[u8]| loadstar_fuzz::hold(Table::InspectionCases, payload));
