//! The entry point on AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    intentvision::schedule::serve(db_remote::connect, async |app, _: maintain::Scheduled| {
        maintain::run(app).await
    })
    .await
}
