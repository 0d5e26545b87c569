//! An S3 server that honours put-if-absent: ministack, as a child process on a
//! free port of loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// The server; it ends with this value, and with this
/// process however that ends.
pub(crate) struct S3 {
    process: Child,
    pub(crate) address: String,
}

impl S3 {
    /// `None`, said in words, where the server is not to be had.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("LOADSTAR_TEST_S3") else {
            let why = "no S3 server is here: LOADSTAR_TEST_S3 names no ministack (from PyPI)";
            assert!(std::env::var_os("CI").is_none(), "{why}");
            writeln!(std::io::stderr(), "{why}").expect("stderr");
            return None;
        };
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        // If this process ends, even by a kill, its end of the pipe closes, and
        // the shell takes the server along.
        let script = "\"$0\" </dev/null & server=$!; read -r _; kill -9 $server; wait $server";
        let mut process = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .env("DOCKER_HOST", "unix:///nonexistent")
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("SERVICES", "s3")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut log = BufReader::new(process.stderr.take().expect("piped")).lines();
        let running = log.by_ref().map_while(Result::ok).any(|line| line.contains("Running on"));
        assert!(running, "the S3 server ended before it ran");
        // Nobody reads on; the pipe must not fill up.
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        Some(Self { process, address: format!("127.0.0.1:{port}") })
    }

    pub(crate) fn make_bucket(&self, name: &str) {
        let mut connection = TcpStream::connect(&self.address).expect("the server");
        let address = &self.address;
        write!(
            connection,
            "PUT /{name} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // The shell that holds the server by its id reads the end of this.
        drop(self.process.stdin.take());
        self.process.wait().expect("the shell's end");
    }
}
