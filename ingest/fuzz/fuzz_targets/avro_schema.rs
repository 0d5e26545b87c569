//! Schemas in Avro, and messages by them.
#![no_main]

libfuzzer_sys::fuzz_target!(|payload: &[u8]| loadstar_fuzz::hold_schema("AVRO", payload));
