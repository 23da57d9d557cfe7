//! Whose data a command is about.

use crate::Failure;
use crate::database::{self, Place};
use intentvision::auth::Tenant;
use intentvision::config::Config;
use intentvision::id::OrgId;
use intentvision::keys::Environment;
use intentvision::{App, tenancy};

/// The organization that is made when there is none.
const DEFAULT: &str = "default";

/// The organization `default`, which is made first if need be.
pub(super) async fn default(app: &App) -> Result<OrgId, Failure> {
    let org = OrgId::new(&app.clock, &app.entropy)?;
    Ok(tenancy::ensure(&app.operator(None), &org, DEFAULT, Environment::Live).await?)
}

/// The organization that was named by id or name; without a name the only one, if there is one alone.
pub(super) async fn named(app: &App, name: Option<&str>) -> Result<Option<OrgId>, Failure> {
    let operator = app.operator(None);
    if let Some(name) = name {
        let found = tenancy::find(&operator, name).await?;
        return found
            .map(Some)
            .ok_or_else(|| Failure::Input(format!("there is no organization {name:?}")));
    }
    let mut all = tenancy::all(&operator).await?;
    if all.len() > 1 {
        return Err(Failure::Input(
            "there are several organizations: name one with --organization".into(),
        ));
    }
    Ok(all.pop())
}

/// The data of an organization that must be there, in the configured database, which must be there too.
pub(super) async fn open(name: Option<&str>) -> Result<Tenant, Failure> {
    let config = Config::from_env()?;
    let place = Place::of(&config)?;
    place.must_exist()?;
    let app = database::open(config, &place)?;
    database::prepare(&app, &place).await?;
    let org = named(&app, name)
        .await?
        .ok_or_else(|| Failure::Input("there is no organization yet: `intentvision keys create` makes one".into()))?;
    Ok(app.operator(Some(org)))
}
