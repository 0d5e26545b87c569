//! The `loadstar` command: the only room that wires the others together and
//! that reads configuration, environment and clock.
//!
//! Begin reading at [`cli`] for what can be asked, at [`commands`] for how each
//! is answered.
#![forbid(unsafe_code)]
// A binary has no interface but its command line.
#![allow(missing_docs, unreachable_pub)]

mod cli;
mod commands;
mod config;
mod context;
mod forecasting;
mod metrics;
mod output;
mod reasons;
mod rows;
mod schedule;
mod scoring;
mod server;
mod terminal;
mod time;
mod weekly;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::context::Context;

/// A command line that asks for something that does not exist: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

impl UsageError {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    context::begin_logging(cli.global.verbose);
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", sentence(&error));
            match error.downcast_ref::<UsageError>() {
                Some(_) => ExitCode::from(2),
                None => ExitCode::FAILURE,
            }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let context = Context::new(&cli.global)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(cli.command, context));
    // A blocking read (a shell's prompt) must not hold the exit up.
    runtime.shutdown_background();
    outcome
}

/// The chain of causes as one line, each said once.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}
