//! The `loadstar` binary as a person or a script meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

mod bad_input;
mod bring_your_own;
mod catalog;
mod columns;
mod command;
mod dead_letters;
mod demo;
mod kill;
#[path = "../../../ingest/tests/apache/ministack.rs"]
mod ministack;
mod once;
mod panel;
mod postgres;
mod readers;
mod replay;
mod risk;
mod s3;
mod sql;
mod ties;
mod utilities;
mod vee;
mod what_if;
