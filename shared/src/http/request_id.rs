use crate::App;
use crate::id::RequestId;
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::convert::Infallible;

/// The id of the request at hand: in every log line, in `X-Request-Id` and in problems.
#[derive(Debug, Clone)]
pub struct CurrentRequest(pub RequestId);

impl FromRequestParts<App> for CurrentRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| Self::new(app)))
    }
}

impl CurrentRequest {
    pub(super) fn new(app: &App) -> Self {
        // without randomness an id from the time alone is better than no reply
        Self(RequestId::new(&app.clock, &app.entropy).unwrap_or_else(|_| RequestId::derived(app.clock.wall(), &[])))
    }
}
