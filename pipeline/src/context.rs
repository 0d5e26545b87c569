//! What every command needs: configuration, the lake's address, how to print.

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
        0 => "warn,loadstar=info,loadstar_ingest=warn,loadstar_sql=warn",
        1 => "info",
        _ => "info,loadstar=debug,loadstar_ingest=debug,loadstar_sql=debug",
    };
    let filter = EnvFilter::try_from_env("LOADSTAR_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = std::env::var("LOADSTAR_LOG_FORMAT").is_ok_and(|format| format == "json");
    // A second initialisation can only happen in a test; the first one stays.
    let _ = if json { logs.json().try_init() } else { logs.with_target(false).try_init() };
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
