//! Where the mail server is, and how a connection to it begins.

use intentvision::Error;
use intentvision::config::Secret;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use percent_encoding::percent_decode_str;
use std::time::Duration;
use url::Url;

/// For reaching one of the server's addresses.
const CONNECT: Duration = Duration::from_secs(8);

/// A mail server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    host: String,
    port: u16,
    tls: Tls,
    hello: ClientId,
    credentials: Option<Credentials>,
}

impl Server {
    /// The server that a URL names.
    ///
    /// # Errors
    /// 503 if the URL cannot be read; the password is not repeated.
    pub(crate) fn parse(url: &Secret) -> Result<Self, Error> {
        read(url.reveal()).ok_or_else(|| {
            Error::unavailable(
                "INTENTVISION_SMTP_URL is none of smtps://user:password@host, smtp://user:password@host:587?tls=required and smtp://host:25",
            )
        })
    }

    /// A connection over which mail can be sent.
    pub(crate) async fn connect(&self) -> Result<AsyncSmtpConnection, smtp::Error> {
        let from_the_first_byte = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let address = (self.host.as_str(), self.port);
        let connected =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT), &self.hello, from_the_first_byte, None);
        let mut connection = connected.await?;
        match &self.tls {
            Tls::Required(parameters) => connection.starttls(parameters.clone(), &self.hello).await?,
            Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), &self.hello).await?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

fn read(text: &str) -> Option<Server> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?;
    let security = url
        .query_pairs()
        .find(|(name, _)| name == "tls")
        .map(|(_, value)| value);
    let parameters = || TlsParameters::new(host.to_owned()).ok();
    let (port, tls) = match (url.scheme(), security.as_deref()) {
        ("smtps", _) => (SUBMISSIONS_PORT, Tls::Wrapper(parameters()?)),
        ("smtp", Some("required")) => (SUBMISSION_PORT, Tls::Required(parameters()?)),
        ("smtp", Some("opportunistic")) => (SUBMISSION_PORT, Tls::Opportunistic(parameters()?)),
        ("smtp", None) => (SMTP_PORT, Tls::None),
        _ => return None,
    };
    let plain = |text: &str| percent_decode_str(text).decode_utf8().ok().map(String::from);
    let credentials = match url.password() {
        Some(password) => Some(Credentials::new(plain(url.username())?, plain(password)?)),
        None => None,
    };
    // a path is the name to greet with
    let hello = match url.path().trim_matches('/') {
        "" => ClientId::default(),
        name => ClientId::Domain(name.to_owned()),
    };
    Some(Server {
        // an address of IPv6 stands in brackets
        host: host.trim_matches(['[', ']']).to_owned(),
        port: url.port().unwrap_or(port),
        tls,
        hello,
        credentials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_url_is_read() {
        let server = read("smtps://ann%40example.com:p%2Fw@mail.example.com").unwrap();
        assert_eq!((server.host.as_str(), server.port), ("mail.example.com", 465));
        let expected = Credentials::new("ann@example.com".into(), "p/w".into());
        assert!(matches!(server.tls, Tls::Wrapper(_)) && server.credentials == Some(expected));
        let server = read("smtp://u:p@mail.example.com?tls=required").unwrap();
        assert!(server.port == 587 && matches!(server.tls, Tls::Required(_)));
        let server = read("smtp://mail.example.com:2525?tls=opportunistic").unwrap();
        assert!(server.port == 2525 && matches!(server.tls, Tls::Opportunistic(_)));
        let server = read("smtp://[::1]/alerts.example.com").unwrap();
        assert_eq!((server.host.as_str(), server.port), ("::1", 25));
        assert!(server.credentials.is_none() && server.hello == ClientId::Domain("alerts.example.com".into()));
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused() {
        for text in [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://host?tls=yes",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let server = read("smtp://u:hunter2@mail.example.com").unwrap();
        assert!(!format!("{server:?}").contains("hunter2"));
    }
}
