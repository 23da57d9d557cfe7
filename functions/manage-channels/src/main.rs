//! The entry point on AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intentvision::http::serve(manage_channels::routes(), db_remote::connect).await
}
