//! Where TimeGPT is, and how it is asked: the operator's word.

use crate::Error;
use crate::config::variable;
use http::Uri;
use std::net::IpAddr;
use std::time::Duration;

/// Nixtla's own service.
const PUBLIC: &str = "https://api.nixtla.io";
/// What the service's own client asks for unless told otherwise (nixtla 0.9.0).
const MODEL: &str = "timegpt-2.1";
/// How long a call may take with all its tries: an HTTP API gives up after 30 seconds, and behind the call there are
/// the fallback and the database.
const TIMEOUT: Duration = Duration::from_secs(20);
const LONGEST_TIMEOUT: u64 = 20;

/// Where TimeGPT is, and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `INTENTVISION_TIMEGPT_URL`
    pub base: BaseUrl,
    /// `INTENTVISION_TIMEGPT_MODEL`
    pub model: String,
    /// `INTENTVISION_TIMEGPT_TIMEOUT_SECONDS`: of a call with all its tries
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base: BaseUrl(PUBLIC.to_owned()),
            model: MODEL.to_owned(),
            timeout: TIMEOUT,
        }
    }
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// 503 with the name of a variable that makes no sense.
    pub fn from_env() -> Result<Self, Error> {
        let mut settings = Self::default();
        if let Some(url) = variable("INTENTVISION_TIMEGPT_URL")? {
            settings.base =
                BaseUrl::parse(&url).map_err(|why| Error::unavailable(format!("INTENTVISION_TIMEGPT_URL {why}")))?;
        }
        if let Some(model) = variable("INTENTVISION_TIMEGPT_MODEL")? {
            if !is_model(&model) {
                return Err(Error::unavailable(
                    "INTENTVISION_TIMEGPT_MODEL is not 1 to 64 letters, digits, dots, dashes and underscores",
                ));
            }
            settings.model = model;
        }
        if let Some(text) = variable("INTENTVISION_TIMEGPT_TIMEOUT_SECONDS")? {
            let seconds = text
                .parse()
                .ok()
                .filter(|seconds| (1..=LONGEST_TIMEOUT).contains(seconds));
            let seconds = seconds.ok_or_else(|| {
                Error::unavailable(format!(
                    "INTENTVISION_TIMEGPT_TIMEOUT_SECONDS is not a whole number from 1 to {LONGEST_TIMEOUT}"
                ))
            })?;
            settings.timeout = Duration::from_secs(seconds);
        }
        Ok(settings)
    }
}

fn is_model(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

/// The address of a service, without a slash at its end.
///
/// It is the operator's configuration and nobody else's, so that it may be any address (webhooks, whose addresses
/// come from users, may not be private ones). Plain HTTP is for loopback only, since the key travels in each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Reads `https://HOST[:PORT][/PATH]`, or `http://` on loopback.
    ///
    /// # Errors
    /// What is wrong with it; without repeating it, for it may hold a secret by mistake.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim_end_matches('/');
        if text.contains(['?', '#']) {
            return Err("must not have parameters");
        }
        if text.contains('@') {
            return Err("must not have a user");
        }
        let uri: Uri = text.parse().map_err(|_| "is not a URL")?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("has no host")?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => return Err("is http:// and not on loopback: a key would travel in the clear"),
            _ => return Err("is neither https:// nor http://"),
        }
        Ok(Self(text.to_owned()))
    }

    /// The address of an endpoint of it.
    pub(super) fn endpoint(&self, path: &str) -> Option<Uri> {
        format!("{}{path}", self.0).parse().ok()
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, endpoint) in [
            (PUBLIC, "https://api.nixtla.io/v2/forecast"),
            (
                "https://proxy.internal:8443/nixtla/",
                "https://proxy.internal:8443/nixtla/v2/forecast",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v2/forecast"),
            ("http://[::1]:8080", "http://[::1]:8080/v2/forecast"),
            ("http://localhost", "http://localhost/v2/forecast"),
        ] {
            let base = BaseUrl::parse(text).unwrap();
            assert_eq!(base.endpoint("/v2/forecast").unwrap(), endpoint);
        }
    }

    #[test]
    fn a_wrong_address_is_refused_without_repeating_it() {
        for text in [
            "",
            "api.nixtla.io",
            "http://secret.example",
            "http://10.0.0.1",
            "ftp://secret.example",
            "https://",
            "https://:80",
            "https://secret@api.example",
            "https://api.example?key=secret",
            "https://secret example",
        ] {
            let why = BaseUrl::parse(text).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn models_are_plain_names() {
        assert!(is_model(MODEL) && is_model("timegpt-1-long-horizon") && is_model("azureai"));
        for wrong in ["", "a b", "a\n", "ä", &"m".repeat(65)] {
            assert!(!is_model(wrong), "{wrong:?}");
        }
    }
}
