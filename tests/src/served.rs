//! The `intentvision` program itself, in processes that can be killed.

use std::fs::File;
use std::io::{BufRead, BufReader, Error, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::binaries;

/// The program and the database that it is told to use.
#[derive(Debug, Clone)]
pub struct Installation {
    program: PathBuf,
    url: String,
    log: PathBuf,
    variables: Vec<(&'static str, PathBuf)>,
}

impl Installation {
    /// The program on the database with this URL; what it says on stderr goes to the file `log`.
    #[must_use]
    pub fn new(url: String, log: &Path) -> Self {
        Self {
            program: binaries::program("intentvision"),
            url,
            log: log.to_owned(),
            variables: Vec::new(),
        }
    }

    /// Sets a variable of the environment of every process.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: PathBuf) -> Self {
        self.variables.push((name, value));
        self
    }

    /// The program with these arguments, and nothing of this process's own configuration.
    ///
    /// # Panics
    /// If the log cannot be written.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        for name in ["DB_AUTH_TOKEN", "SECRET_KEY", "MAX_SERIES", "LOG"] {
            command.env_remove(format!("INTENTVISION_{name}"));
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .expect("a log file");
        command
            .args(arguments)
            .env("INTENTVISION_DB_URL", &self.url)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command
    }

    /// The JSON that a command prints, which must succeed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut command = self.command(arguments);
        let output = command.arg("--json").stdout(Stdio::piped()).output().expect("it runs");
        assert!(output.status.success(), "{arguments:?} failed: {}", self.log());
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Applies the schema, and makes an admin key of the organization `default`.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn set_up(&self) -> String {
        let _ = self.json(&["migrate"]);
        let created = self.json(&["keys", "create", "--name", "test"]);
        created["key"].as_str().expect("a key").to_owned()
    }

    /// Serves on this port of 127.0.0.1 (0 takes a free one), from when it says so.
    ///
    /// # Errors
    /// If it ends without serving.
    pub fn serve(&self, port: u16) -> Result<Serve> {
        let mut command = self.command(&["serve", "--json", "--listen", &format!("127.0.0.1:{port}")]);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = said["listening"]
            .as_str()
            .and_then(|url| url.strip_prefix("http://")?.parse().ok());
        if let Some(address) = address {
            return Ok(Serve { child, address });
        }
        let _ = child.kill();
        child.wait()?;
        Err(Error::other("it does not serve"))
    }

    /// All that the processes said on stderr.
    #[must_use]
    pub fn whole_log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines that the processes said on stderr.
    #[must_use]
    pub fn log(&self) -> String {
        let text = self.whole_log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// A process that serves; dropped, it is killed.
#[derive(Debug)]
pub struct Serve {
    child: Child,
    address: SocketAddr,
}

impl Serve {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.kill();
    }
}
