//! The Lambda Runtime API on a loopback port: starts a real function program and hands it events.

use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use crate::binaries;
use crate::events::{HttpReply, HttpRequest};
use crate::server::Server;

/// How long an event may take that a function is given.
const DEADLINE: Duration = Duration::from_secs(60);

/// A function that is to be started.
#[derive(Debug, Clone)]
pub struct Start {
    program: PathBuf,
    environment: HashMap<String, String>,
}

/// A running function; dropped, its process is ended.
#[derive(Debug)]
pub struct Function {
    child: Child,
    reader: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    // after the child, so that it never sees its runtime go
    _server: Server,
}

/// A function ended before it asked for its first event.
#[derive(Debug)]
pub struct FailedInit {
    /// what it wrote
    pub log: String,
}

/// An invocation that ended in an error.
#[derive(Debug)]
pub enum Failed {
    /// the function says so
    Reported(Value),
    /// the process ended, with this log
    Ended(String),
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(String, Value)>,
    replies: HashMap<String, oneshot::Sender<Result<Value, Value>>>,
    handed: u64,
    /// CPU time when the function asked for an event, as long as it waits for one
    idle: Option<Duration>,
    init: Option<Duration>,
    failed_init: bool,
    ended: bool,
    pid: Option<u32>,
    log: String,
}

impl Start {
    /// This function, built as the running test was.
    #[must_use]
    pub fn function(name: &str) -> Self {
        Self::program(name, binaries::program(name))
    }

    /// This program as a function of this name.
    #[must_use]
    pub fn program(name: &str, program: PathBuf) -> Self {
        let environment = [
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", name),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "test"),
            ("AWS_REGION", "eu-west-1"),
        ];
        Self {
            program,
            environment: environment
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }
    }

    /// With this environment variable; nothing is inherited.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// With this database.
    #[must_use]
    pub fn database(self, url: &str) -> Self {
        self.variable("INTENTVISION_DB_URL", url)
    }

    /// Starts it, and waits until it asks for its first event.
    ///
    /// # Errors
    /// [`FailedInit`] if it ends before, or reports an error.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub async fn start(self) -> Result<Function, FailedInit> {
        let shared = Arc::new(Shared::default());
        let for_server = Arc::clone(&shared);
        let server = Server::start(move |request| answer(Arc::clone(&for_server), request));
        let mut child = self.spawn(&shared, server.port());
        let mut stderr = child.stderr.take().expect("its standard error");
        let for_reader = Arc::clone(&shared);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut piece) {
                for_reader
                    .state()
                    .log
                    .push_str(&String::from_utf8_lossy(&piece[..length]));
            }
            let mut state = for_reader.state();
            state.ended = true;
            // whoever waits for a reply learns that there will be none
            state.replies.clear();
            drop(state);
            for_reader.changed.notify_waiters();
        });
        let function = Function {
            child,
            reader: Some(reader),
            shared,
            _server: server,
        };
        let ready = |state: &State| (state.ended || state.failed_init || state.init.is_some()).then_some(());
        function.shared.until(ready).await;
        let failed = function.shared.state().init.is_none();
        if failed {
            return Err(FailedInit { log: function.log() });
        }
        Ok(function)
    }

    fn spawn(&self, shared: &Shared, port: u16) -> Child {
        // locked until the pid is known, which the answer to its first request needs
        let mut state = shared.state();
        let child = Command::new(&self.program)
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        state.pid = Some(child.id());
        child
    }
}

impl Function {
    /// Hands it an event and waits for the reply.
    ///
    /// # Errors
    /// If the function reports an error, or ends.
    pub async fn invoke(&self, event: Value) -> Result<Value, Failed> {
        let (sender, reply) = oneshot::channel();
        {
            let mut state = self.shared.state();
            if state.ended {
                return Err(Failed::Ended(state.log.clone()));
            }
            state.handed += 1;
            let id = format!("00000000-0000-4000-8000-{:012}", state.handed);
            state.replies.insert(id.clone(), sender);
            state.waiting.push_back((id, event));
        }
        self.shared.changed.notify_waiters();
        match reply.await {
            Ok(reply) => reply.map_err(Failed::Reported),
            Err(_) => Err(Failed::Ended(self.log())),
        }
    }

    /// Hands it a request as an HTTP API does.
    ///
    /// # Panics
    /// If the invocation fails: an HTTP function answers every request.
    pub async fn http(&self, request: HttpRequest) -> HttpReply {
        let reply = self.invoke(request.event()).await.expect("an HTTP function answers");
        HttpReply::read(&reply)
    }

    /// CPU time from its start to its first call for an event; `None` where the system does not tell.
    #[must_use]
    pub fn init_cpu(&self) -> Option<Duration> {
        self.shared.state().init.filter(|time| !time.is_zero())
    }

    /// CPU time so far, read while it waits for an event.
    pub async fn cpu(&self) -> Duration {
        self.shared
            .until(|state| {
                let waits = state.waiting.is_empty() && state.replies.is_empty();
                state.idle.filter(|_| waits).or(state.ended.then_some(Duration::ZERO))
            })
            .await
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to its standard error.
    #[must_use]
    pub fn log(&self) -> String {
        self.shared.state().log.clone()
    }

    /// Ends it as a crash would.
    ///
    /// # Panics
    /// If the system does not let go of it.
    pub fn kill(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        self.child.wait().expect("the end of the function");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader of its log");
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the state of the emulator")
    }

    /// Waits until the state has what is looked for.
    async fn until<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // from here on no change is missed
            changed.as_mut().enable();
            if let Some(found) = look(&self.state()) {
                return found;
            }
            changed.await;
        }
    }
}

/// The four endpoints.
async fn answer(shared: Arc<Shared>, request: Request<Bytes>) -> Response<Full<Bytes>> {
    let path = request.uri().path().strip_prefix("/2018-06-01/runtime/").unwrap_or("");
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(&shared).await,
        (&Method::POST, ["invocation", id, kind @ ("response" | "error")]) => {
            let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
            let reply = if *kind == "response" { Ok(body) } else { Err(body) };
            match shared.state().replies.remove(*id) {
                // the receiver is gone if the test has given up
                Some(sender) => drop(sender.send(reply)),
                None => return status(StatusCode::BAD_REQUEST),
            }
            status(StatusCode::ACCEPTED)
        }
        (&Method::POST, ["init", "error"]) => {
            shared.state().failed_init = true;
            shared.changed.notify_waiters();
            status(StatusCode::ACCEPTED)
        }
        _ => status(StatusCode::NOT_FOUND),
    }
}

async fn next(shared: &Shared) -> Response<Full<Bytes>> {
    {
        let mut state = shared.state();
        let cpu = state.pid.and_then(cpu_time).unwrap_or_default();
        state.init.get_or_insert(cpu);
        state.idle = Some(cpu);
    }
    shared.changed.notify_waiters();
    // a look that finds nothing changes nothing
    shared.until(|state| (!state.waiting.is_empty()).then_some(())).await;
    let Some((id, event)) = ({
        let mut state = shared.state();
        state.idle = None;
        state.waiting.pop_front()
    }) else {
        return status(StatusCode::GONE);
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut response = Response::new(Full::from(event.to_string()));
    let headers = response.headers_mut();
    for (name, value) in [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", (now + DEADLINE).as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:123456789012:function:test".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ] {
        headers.insert(name, value.parse().expect("a header"));
    }
    response
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}

/// CPU time of all threads of a process, to the nanosecond; only Linux tells.
fn cpu_time(pid: u32) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let nanoseconds = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Some(Duration::from_nanos(nanoseconds.sum()))
}
