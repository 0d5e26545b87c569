//! What every command needs: configuration, the lake's address, how to print.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::cli::Global;
use crate::config::Config;

/// The settings of one invocation.
#[derive(Clone, Debug)]
pub struct Context {
    pub config: Config,
    pub config_file: Option<PathBuf>,
    pub lake_url: String,
    pub json: bool,
}

impl Context {
    /// Reads the configuration and applies the global flags.
    pub fn new(global: &Global) -> Result<Self> {
        let config = Config::load(global.config.as_deref(), |name| std::env::var(name).ok())?;
        let lake_url = global.lake.clone().unwrap_or_else(|| config.lake.url.clone());
        Ok(Self { config, config_file: global.config.clone(), lake_url, json: global.json })
    }
}

/// Logs go to stderr, as JSON where `LOADSTAR_LOG_FORMAT=json`.
pub fn begin_logging(verbose: u8) {
    let level = match verbose {
        // The writer of data files warns once a file of what the error that follows says.
        0 => {
            "warn,loadstar=info,loadstar_ingest=warn,loadstar_sql=warn,\
             deltalake_core::datafile::writer=error"
        }
        1 => "info",
        _ => "info,loadstar=debug,loadstar_ingest=debug,loadstar_sql=debug",
    };
    let filter = EnvFilter::try_from_env("LOADSTAR_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let logs = logs.with_ansi(std::io::stderr().is_terminal());
    let json = std::env::var("LOADSTAR_LOG_FORMAT").is_ok_and(|format| format == "json");
    // A second initialisation can only happen in a test; the first one stays.
    let _ = if json { logs.json().try_init() } else { logs.with_target(false).try_init() };
}

/// Keeps a panic off the screen that is caught as part of ordinary work: where a
/// data file could not be completed, the Delta writer tries to abort it, which
/// `object_store` answers with a panic, which the Delta writer catches. The
/// error itself is reported as any other.
pub fn pass_over_caught_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let at = panic.location().map_or("", |location| location.file());
        let said = panic.payload_as_str().unwrap_or_default();
        if at.contains("object_store") && at.ends_with("buffered.rs") && said == "Already shut down"
        {
            tracing::debug!("a data file could not be completed");
        } else {
            report(panic);
        }
    }));
}

/// Turns true at SIGTERM or Ctrl-C; a second signal ends the process at once.
pub fn stop_signal() -> Result<watch::Receiver<bool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send_replace(true) {
                std::process::exit(130);
            }
            eprintln!("stopping: finishing what is under way (again to stop at once)");
        }
    });
    Ok(receiver)
}
