//! Makes the connections of webhooks: resolves a name once, looks at every address, connects to one
//! that is permitted.
//!
//! Literal addresses come this way too, which a filter in a resolver would never see.

use super::address::Reach;
use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower::Service;

/// How many of a name's addresses are tried, each with its share of the time.
const TRIES: u32 = 3;

/// The network as a connector sees it; tests have one that records.
pub trait Network: Send + Sync + std::fmt::Debug {
    /// The addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, Error>>;

    /// A connection to exactly this address.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, Result<TcpStream, Error>>;
}

/// The network of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemNetwork;

impl Network for SystemNetwork {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, Error>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, Result<TcpStream, Error>> {
        Box::pin(TcpStream::connect(address))
    }
}

/// Connects to the host of a URI, if its address is permitted.
#[derive(Debug, Clone)]
pub struct Connector {
    network: Arc<dyn Network>,
    reach: Reach,
    timeout: Duration,
}

impl Connector {
    /// A connector on this network, with this time for resolving and connecting together.
    #[must_use]
    pub fn new(network: Arc<dyn Network>, reach: Reach, timeout: Duration) -> Self {
        Self {
            network,
            reach,
            timeout,
        }
    }

    async fn connect(&self, uri: &Uri) -> Result<TcpStream, Error> {
        let host = uri.host().unwrap_or_default();
        let port = uri
            .port_u16()
            .unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
        let addresses = match literal {
            Ok(address) => vec![address],
            Err(_) => self.network.resolve(host).await?,
        };
        let permitted = addresses.iter().filter(|address| self.reach.permits(**address));
        let mut failure = match addresses.first() {
            None => Error::new(ErrorKind::NotFound, format!("{host} has no address")),
            // which one it is concerns nobody outside
            Some(_) => Error::new(
                ErrorKind::PermissionDenied,
                format!("webhooks are not sent to {host}: it is not a public address"),
            ),
        };
        for address in permitted.take(TRIES as usize) {
            let connecting = self.network.connect(SocketAddr::new(*address, port));
            match tokio::time::timeout(self.timeout / TRIES, connecting).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = timed_out(),
            }
        }
        Err(failure)
    }
}

