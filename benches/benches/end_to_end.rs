//! The demo from nothing, as a newcomer runs it: seconds a stage, rows landed a
//! second, peak memory, and the machine they were measured on.
//!
//! `cargo build --release --workspace && cargo bench --workspace --bench end_to_end`

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // `cargo test --benches` and `cargo bench rooms` pass other arguments.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let binary = binary()?;
    let folder = tempfile::tempdir()?;
    println!("machine: {}", machine());
    println!("command: {} demo --json", binary.display());
    let mut child = Command::new(&binary)
        .args(["demo", "--json", "--dir"])
        .arg(folder.path().join("demo"))
        .spawn()?;
    let mut peak_kib = 0;
    let status = loop {
        // The kernel keeps the peak; reading it now and then sees the last one.
        peak_kib = peak_kib.max(loadstar_benches::peak_memory_kib(child.id()));
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::park_timeout(std::time::Duration::from_millis(50)),
        }
    };
    if !status.success() {
        return Err(format!("the demo ended with {status}").into());
    }
    println!("peak memory: {} MiB", peak_kib / 1024);
    Ok(())
}

fn binary() -> Result<PathBuf, Box<dyn std::error::Error>> {
    // This runs from target/release/deps.
    let here = std::env::current_exe()?;
    let binary = here.parent().and_then(Path::parent).map(|folder| folder.join("loadstar"));
    binary
        .filter(|binary| binary.exists())
        .ok_or_else(|| "build the binary first: cargo build --release --workspace".into())
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    format!("{cores} cores, {}", model.trim_start_matches([' ', '\t', ':']))
}
