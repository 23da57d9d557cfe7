//! What requests ask of a channel, checked.

use super::{ChannelConfig, ChannelType, Templates};
use crate::Error;
use crate::notify::address::Reach;
use serde::Deserialize;
use serde_json::Value;

const MAX_NAME: usize = 100;

/// What a new channel is to be.
#[derive(Debug, Clone)]
pub struct NewChannel {
    pub(super) name: String,
    pub(super) r#type: ChannelType,
    pub(super) config: ChannelConfig,
    pub(super) templates: Option<Templates>,
    pub(super) rate_limit: Option<RateLimit>,
}

impl NewChannel {
    /// A channel of this type with this configuration, whose messages may go as far as `reach`.
    ///
    /// # Errors
    /// 400 for a name that is empty or too long, a type that is not known, a configuration that does
    /// not fit the type, a URL that nothing may be sent to, and a template that fails.
    pub fn new(
        name: &str,
        r#type: &str,
        config: &Value,
        templates: Option<&Value>,
        reach: Reach,
    ) -> Result<Self, Error> {
        let name = check_name(name)?;
        let r#type = ChannelType::parse(r#type)
            .ok_or_else(|| Error::schema(format!("the type of a channel is one of {}", ChannelType::names())))?;
        Ok(Self {
            name,
            r#type,
            config: check_config(r#type, config, reach)?,
            templates: templates
                .map(|templates| check_templates(r#type, templates))
                .transpose()?,
            rate_limit: None,
        })
    }

    /// With another number of messages than is usual for its type.
    ///
    /// # Errors
    /// 400 for a type that is sent all.
    pub fn with_rate_limit(self, rate_limit: Option<RateLimit>) -> Result<Self, Error> {
        check_rate_limit(self.r#type, rate_limit)?;
        Ok(Self { rate_limit, ..self })
    }
}

/// What changes of a channel; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ChannelChange {
    pub(super) name: Option<String>,
    pub(super) config: Option<Value>,
    /// `null` brings the default words back
    pub(super) templates: Option<Value>,
    pub(super) enabled: Option<bool>,
    pub(super) rate_limit: Option<RateLimit>,
}

impl ChannelChange {
    /// A change.
    ///
    /// # Errors
    /// 400 for a name that is empty or too long.
    pub fn new(
        name: Option<&str>,
        config: Option<Value>,
        templates: Option<Value>,
        enabled: Option<bool>,
        rate_limit: Option<RateLimit>,
    ) -> Result<Self, Error> {
        Ok(Self {
            name: name.map(check_name).transpose()?,
            config,
            templates,
            enabled,
            rate_limit,
        })
    }
}

/// Messages that a channel is sent in five minutes, 1 to 1,000; what is above that becomes a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct RateLimit(i64);

impl RateLimit {
    pub(super) fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for RateLimit {
    type Error = &'static str;

    fn try_from(messages: i64) -> Result<Self, Self::Error> {
        match messages {
            1..=1_000 => Ok(Self(messages)),
            _ => Err("rate_limit is a number of messages from 1 to 1000"),
        }
    }
}

fn check_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::schema(format!(
            "a channel's name has 1 to {MAX_NAME} characters, none of them a control character"
        )));
    }
    Ok(name.to_owned())
}

pub(super) fn check_config(r#type: ChannelType, config: &Value, reach: Reach) -> Result<ChannelConfig, Error> {
    ChannelConfig::parse(r#type, config, reach).map_err(|error| Error::schema(format!("config: {error}")))
}

pub(super) fn check_templates(r#type: ChannelType, templates: &Value) -> Result<Templates, Error> {
    if r#type == ChannelType::Webhook {
        return Err(Error::schema(
            "templates: a webhook is sent the notice itself, and no words",
        ));
    }
    Templates::parse(templates).map_err(|error| Error::schema(format!("templates: {error}")))
}

pub(super) fn check_rate_limit(r#type: ChannelType, rate_limit: Option<RateLimit>) -> Result<(), Error> {
    match (r#type, rate_limit) {
        (ChannelType::PagerDuty, Some(_)) => Err(Error::schema(
            "rate_limit: a PagerDuty channel is sent every message, for an incident is closed by a message of its own",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use serde_json::json;

    fn refusal(name: &str, r#type: &str, config: &Value) -> String {
        let error = NewChannel::new(name, r#type, config, None, Reach::Public).unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        error.to_string()
    }

    #[test]
    fn an_unknown_type_is_refused_with_those_that_there_are() {
        let unknown = refusal("a", "pigeon", &json!({}));
        assert!(unknown.contains("webhook"), "{unknown}");
    }

    #[test]
    fn a_wrong_name_or_configuration_is_refused() {
        let good = json!({"url": "https://example.com/hook"});
        assert!(NewChannel::new("é".repeat(100).as_str(), "webhook", &good, None, Reach::Public).is_ok());
        for name in ["", "  ", "a\0b", "a\nb", &"é".repeat(101)] {
            assert!(refusal(name, "webhook", &good).contains("name"), "{name:?}");
        }
        for config in [
            json!({}),
            json!(null),
            json!("https://example.com"),
            json!({"url": 1}),
            json!({"url": "https://example.com", "method": "GET"}),
            json!({"url": "http://example.com"}),
            json!({"url": "https://10.0.0.1/"}),
        ] {
            assert!(refusal("a", "webhook", &config).contains("config"), "{config}");
        }
    }
}
