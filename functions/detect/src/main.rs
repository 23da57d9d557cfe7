//! The entry point on AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intentvision::http::serve(detect::routes(), db_remote::connect).await
}
