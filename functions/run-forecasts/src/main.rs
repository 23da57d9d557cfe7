//! The entry point on AWS Lambda.

use intentvision::budget::Within;
use run_forecasts::{JOBS, RULES, Scheduled, on_schedule};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    intentvision::schedule::serve(db_remote::connect, async |app, _: Scheduled| {
        on_schedule(app, &mut Within::new(RULES), &mut Within::new(JOBS)).await
    })
    .await
}
