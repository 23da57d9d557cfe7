//! A real mail server, `aiosmtpd`, that hands on what it takes.

use crate::python;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running server; dropped, it ends.
#[derive(Debug)]
pub struct SmtpSink {
    child: Child,
    port: u16,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl SmtpSink {
    /// Starts one on a free port of loopback.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        let mut child = python::script("smtp_sink.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let port = lines.next().expect("a line").expect("text");
        let mails: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&mails);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mail = serde_json::from_str(&line).expect("JSON");
                kept.lock().expect("a lock").push(mail);
            }
        });
        Self {
            child,
            port: port.parse().expect("a port"),
            mails,
        }
    }

    /// As `INTENTVISION_SMTP_URL` names it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The mails so far, oldest first; waits until there are so many.
    ///
    /// # Panics
    /// If they do not come within ten seconds.
    #[must_use]
    pub fn mails(&self, count: usize) -> Vec<Value> {
        for _ in 0..1_000 {
            let mails = self.mails.lock().expect("a lock").clone();
            if mails.len() >= count {
                return mails;
            }
            // a line is on its way through a pipe: there is no event to await
            thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{count} mails did not arrive");
    }
}

/// The header of a mail that has it once.
///
/// # Panics
/// If it has it twice.
#[must_use]
pub fn header(mail: &Value, name: &str) -> Option<String> {
    let headers = mail["headers"].as_array().expect("headers");
    let found: Vec<_> = headers
        .iter()
        .filter(|header| header[0].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name)))
        .collect();
    assert!(found.len() <= 1, "{name}: {found:?}");
    found.first().and_then(|header| header[1].as_str()).map(str::to_owned)
}
