//! A real database server for one test.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::install;
use crate::token::TokenKey;

/// How long a server may take to answer, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on a loopback port of its own with a folder of its own; dropped, both are gone.
#[derive(Debug)]
pub struct Sqld {
    child: Child,
    port: u16,
    folder: TempDir,
    with_tokens: bool,
}

impl Sqld {
    /// Starts a server that asks for no token.
    #[must_use]
    pub fn start() -> Self {
        Self::launch(None)
    }

    /// Starts a server that takes only tokens of this key.
    #[must_use]
    pub fn start_with_tokens(key: &TokenKey) -> Self {
        Self::launch(Some(key))
    }

    fn launch(key: Option<&TokenKey>) -> Self {
        let folder = TempDir::new().expect("a folder for the server");
        if let Some(key) = key {
            fs::write(folder.path().join("token.pub"), key.public()).expect("the key file");
        }
        // another process may take the port between the look and the start
        for _ in 0..5 {
            let port = free_port();
            let mut child = spawn(&folder, port, key.is_some());
            if is_healthy(&mut child, port) {
                return Self {
                    child,
                    port,
                    folder,
                    with_tokens: key.is_some(),
                };
            }
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("sqld does not start:\n{log}");
    }

    /// The address to open.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the server as a crash would; its port and data stay.
    pub fn kill(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        self.child.wait().expect("the end of sqld");
    }

    /// Starts it again on the same port and data, after [`Sqld::kill`] or instead of it.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.folder, self.port, self.with_tokens);
        assert!(is_healthy(&mut self.child, self.port), "sqld does not start again");
    }
}

impl Drop for Sqld {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on at the moment.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}

fn spawn(folder: &TempDir, port: u16, with_tokens: bool) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.path().join("log"))
        .expect("a log file");
    let mut command = Command::new(install::sqld());
    command
        .arg("--no-welcome")
        .arg("--db-path")
        .arg(folder.path().join("data"))
        .arg("--http-listen-addr")
        .arg(format!("127.0.0.1:{port}"))
        // as docs/operations.md advises: with ten writers at once this server stops for good
        .args(["--max-concurrent-connections", "1"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("the log file"))
        .stderr(log);
    if with_tokens {
        command.arg("--auth-jwt-key-file").arg(folder.path().join("token.pub"));
    }
    command.spawn().expect("sqld starts: SQLD_BIN must name a binary")
}

/// Waits for the server's health; `false` if it ends first.
fn is_healthy(child: &mut Child, port: u16) -> bool {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if child.try_wait().expect("the state of sqld").is_some() {
            return false;
        }
        if answers(port).unwrap_or(false) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // too slow is as bad as dead, and must not stay behind
    let _ = child.kill();
    let _ = child.wait();
    false
}

fn answers(port: u16) -> std::io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(head.ends_with(b"200"))
}
