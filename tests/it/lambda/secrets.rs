//! Secrets come from the Parameters and Secrets extension during init, and go nowhere else.

use http::StatusCode;
use tests::events::HttpRequest;
use tests::extension::Extension;
use tests::runtime_api::Start;
use tests::sqld::Sqld;
use tests::token::{Access, TokenKey};

use super::migrate;

const TOKEN: &str = "/intentvision/db-auth-token";
const SECRET_KEY: &str = "/intentvision/secret-key";

#[tokio::test]
async fn the_token_and_the_secret_key_are_read_once_and_used() {
    let key = TokenKey::generate();
    let server = Sqld::start_with_tokens(&key);
    let token = key.token(Access::ReadWrite);
    migrate(&server.url(), Some(&token)).await;
    let sealing = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let extension = Extension::start(&[(TOKEN, &token), (SECRET_KEY, sealing)]);
    let start = Start::function("manage-keys")
        .database(&server.url())
        .variable("INTENTVISION_DB_AUTH_TOKEN_PARAMETER", TOKEN)
        .variable("INTENTVISION_SECRET_KEY_PARAMETER", SECRET_KEY);
    let function = extension.beside(start).start().await.unwrap();
    for _ in 0..3 {
        let ready = function.http(HttpRequest::get("/health/ready")).await;
        assert_eq!(ready.status, StatusCode::OK, "{}", function.log());
    }
    assert_eq!(extension.asked(), [TOKEN, SECRET_KEY]);
    let log = function.log();
    assert!(
        !log.contains(&token) && !log.contains(sealing),
        "a secret is in the log"
    );
}

#[tokio::test]
async fn a_token_that_the_database_refuses_is_503_and_not_in_the_log() {
    let key = TokenKey::generate();
    let server = Sqld::start_with_tokens(&key);
    let wrong = TokenKey::generate().token(Access::ReadWrite);
    let extension = Extension::start(&[(TOKEN, &wrong)]);
    let start = Start::function("manage-keys")
        .database(&server.url())
        .variable("INTENTVISION_DB_AUTH_TOKEN_PARAMETER", TOKEN);
    let function = extension.beside(start).start().await.unwrap();
    let ready = function.http(HttpRequest::get("/health/ready")).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!function.log().contains(&wrong), "the token is in the log");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_ends_the_init_with_its_name() {
    let extension = Extension::start(&[]);
    let start = Start::function("manage-keys").variable("INTENTVISION_DB_AUTH_TOKEN_PARAMETER", TOKEN);
    let failed = extension.beside(start).start().await.unwrap_err();
    assert!(failed.log.contains(TOKEN), "{}", failed.log);
    // the extension asks for the session token of the function
    let start = Start::function("manage-keys").variable("INTENTVISION_DB_AUTH_TOKEN_PARAMETER", TOKEN);
    let stranger = extension
        .beside(start)
        .variable("AWS_SESSION_TOKEN", "of another function");
    let failed = stranger.start().await.unwrap_err();
    assert!(failed.log.contains("401"), "{}", failed.log);
    assert_eq!(extension.asked(), [TOKEN]);
}

/// The key that seals must be 32 bytes: a shorter one ends the init, not the first request.
#[tokio::test]
async fn a_secret_key_that_makes_no_sense_ends_the_init() {
    let extension = Extension::start(&[(SECRET_KEY, "c2hvcnQ=")]);
    let start = Start::function("manage-keys").variable("INTENTVISION_SECRET_KEY_PARAMETER", SECRET_KEY);
    let failed = extension.beside(start).start().await.unwrap_err();
    assert!(!failed.log.contains("c2hvcnQ="), "the key is in the log");
}
