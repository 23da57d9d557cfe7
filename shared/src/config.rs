//! Configuration: environment variables only, each documented in docs/operations.md.

use crate::Error;
use crate::clock::{DAY, Millis};
use crate::forecasting::timegpt;
use crate::notify::mail::is_address;
use std::env::{self, VarError};

/// The URL of the database that is used when none is configured.
pub const DEFAULT_DB_URL: &str = "file:intentvision.db";

/// The longest retention that can be configured.
const MOST_DAYS: Millis = 36_500;

/// A text that is not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Secret {
    /// Hides a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What may be shown of it: what every such text begins with, and enough of the end to tell it
    /// from others.
    #[must_use]
    pub fn mask(&self, prefix: &str) -> String {
        let rest = self.0.strip_prefix(prefix).unwrap_or(&self.0);
        format!("{prefix}…{}", last(rest))
    }
}

/// The last four characters of a secret that is long enough to show them.
pub(crate) fn last(secret: &str) -> &str {
    let shown = secret.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    if shown < 4 { "" } else { &secret[shown..] }
}

/// What a process is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// `INTENTVISION_DB_URL`: `file:PATH`, `libsql://...`, `https://...` or `http://...`
    pub db_url: String,
    /// `INTENTVISION_DB_AUTH_TOKEN`
    pub db_auth_token: Option<Secret>,
    /// `INTENTVISION_SECRET_KEY`: 32 bytes in base64, seals secrets at rest
    pub secret_key: Option<Secret>,
    /// `INTENTVISION_MAX_SERIES`: series an organization may have; none means no limit
    pub max_series: Option<u64>,
    /// `INTENTVISION_RETENTION_DAYS`: older points are neither taken, shown nor kept; none means that all are
    pub retention: Option<Millis>,
    /// where TimeGPT is, and how it is asked: `INTENTVISION_TIMEGPT_*`
    pub timegpt: timegpt::Settings,
    /// `INTENTVISION_PUBLIC_URL`: where others reach the HTTP API, for links in messages; without a slash at its end
    pub public_url: Option<String>,
    /// `INTENTVISION_MAIL_FROM`: what channels of type email need beside the public URL
    pub mail: Option<MailSettings>,
    /// `INTENTVISION_SMTP_URL`: who takes the mail, with its password; only what sends mail is given it
    pub smtp_url: Option<Secret>,
    /// webhooks to loopback and private addresses; only `serve` on a loopback address turns it on
    pub allow_private_webhooks: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            db_url: DEFAULT_DB_URL.to_owned(),
            db_auth_token: None,
            secret_key: None,
            max_series: None,
            retention: None,
            timegpt: timegpt::Settings::default(),
            public_url: None,
            mail: None,
            smtp_url: None,
            allow_private_webhooks: false,
        }
    }
}

/// What an installation says about its mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// the address that it is from
    pub from: String,
    /// where recipients reach this installation, for the links in its mail
    pub public_url: String,
}

impl MailSettings {
    /// Reads both, each of which makes no sense without the other.
    ///
    /// # Errors
    /// 503 with the name of a variable that makes no sense.
    fn from_env(public_url: Option<&str>) -> Result<Option<Self>, Error> {
        match (variable("INTENTVISION_MAIL_FROM")?, public_url) {
            (None, _) => Ok(None),
            (Some(_), None) => Err(Error::unavailable(
                "INTENTVISION_MAIL_FROM needs INTENTVISION_PUBLIC_URL: the links in mails lead there",
            )),
            (Some(from), Some(public_url)) => Self::new(from, public_url.to_owned()).map(Some),
        }
    }

    /// An address, and a URL without a slash at its end.
    ///
    /// # Errors
    /// 503 if the address is none.
    pub fn new(from: String, public_url: String) -> Result<Self, Error> {
        if !is_address(&from) {
            return Err(Error::unavailable("INTENTVISION_MAIL_FROM is no address"));
        }
        Ok(Self { from, public_url })
    }

    /// Where its mails are from, for their ids.
    pub(crate) fn domain(&self) -> &str {
        self.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// 503 with the name of a variable that makes no sense.
    pub fn from_env() -> Result<Self, Error> {
        let mut config = Self::default();
        if let Some(url) = variable("INTENTVISION_DB_URL")? {
            config.db_url = url;
        }
        config.db_auth_token = variable("INTENTVISION_DB_AUTH_TOKEN")?.map(Secret::new);
        config.secret_key = variable("INTENTVISION_SECRET_KEY")?.map(Secret::new);
        if let Some(text) = variable("INTENTVISION_MAX_SERIES")? {
            let limit = text
                .parse()
                .map_err(|_| Error::unavailable("INTENTVISION_MAX_SERIES is not a whole number"))?;
            config.max_series = Some(limit);
        }
        if let Some(text) = variable("INTENTVISION_RETENTION_DAYS")? {
            let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
            let days = days.ok_or_else(|| {
                Error::unavailable("INTENTVISION_RETENTION_DAYS is not a whole number of days from 1 to 36500")
            })?;
            config.retention = Some(days * DAY);
        }
        config.public_url = variable("INTENTVISION_PUBLIC_URL")?
            .map(|url| public_url(&url))
            .transpose()?;
        config.mail = MailSettings::from_env(config.public_url.as_deref())?;
        config.smtp_url = variable("INTENTVISION_SMTP_URL")?.map(Secret::new);
        config.timegpt = timegpt::Settings::from_env()?;
        Ok(config)
    }
}

/// `https://host[:port][/path]`.
fn public_url(text: &str) -> Result<String, Error> {
    let plain = url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.query().is_none() && url.fragment().is_none());
    if !plain {
        return Err(Error::unavailable(
            "INTENTVISION_PUBLIC_URL is not an https:// or http:// URL without query and fragment",
        ));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// One environment variable; empty counts as not set.
///
/// # Errors
/// 503 if it is not Unicode.
pub fn variable(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::unavailable(format!("{name} is not Unicode"))),
    }
}
