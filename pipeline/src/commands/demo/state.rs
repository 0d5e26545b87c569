//! What a demo's folder holds, in `demo.json`.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::cli::DemoArgs;
use crate::output::write_file;

/// Which utility a demo is of, and whether it has come to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    customers: u32,
    days: u32,
    seed: u64,
    pub finished: bool,
}

impl State {
    pub fn new(args: &DemoArgs) -> Self {
        Self { customers: args.customers, days: args.days, seed: args.seed, finished: false }
    }

    pub fn same_utility(&self, other: &Self) -> bool {
        Self { finished: other.finished, ..self.clone() } == *other
    }

    /// What an earlier run wrote, if one did.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        let path = file(dir);
        match std::fs::read(&path) {
            Ok(text) => {
                let state = serde_json::from_slice(&text);
                Ok(Some(state.with_context(|| {
                    format!("{} is damaged; add --fresh to begin again", path.display())
                })?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Deletes a demo: only what a demo makes, and only where there is one.
    pub fn remove(dir: &Path) -> Result<()> {
        if !file(dir).exists() {
            return Ok(());
        }
        for folder in ["lake", "reports"].map(|name| dir.join(name)) {
            if folder.exists() {
                std::fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot delete {}", folder.display()))?;
            }
        }
        for path in [dir.join("truth.json"), file(dir)] {
            if path.exists() {
                std::fs::remove_file(&path)
                    .with_context(|| format!("cannot delete {}", path.display()))?;
            }
        }
        Ok(())
    }

    pub fn started(&self, dir: &Path) -> Result<()> {
        self.write(dir, false)
    }

    pub fn finished(&self, dir: &Path) -> Result<()> {
        self.write(dir, true)
    }

    fn write(&self, dir: &Path, finished: bool) -> Result<()> {
        let state = Self { finished, ..self.clone() };
        write_file(&file(dir), serde_json::to_string_pretty(&state)?.as_bytes())
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join("demo.json")
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} customers over {} days, seed {}", self.customers, self.days, self.seed)
    }
}
