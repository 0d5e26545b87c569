//! Runs the built binary in a folder of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const LOADSTAR: &str = env!("CARGO_BIN_EXE_loadstar");

/// A working folder, removed at the end.
pub struct Workplace {
    folder: TempDir,
}

/// What a finished command left.
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workplace {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// The command, not started yet. No variable of the caller's changes what
    /// it does.
    pub fn command(&self, args: &[&str]) -> Command {
        self.prepared(Command::new(LOADSTAR), args)
    }

    fn prepared(&self, mut command: Command, args: &[&str]) -> Command {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LOADSTAR_")) {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(self.path())
            .env("HOME", self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs to the end.
    pub fn run(&self, args: &[&str]) -> Finished {
        Finished::from(self.command(args).output().unwrap())
    }

    /// Runs to the end with no file allowed to grow beyond so many blocks of the
    /// shell's (512 bytes, 1024 in some): writing fails half-way through.
    pub fn run_with_file_limit(&self, blocks: u32, args: &[&str]) -> Finished {
        let mut shell = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, LOADSTAR]);
        Finished::from(self.prepared(shell, args).output().unwrap())
    }

    /// Runs to the end and must succeed; returns stdout.
    pub fn ok(&self, args: &[&str]) -> String {
        let finished = self.run(args);
        assert_eq!(finished.code, 0, "loadstar {args:?}\n{}\n{}", finished.stdout, finished.stderr);
        finished.stdout
    }

    /// Runs to the end and must fail with `code`; returns stderr.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let finished = self.run(args);
        assert_eq!(
            finished.code, code,
            "loadstar {args:?}\n{}\n{}",
            finished.stdout, finished.stderr
        );
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
        finished.stderr
    }

    /// The rows of a query.
    pub fn query(&self, sql: &str) -> Vec<serde_json::Value> {
        serde_json::from_str(&self.ok(&["sql", "--json", "-c", sql])).unwrap()
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
