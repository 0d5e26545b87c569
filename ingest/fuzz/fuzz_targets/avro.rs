//! Messages in Avro, by the contract's schemas.
#![no_main]

use loadstar_fuzz::{AVRO, hold_written};

libfuzzer_sys::fuzz_target!(|payload: &[u8]| hold_written(&AVRO, payload));
