//! Whether an organization's series are watched, and how: `GET` and `PUT /v1/detection`.

use super::settings::DetectionSettings;
use crate::Error;
use crate::alerting::lanes;
use crate::auth::Tenant;
use db::{Batch, DbError, Rows, Step, args, wall_ms};
use serde::Serialize;
use serde_json::Value;

/// The configuration of an organization, as requests and replies have it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Configuration {
    /// whether all series are watched; if not, those are that an enabled rule of type anomaly watches
    pub enabled: bool,
    /// how; the defaults while it is not enabled
    #[serde(flatten)]
    pub settings: DetectionSettings,
}

impl Configuration {
    /// Reads the body of `PUT /v1/detection`.
    ///
    /// # Errors
    /// 400 with the field that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut value: Value = serde_json::from_slice(body).map_err(|error| Error::schema(error.to_string()))?;
        let enabled = value.as_object_mut().and_then(|fields| fields.remove("enabled"));
        let Some(Value::Bool(enabled)) = enabled else {
            return Err(Error::schema("enabled must be true or false"));
        };
        let settings = DetectionSettings::parse(value).map_err(Error::schema)?;
        if !enabled && settings != DetectionSettings::default() {
            return Err(Error::schema("settings need \"enabled\": true"));
        }
        Ok(Self { enabled, settings })
    }
}

/// The configuration of the organization.
///
/// # Errors
/// 401, 403 or 503.
pub async fn get(tenant: &Tenant) -> Result<Configuration, Error> {
    let reply = tenant.run(Batch::read_one(select())).await?;
    Ok(read(reply.step(0)?)?)
}

/// Replaces it. The next tick applies it: a series that has history is ready at once.
///
/// # Errors
/// 401, 403 or 503.
pub async fn put(tenant: &Tenant, configuration: &Configuration) -> Result<Configuration, Error> {
    let stored = configuration.enabled.then(|| configuration.settings.to_json());
    let clock = tenant.clock();
    let mut batch = Batch::write().repeatable();
    batch.push(Step::tenant(
        concat!(
            "UPDATE org_state SET detection = ?2, detection_at = coalesce(?3, ",
            wall_ms!("?4"),
            ") WHERE org_id = (SELECT org_id FROM authority)"
        ),
        args![stored, clock.product_override(), clock.wall_offset()],
    ));
    for step in lanes::changed(tenant) {
        batch.push(step);
    }
    let read_back = batch.push(select());
    let reply = tenant.run(batch).await?;
    Ok(read(reply.step(read_back)?)?)
}

/// What a replay must know of the organization, to do as the tick does.
pub(crate) struct Organization {
    pub(crate) configuration: Configuration,
    /// an IANA name
    pub(crate) time_zone: String,
    /// how many rows the cold states of its series are in, from which the end of a series' day follows
    pub(crate) cold_bits: u32,
}

pub(crate) async fn of_organization(tenant: &Tenant) -> Result<Organization, Error> {
    let mut batch = Batch::read();
    let organization = batch.push(select());
    let header = batch.push(lanes::header());
    let reply = tenant.run(batch).await?;
    let rows = reply.step(organization)?;
    Ok(Organization {
        configuration: read(rows)?,
        time_zone: rows.one()?.text(1)?.to_owned(),
        cold_bits: lanes::decode(reply.step(header)?)?.cold_bits(),
    })
}

fn select() -> Step {
    Step::tenant(
        "SELECT s.detection, o.time_zone FROM authority AS a JOIN org_state AS s ON s.org_id = a.org_id
         JOIN organizations AS o ON o.org_id = a.org_id",
        vec![],
    )
}

fn read(rows: &Rows) -> Result<Configuration, DbError> {
    match rows.one()?.opt_text(0)? {
        None => Ok(Configuration::default()),
        Some(text) => Ok(Configuration {
            enabled: true,
            settings: DetectionSettings::from_json(text)
                .ok_or_else(|| DbError::Other("the settings of detection cannot be read".into()))?,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_it_is_enabled_must_be_said_and_settings_need_it() {
        for (body, words) in [
            ("{}", "enabled"),
            ("[]", "enabled"),
            (r#"{"enabled": 1}"#, "enabled"),
            (r#"{"enabled": false, "direction": "up"}"#, "need"),
            (r#"{"enabled": true, "direction": "left"}"#, "direction"),
            (r#"{"enabled": true, "other": 1}"#, "other"),
        ] {
            let error = Configuration::parse(body.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(words), "{body}: {error}");
        }
        assert_eq!(
            Configuration::parse(br#"{"enabled": false}"#).unwrap(),
            Configuration::default()
        );
    }
}
