//! Messages in Protobuf, by the contract's schema.
#![no_main]

use loadstar_fuzz::{PROTOBUF, hold_written};

libfuzzer_sys::fuzz_target!(|payload: &[u8]| hold_written(&PROTOBUF, payload));
