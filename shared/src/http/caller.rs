use super::routes::RouteScope;
use crate::auth::{Authority, Tenant};
use crate::keys::ApiKey;
use crate::{App, Error};
use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::ops::Deref;

/// Whoever calls, for the scope of the route that was matched: a [`Tenant`].
///
/// Nothing is asked of a database here: the key's form and checksum are, and the rest is checked
/// inside the batch that does the work. A handler without a `Caller` can reach no organization.
#[derive(Debug)]
pub struct Caller(Tenant);

impl Deref for Caller {
    type Target = Tenant;

    fn deref(&self) -> &Tenant {
        &self.0
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let scope = parts.extensions.get::<RouteScope>().ok_or(Error::Forbidden)?.0;
        let key = credential(&parts.headers).ok_or(Error::Unauthenticated)?;
        Ok(Self(app.tenant(&Authority::key(key.hash(), scope))))
    }
}

/// The key of a request: `Authorization: Bearer`, Influx's `Token`, the password of `Basic`,
/// `X-API-Key`, Datadog's and Firehose's own headers. Never from the query, which ends up in logs.
fn credential(headers: &HeaderMap) -> Option<ApiKey> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (kind, rest) = value.to_str().ok()?.split_once(' ')?;
        let rest = rest.trim();
        return match kind.to_ascii_lowercase().as_str() {
            "bearer" | "token" => ApiKey::parse(rest),
            "basic" => {
                let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
                ApiKey::parse(pair.split_once(':')?.1)
            }
            _ => None,
        };
    }
    ["x-api-key", "dd-api-key", "x-amz-firehose-access-key"]
        .iter()
        .find_map(|name| headers.get(*name))
        .and_then(|value| ApiKey::parse(value.to_str().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const KEY: &str = "iv_live_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX1PhIQg";

    fn with(name: &'static str, value: &str) -> Option<ApiKey> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        credential(&headers)
    }

    #[test]
    fn every_documented_form_is_read() {
        let basic = format!("Basic {}", STANDARD.encode(format!("user:{KEY}")));
        for (name, value) in [
            ("authorization", format!("Bearer {KEY}")),
            ("authorization", format!("bearer  {KEY}")),
            ("authorization", format!("Token {KEY}")),
            ("authorization", basic),
            ("x-api-key", KEY.to_owned()),
            ("dd-api-key", KEY.to_owned()),
            ("x-amz-firehose-access-key", KEY.to_owned()),
        ] {
            assert_eq!(with(name, &value), ApiKey::parse(KEY), "{name}: {value}");
        }
    }

    #[test]
    fn anything_else_is_no_credential() {
        for (name, value) in [
            ("authorization", KEY.to_owned()),
            ("authorization", "Bearer iv_live_short".to_owned()),
            ("authorization", format!("Digest {KEY}")),
            ("authorization", "Basic !!".to_owned()),
            ("x-api-key", KEY.replace('Q', "q")),
            ("cookie", KEY.to_owned()),
        ] {
            assert_eq!(with(name, &value), None, "{name}: {value}");
        }
    }
}
