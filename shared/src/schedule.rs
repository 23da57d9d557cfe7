//! Functions that a schedule, a queue or a deployment invokes, on AWS Lambda.

use crate::http::{Open, app_from_env};
use crate::{App, Error};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Runs `run` for each event until the sandbox ends. An error is logged and returned to the
/// runtime, so that alarms see it.
///
/// # Errors
/// What stops the init: configuration that makes no sense, secrets that cannot be read.
pub async fn serve<E, R>(
    open: Open,
    run: impl AsyncFn(&App, E) -> Result<R, Error>,
) -> Result<(), lambda_runtime::Error>
where
    E: DeserializeOwned,
    R: Serialize,
{
    let app = app_from_env(open).await?;
    let (app, run) = (&app, &run);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<E>| {
        let result = run(app, event.payload).await;
        if let Err(Error::Unavailable { cause }) = &result {
            tracing::error!(request_id = event.context.request_id, cause, "the run failed");
        }
        // with the code in front, as alarms and people look for it
        result.map_err(|error| Diagnostic {
            error_type: format!("{:?}", error.code()),
            error_message: error.to_string(),
        })
    }))
    .await
}
