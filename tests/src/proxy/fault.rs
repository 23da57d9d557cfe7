//! What can go wrong between the product and its database server.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// the connection ends before the server sees the request
    LoseRequest,
    /// the server does it, and the connection ends before the reply
    LoseReply,
    /// the connection ends at once, and the server sees the request so much later: a zombie write
    Late(Duration),
    /// the server does it twice, one right after the other, and the caller gets the second reply
    Twice,
    /// the server does it, the caller gets the reply, and so much later the server sees it once more
    Echo(Duration),
    /// the server does it, and the connection ends in the middle of the reply
    CutReply,
    /// the server never sees it, and the caller hears that the write lock is taken
    Busy,
    /// the server never sees it, and the caller gets this status
    Status(u16),
    /// the server does it, and the caller gets this status, as from a balancer that lost the reply
    StatusAfter(u16),
}

impl Fault {
    /// What it does, in a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LoseRequest => "connection reset before the server saw the request",
            Self::LoseReply => "connection reset after the commit",
            Self::Late(_) => "request held and forwarded late",
            Self::Twice => "request forwarded twice",
            Self::Echo(_) => "request forwarded again after its reply",
            Self::CutReply => "reply cut in the middle",
            Self::Busy => "busy answered",
            Self::Status(401) => "401 answered",
            Self::Status(_) => "5xx answered",
            Self::StatusAfter(_) => "5xx answered after the commit",
        }
    }
}

/// What the server says to this pipeline when it cannot begin a transaction.
pub(super) fn busy(request: &[u8]) -> Bytes {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let steps = request["requests"][0]["batch"]["steps"].as_array().map_or(0, Vec::len);
    let mut errors = vec![Value::Null; steps];
    if let [first, .., last] = &mut errors[..] {
        *first = json!({"message": "SQLite error: database is locked", "code": "SQLITE_BUSY"});
        *last =
            json!({"message": "SQLite error: cannot rollback - no transaction is active", "code": "SQLITE_UNKNOWN"});
    }
    let result = json!({"step_results": vec![Value::Null; steps], "step_errors": errors});
    let reply = json!({"baton": null, "base_url": null, "results": [
        {"type": "ok", "response": {"type": "batch", "result": result}},
        {"type": "ok", "response": {"type": "close"}},
    ]});
    reply.to_string().into()
}
