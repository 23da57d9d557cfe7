//! The entry point on AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    intentvision::schedule::serve(db_remote::connect, async |app, _: run_forecasts::Scheduled| {
        run_forecasts::on_schedule(app).await
    })
    .await
}
