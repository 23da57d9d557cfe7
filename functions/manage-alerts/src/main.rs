<<<<<<< HEAD
//! The function manage-alerts on AWS Lambda.

use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intentvision::http::serve(manage_alerts::routes(), |config| {
        let token = config.db_auth_token.as_ref().map(|token| token.reveal());
        Ok(Arc::new(db_remote::open(
            &config.db_url,
            token,
            db_remote::Options::default(),
        )?))
    })
    .await
=======
//! The entry point on AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intentvision::http::serve(manage_alerts::routes(), db_remote::connect).await
>>>>>>> main
}
