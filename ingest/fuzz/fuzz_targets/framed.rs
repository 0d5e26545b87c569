//! Payloads that may be in the frame of a schema registry.
#![no_main]

libfuzzer_sys::fuzz_target!(|payload: &[u8]| loadstar_fuzz::hold_framed(payload));
