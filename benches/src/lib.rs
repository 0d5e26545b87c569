//! What they measure with is here.

use std::path::Path;
use std::time::Duration;

/// The middle of some times, of which there is at least one; sorts them.
#[must_use]
pub fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Bytes of the files below a folder, logs of Delta apart.
///
/// # Errors
/// If it cannot be read.
pub fn folder_bytes(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != "_delta_log" {
            bytes += folder_bytes(&entry.path())?;
        } else if kind.is_file() {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// Where the kernel allows, this process's peak is counted from here on.
pub fn reset_peak_memory() {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// The most that a process held, KiB; 0 where the kernel does not tell.
#[must_use]
pub fn peak_memory_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
