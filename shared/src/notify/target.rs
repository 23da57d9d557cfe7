use super::address::Reach;
use crate::config::last;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use url::{Host, Url};

const MAX_URL: usize = 2_048;
const MAX_HOST: usize = 253;
const PORTS: [u16; 2] = [443, 8443];

/// Where a webhook goes, written in one canonical way: the parser turns `0x7f.1` and `①②⑦.0.0.1`
/// into `127.0.0.1` before anything is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// Reads a URL that messages may be sent to. The addresses behind a name are looked at when a
    /// connection is made, and only then.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn parse(text: &str, reach: Reach) -> Result<Self, String> {
        if text.len() > MAX_URL {
            return Err(format!("a webhook URL has at most {MAX_URL} bytes"));
        }
        // URL parsers repair these, each in its own way
        if text.chars().any(|c| c == '\\' || c.is_control() || c.is_whitespace()) {
            return Err("a webhook URL has no backslash, white space or control character".into());
        }
        let url = Url::parse(text).map_err(|error| format!("the webhook URL cannot be read: {error}"))?;
        match (url.scheme(), reach) {
            ("https", _) | ("http", Reach::Private) => {}
            _ => return Err("a webhook URL begins with https://".into()),
        }
        if !url.username().is_empty() || url.password().is_some() || has_userinfo(text) {
            return Err("a webhook URL holds no user name or password".into());
        }
        if url.fragment().is_some() {
            return Err("a webhook URL has no fragment".into());
        }
        if reach == Reach::Public && !url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) {
            return Err("webhooks are sent to port 443 or 8443".into());
        }
        let literal = match url.host() {
            None => return Err("a webhook URL names a host".into()),
            Some(Host::Domain(name)) if name.len() > MAX_HOST => {
                return Err(format!("a host name has at most {MAX_HOST} characters"));
            }
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        };
        if let Some(address) = literal.filter(|address| !reach.permits(*address)) {
            return Err(format!(
                "webhooks are not sent to {address}: it is not a public address"
            ));
        }
        Ok(Self(url.into()))
    }

    /// Its `host:port`.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok()?;
        Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl WebhookUrl {
    /// The URL of what these segments name below this one; its query stays.
    ///
    /// # Errors
    /// A sentence for people.
    pub(super) fn below(&self, segments: &[&str]) -> Result<Self, String> {
        let mut url = self.read()?;
        let mut path = url.path_segments_mut().map_err(|()| "this URL has no path")?;
        path.pop_if_empty().extend(segments);
        drop(path);
        Ok(Self(url.into()))
    }

    /// The URL with one more parameter.
    ///
    /// # Errors
    /// A sentence for people.
    pub(super) fn with_query(&self, name: &str, value: &str) -> Result<Self, String> {
        let mut url = self.read()?;
        url.query_pairs_mut().append_pair(name, value);
        Ok(Self(url.into()))
    }

    /// The segments of its path.
    pub(super) fn segments(&self) -> Vec<String> {
        let url = self.read().ok();
        let segments = url.as_ref().and_then(Url::path_segments);
        segments.into_iter().flatten().map(str::to_owned).collect()
    }

    fn read(&self) -> Result<Url, String> {
        Url::parse(&self.0).map_err(|error| error.to_string())
    }
}

/// A URL that is a credential itself: whoever knows it may write there.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(WebhookUrl);

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretUrl([redacted])")
    }
}

impl SecretUrl {
    /// Reads a URL as [`WebhookUrl::parse`] does, and refuses what [`SecretUrl::mask`] wrote.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn parse(text: &str, reach: Reach) -> Result<Self, String> {
        if text.contains(MASK) {
            return Err("this is the masked form, please give the whole URL".into());
        }
        WebhookUrl::parse(text, reach).map(Self)
    }

    /// The URL itself, to send to it.
    pub(super) fn url(&self) -> &WebhookUrl {
        &self.0
    }

    /// Its text, for sealing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }

    /// What may be shown: the host, and enough of the end to tell it from others.
    #[must_use]
    pub fn mask(&self) -> String {
        let text = self.0.as_str();
        let path = text
            .find("://")
            .and_then(|at| text[at + 3..].find('/').map(|slash| at + 3 + slash));
        let (host, rest) = text.split_at(path.unwrap_or(text.len()));
        format!("{host}/{MASK}{}", last(rest))
    }
}

/// Stands for what is not shown.
pub(crate) const MASK: char = '…';

/// An empty user name leaves no trace in a parsed URL.
fn has_userinfo(text: &str) -> bool {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    authority.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Requirement 43.
    #[test]
    fn r43_what_is_not_a_plain_public_https_url_is_refused() {
        let long = format!("https://{}.example/", "a.".repeat(130));
        for text in [
            "",
            "example.com",
            "/hook",
            "ftp://example.com/",
            "http://example.com/",
            "file:///etc/passwd",
            "https://",
            "https://user@example.com/",
            "https://user:pass@example.com/",
            "https://@example.com/",
            "https://good@169.254.169.254/",
            "https://example.com/#top",
            "https://example.com:80/",
            "https://example.com:22/",
            "https://example.com:0/",
            "https://exa mple.com/",
            "https://example.com/\t",
            "https://exam\tple.com/",
            "https://example.com\\@169.254.169.254/",
            "https:\\\\example.com/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://2130706433/",
            "https://127.1/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://[::127.0.0.1]/",
            "https://[fe80::1%25eth0]/",
            "https://①②⑦.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[fd00:ec2::254]/",
            "https://%31%32%37.0.0.1/",
            "https://0/",
            "https://[::]/",
            &long,
        ] {
            assert!(WebhookUrl::parse(text, Reach::Public).is_err(), "{text}");
        }
    }

    #[test]
    fn public_https_urls_are_taken_and_names_become_ascii() {
        for (text, canonical) in [
            ("https://example.com/hook?a=1", "https://example.com/hook?a=1"),
            ("HTTPS://EXAMPLE.com", "https://example.com/"),
            ("https://example.com:8443/x", "https://example.com:8443/x"),
            ("https://8.8.8.8/", "https://8.8.8.8/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ] {
            assert_eq!(WebhookUrl::parse(text, Reach::Public).unwrap().as_str(), canonical);
        }
    }

    #[test]
    fn private_reach_also_takes_http_any_port_and_private_addresses() {
        for text in [
            "http://127.0.0.1:9999/hook",
            "http://localhost/",
            "https://192.168.1.2:444/",
            "http://[::1]:80/",
        ] {
            assert!(WebhookUrl::parse(text, Reach::Private).is_ok(), "{text}");
            assert!(WebhookUrl::parse(text, Reach::Public).is_err(), "{text}");
        }
        assert!(WebhookUrl::parse("http://169.254.169.254/", Reach::Private).is_err());
        assert!(WebhookUrl::parse("http://user@127.0.0.1/", Reach::Private).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_what_is_taken_reads_back(text in "https?://[0-9a-fx.:\\[\\]@%#/-]{0,30}|.{0,60}") {
            for reach in [Reach::Public, Reach::Private] {
                if let Ok(url) = WebhookUrl::parse(&text, reach) {
                    prop_assert_eq!(WebhookUrl::parse(url.as_str(), reach), Ok(url));
                }
            }
        }
    }
}