fn timed_out() -> Error {
    Error::new(ErrorKind::TimedOut, "no connection in time")
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let connected = tokio::time::timeout(connector.timeout, connector.connect(&uri)).await;
            let stream = connected.unwrap_or_else(|_| Err(timed_out()))?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Call;
    use super::super::sender::{Limits, Sender};
    use super::super::target::WebhookUrl;
    use super::*;
    use std::collections::HashMap;
    use std::sync::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers names from a script, each time with the next answer, and records where a connection
    /// was asked for; it never sends a packet anywhere but to the receiver of the test.
    #[derive(Debug, Default)]
    struct Recorded {
        names: HashMap<&'static str, Vec<Vec<&'static str>>>,
        resolved: Mutex<HashMap<String, usize>>,
        connects: Mutex<Vec<SocketAddr>>,
        receiver: Option<SocketAddr>,
    }

    impl Recorded {
        fn with(name: &'static str, answers: &[&[&'static str]]) -> Arc<Self> {
            let answers = answers.iter().map(|answer| answer.to_vec()).collect();
            Arc::new(Self {
                names: HashMap::from([(name, answers)]),
                ..Self::default()
            })
        }

        fn connects(&self) -> Vec<String> {
            let connects = self.connects.lock().unwrap();
            connects.iter().map(ToString::to_string).collect()
        }
    }

    impl Network for Recorded {
        fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, Error>> {
            let mut resolved = self.resolved.lock().unwrap();
            let times = resolved.entry(name.to_owned()).or_default();
            let answers = self.names.get(name);
            let answer = answers.and_then(|answers| answers.get((*times).min(answers.len() - 1)));
            *times += 1;
            let found = answer.map(|list| list.iter().map(|text| text.parse().unwrap()).collect());
            Box::pin(async move { Ok(found.unwrap_or_default()) })
        }

        fn connect(&self, address: SocketAddr) -> BoxFuture<'_, Result<TcpStream, Error>> {
            self.connects.lock().unwrap().push(address);
            let receiver = self.receiver;
            Box::pin(async move {
                match receiver {
                    Some(receiver) => TcpStream::connect(receiver).await,
                    None => Err(Error::other("recorded")),
                }
            })
        }
    }

    async fn connect(network: &Arc<Recorded>, reach: Reach, uri: &str) -> Result<(), String> {
        let mut connector = Connector::new(network.clone(), reach, Duration::from_secs(3));
        let result = connector.call(uri.parse().unwrap()).await;
        result.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Requirement 43: the resolver is not asked for literals, the connector is.
    #[tokio::test]
    async fn r43_literals_in_denied_ranges_are_not_connected_to() {
        let network = Arc::new(Recorded::default());
        for host in [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "[::1]",
            "[::ffff:7f00:1]",
            "[::ffff:169.254.169.254]",
            "[::127.0.0.1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "0.0.0.0",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
        ] {
            let error = connect(&network, Reach::Public, &format!("https://{host}/"))
                .await
                .unwrap_err();
            assert!(error.contains("not a public address"), "{host}: {error}");
        }
        assert_eq!(network.connects(), [""; 0]);
    }

    /// Requirement 43: forms that only a system's resolver understands are names here, and their
    /// addresses are looked at like any.
    #[tokio::test]
    async fn r43_names_that_resolve_to_denied_addresses_are_not_connected_to() {
        for (name, answer) in [
            ("0x7f.1", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("127.1", "127.0.0.1"),
            ("localhost.", "127.0.0.1"),
            ("localhost", "::1"),
            ("169-254-169-254.nip.io", "169.254.169.254"),
            ("internal.alias.example", "10.0.0.7"),
            ("mapped.example", "::ffff:10.0.0.7"),
            ("nat64.example", "64:ff9b::a00:7"),
        ] {
            let network = Recorded::with(name, &[&[answer]]);
            let error = connect(&network, Reach::Public, &format!("https://{name}/"))
                .await
                .unwrap_err();
            assert!(error.contains("not a public address"), "{name}: {error}");
            assert!(!error.contains(answer), "{name}: {error}");
            assert_eq!(network.connects(), [""; 0], "{name}");
        }
    }

    /// Requirement 43.
    #[tokio::test]
    async fn r43_of_mixed_addresses_only_the_public_are_connected_to() {
        for answer in [["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "10.0.0.1"], ["fd00::1", "8.8.8.8"]] {
            let network = Recorded::with("mixed.example", &[&answer]);
            connect(&network, Reach::Public, "https://mixed.example/")
                .await
                .unwrap_err();
            assert_eq!(network.connects(), ["8.8.8.8:443"]);
        }
    }

    /// Requirement 43: what is connected to is what was looked at, each time anew.
    #[tokio::test]
    async fn r43_a_name_that_is_rebound_is_refused_on_the_next_attempt() {
        let network = Recorded::with("rebind.example", &[&["8.8.8.8"], &["127.0.0.1"]]);
        connect(&network, Reach::Public, "https://rebind.example:8443/")
            .await
            .unwrap_err();
        let second = connect(&network, Reach::Public, "https://rebind.example:8443/")
            .await
            .unwrap_err();
        assert!(second.contains("not a public address"), "{second}");
        assert_eq!(network.connects(), ["8.8.8.8:8443"]);
        assert_eq!(
            network.resolved.lock().unwrap()["rebind.example"],
            2,
            "one resolution an attempt"
        );
    }

    #[tokio::test]
    async fn private_addresses_are_connected_to_only_where_configured() {
        let network = Recorded::with("intern.example", &[&["192.168.1.5"]]);
        connect(&network, Reach::Private, "http://intern.example/")
            .await
            .unwrap_err();
        connect(&network, Reach::Private, "http://127.0.0.1:9000/")
            .await
            .unwrap_err();
        assert_eq!(network.connects(), ["192.168.1.5:80", "127.0.0.1:9000"]);
        connect(&network, Reach::Private, "http://169.254.169.254/")
            .await
            .unwrap_err();
        assert_eq!(network.connects().len(), 2);
    }

    /// Requirement 43: a redirect is an answer, and nobody follows it.
    #[tokio::test]
    async fn r43_redirects_are_not_followed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let network = Arc::new(Recorded {
            names: HashMap::from([("redirects.example", vec![vec!["8.8.8.8"]])]),
            receiver: Some(listener.local_addr().unwrap()),
            ..Recorded::default()
        });
        let receiver = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            assert!(read > 0);
            let reply = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(reply).await.unwrap();
        });
        let sender = Sender::new(network.clone(), Reach::Private, Limits::default());
        let url = WebhookUrl::parse("http://redirects.example/", Reach::Private).unwrap();
        let answer = sender.send(Call::post(url, "{}")).await.unwrap();
        receiver.await.unwrap();
        assert_eq!(answer.status.as_u16(), 302);
        assert_eq!(network.connects(), ["8.8.8.8:80"]);
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_an_error() {
        let network = Recorded::with("other.example", &[&[]]);
        let error = connect(&network, Reach::Public, "https://nowhere.example/")
            .await
            .unwrap_err();
        assert!(error.contains("no address"), "{error}");
    }
}
