//! The function programs as AWS Lambda runs them.

mod http;
mod parts;
mod secrets;
mod tick;

use intentvision::App;
use intentvision::clock::Clock;
use intentvision::config::Config;
use intentvision::id::Entropy;
use intentvision::migrations;

/// Gives a server the schema, as a deployment does.
async fn migrate(url: &str, token: Option<&str>) {
    let db = db_remote::connect(url, token).unwrap();
    let app = App::new(db, Clock::system(), Entropy::system(), Config::default(), None);
    migrations::migrate(&app.operator(None), migrations::all())
        .await
        .unwrap();
}
