//! Stand-ins for the services that channels speak to: each checks what it is sent by the published
//! schema and limits, answers as the service documents, and keeps what it would show.

pub mod discord;
pub mod pagerduty;
pub mod slack;
pub mod teams;

use crate::receiver::{Answer, Message, Receiver};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// What a service makes of a request: the answer, or what breaks its schema.
type Verdict = Result<(u16, Value), String>;

/// A running stand-in.
#[derive(Debug)]
pub struct StandIn<S> {
    receiver: Receiver,
    state: Arc<Mutex<S>>,
    problems: Arc<Mutex<Vec<String>>>,
}

impl<S: Send + 'static> StandIn<S> {
    /// Starts one that answers by `serve`; `refuse` writes the answer to what breaks the schema.
    async fn start(state: S, serve: fn(&mut S, &Message) -> Verdict, refuse: fn(&str) -> (u16, Value)) -> Self {
        let state = Arc::new(Mutex::new(state));
        let problems: Arc<Mutex<Vec<String>>> = Arc::default();
        let (of_server, found) = (Arc::clone(&state), Arc::clone(&problems));
        let receiver = Receiver::start(move |message| {
            let verdict = serve(&mut of_server.lock().expect("a lock"), message);
            let (status, body) = verdict.unwrap_or_else(|problem| {
                let answer = refuse(&problem);
                found.lock().expect("a lock").push(problem);
                answer
            });
            said(status, &body)
        })
        .await;
        Self {
            receiver,
            state,
            problems,
        }
    }

    /// The receiver behind it, to await messages and to make it answer otherwise.
    #[must_use]
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// What it keeps.
    ///
    /// # Panics
    /// Never, unless the stand-in has.
    pub fn state<R>(&self, look: impl FnOnce(&mut S) -> R) -> R {
        look(&mut self.state.lock().expect("a lock"))
    }

    /// What broke the schema so far.
    ///
    /// # Panics
    /// Never, unless the stand-in has.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().expect("a lock").clone()
    }
}

/// An answer with this body; text is sent as it is.
#[must_use]
pub fn said(status: u16, body: &Value) -> Answer {
    let text = match body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    // an answer of a test is small, and the test ends soon
    Answer::Said(status, Box::leak(text.into_boxed_str()))
}

/// The text at `name`, of `least` to `most` UTF-16 units.
fn text(object: &Value, name: &str, least: usize, most: usize) -> Result<String, String> {
    let text = object[name]
        .as_str()
        .ok_or_else(|| format!("{name} is no text in {object}"))?;
    let length = text.encode_utf16().count();
    if (least..=most).contains(&length) {
        Ok(text.to_owned())
    } else {
        Err(format!("{name} has {length} characters"))
    }
}

/// Whether an object has no other fields than these.
fn only(object: &Value, known: &[&str]) -> Result<(), String> {
    let fields = object.as_object().ok_or_else(|| format!("{object} is no object"))?;
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(format!("{name} is not known in {object}")),
        None => Ok(()),
    }
}
