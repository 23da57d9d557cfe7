//! The entry point on AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    intentvision::schedule::serve(db_remote::connect, evaluate_alerts::on_event).await
}
