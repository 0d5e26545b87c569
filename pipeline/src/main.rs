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
mod forecast_function;
mod forecasting;
mod metrics;
mod observe;
mod output;
mod payload;
mod reasons;
mod risk_function;
mod rows;
mod schedule;
mod scoring;
mod server;
mod terminal;
mod time;
mod validation;
mod weekly;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::context::Context;

/// Threads take turns at decoding, sorting and writing. The C library keeps what
/// each of them has freed apart, which comes to several times what is in use.
/// This one stands in for it altogether, for the libraries in C too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    context::pass_over_caught_panics();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = sentence(&error);
            eprintln!("error: {text}");
            if let Some(advice) = advice(&text) {
                eprintln!("what to do: {advice}");
            }
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

/// What an operator can do about an error of the operating system, which the
/// libraries in between hand on as text.
fn advice(text: &str) -> Option<&'static str> {
    // EFBIG, ENOSPC, EDQUOT; EPERM, EACCES, EROFS.
    const ADVICE: &[(&[u32], &str)] = &[
        (
            &[27, 28, 122],
            "make room on that disk, then run it again; what was committed is safe, and \
             what was not is taken up from there",
        ),
        (&[1, 13, 30], "give this user the right to write there, or choose another place"),
    ];
    let found = |code: &u32| text.contains(&format!("(os error {code})"));
    ADVICE.iter().find(|(codes, _)| codes.iter().any(found)).map(|(_, advice)| *advice)
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
