//! The entry point on AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intentvision::http::serve(test_rules::routes(), db_remote::connect).await
}
