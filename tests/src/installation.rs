//! A migrated database with an organization and an admin key.

use std::sync::Arc;

use db::Db;
use intentvision::App;
use intentvision::auth::Scopes;
use intentvision::clock::Clock;
use intentvision::config::Config;
use intentvision::id::{Entropy, OrgId};
use intentvision::keys::{self, Created, Environment, NewKey};
use intentvision::{migrations, tenancy};

/// What a test needs to call the product.
#[derive(Debug, Clone)]
pub struct Installation {
    /// an app on the database
    pub app: App,
    /// the organization
    pub org: OrgId,
    /// the text of a key that allows everything
    pub key: String,
}

impl Installation {
    /// Prepares the remote database at this address.
    ///
    /// # Panics
    /// If it cannot.
    pub async fn remote(url: &str) -> Self {
        Self::on(db_remote::connect(url, None).expect("an address")).await
    }

    /// Prepares this database.
    ///
    /// # Panics
    /// If it cannot.
    pub async fn on(db: Arc<dyn Db>) -> Self {
        let app = App::new(db, Clock::system(), Entropy::system(), Config::default(), None);
        let operator = app.operator(None);
        migrations::migrate(&operator, migrations::all())
            .await
            .expect("the migrations");
        let new_id = OrgId::new(&app.clock, &app.entropy).expect("an id");
        let org = tenancy::ensure(&operator, &new_id, "default", Environment::Live)
            .await
            .expect("the organization");
        let new = NewKey::new("test", Scopes::admin(), None).expect("a key");
        let created = keys::create(&app.operator(Some(org.clone())), &app.entropy, &new, None).await;
        let Created::Now(issued) = created.expect("a key") else {
            unreachable!("without an idempotency key nothing is repeated");
        };
        let key = issued.reveal()["key"].as_str().expect("its text").to_owned();
        Self { app, org, key }
    }
}
