//! The other end of a webhook: takes notifications and believes only those whose signature is right.

use crate::Failure;
use crate::server::{self, Stop};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::Webhook;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// A notification that arrived.
#[derive(Debug, Clone)]
pub(super) struct Notification {
    /// the `webhook-id`
    pub(super) id: String,
    /// why it is not believed, if it is not
    pub(super) refused: Option<String>,
    pub(super) body: Value,
}

impl Notification {
    /// `alert.firing`, `alert.resolved`, ...
    pub(super) fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }
}

/// What the receiver knows and has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Receiver(Arc<Mutex<Inbox>>);

#[derive(Debug, Default)]
struct Inbox {
    secret: String,
    notifications: Vec<Notification>,
}

impl Receiver {
    /// Listens on a free port of this machine until `stop`.
    pub(super) async fn start(stop: Stop) -> Result<(Self, SocketAddr), Failure> {
        let failed = |error: std::io::Error| Failure::Failed(format!("the webhook receiver cannot listen: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let receiver = Self::default();
        let router = Router::new().route("/hook", post(receive)).with_state(receiver.clone());
        tokio::spawn(server::serve(listener, router, stop));
        Ok((receiver, address))
    }

    /// The secret of the channel, as it was shown once.
    pub(super) fn trust(&self, secret: &str) {
        self.lock().secret = secret.to_owned();
    }

    /// Everything so far, in the order of arrival.
    pub(super) fn notifications(&self) -> Vec<Notification> {
        self.lock().notifications.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut inbox = receiver.lock();
    // an implementation that is not ours: what it accepts, others do
    let verified = Webhook::new(&inbox.secret).and_then(|webhook| webhook.verify(&body, &headers));
    let refused = verified.err().map(|error| error.to_string());
    let status = if refused.is_none() {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::UNAUTHORIZED
    };
    let id = headers
        .get("webhook-id")
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    inbox.notifications.push(Notification {
        id: id.to_owned(),
        refused,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    status
}
