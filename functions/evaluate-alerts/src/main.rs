//! The entry point on AWS Lambda.

use evaluate_alerts::{Queues, on_event};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let queues = Queues::from_env()?;
    intentvision::schedule::serve(db_remote::connect, async |app, event| {
        on_event(app, &queues, event).await
    })
    .await
}
