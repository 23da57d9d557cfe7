//! The whole product behind real HTTP, on a database of either kind, with a clock that tests move.

use crate::proxy::Proxy;
use crate::sqld::Sqld;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use intentvision::auth::Scopes;
use intentvision::clock::{Clock, Millis};
use intentvision::config::{Config, Secret};
use intentvision::http::Routes;
use intentvision::id::{Entropy, OrgId};
use intentvision::keys::{self, Created, Environment, NewKey};
use intentvision::secrets::Sealer;
use intentvision::{App, migrations, tenancy};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Which kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// a file
    Embedded,
    /// a real server, through a proxy that counts
    Remote,
}

/// What keeps the database there.
#[derive(Debug)]
enum Database {
    File(TempDir),
    Server(Box<Sqld>, Proxy),
}

/// A running product.
#[derive(Debug)]
pub struct Product {
    /// the app behind the routes
    pub app: App,
    /// what it seals secrets with
    pub secret_key: Secret,
    database: Database,
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
    server: JoinHandle<()>,
}

impl Drop for Product {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A reply, read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    /// its status
    pub status: StatusCode,
    /// its headers
    pub headers: HeaderMap,
    /// its bytes
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Status and code of a problem.
    pub fn problem(&self) -> (u16, String) {
        let json = self.json();
        let media = self
            .headers
            .get("content-type")
            .map(|value| value.to_str().unwrap_or(""));
        assert_eq!(media, Some("application/problem+json"), "{} {json}", self.status);
        assert!(
            json["request_id"].as_str().is_some_and(|id| id.starts_with("req_")),
            "{json}"
        );
        (
            self.status.as_u16(),
            json["code"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

/// The HTTP functions: name and routes.
#[must_use]
pub fn http_functions() -> [(&'static str, Routes); 8] {
    [
        ("detect", detect::routes()),
        ("forecast", forecast::routes()),
        ("ingest", ingest::routes()),
        ("manage-alerts", manage_alerts::routes()),
        ("manage-channels", manage_channels::routes()),
        ("manage-keys", manage_keys::routes()),
        ("query", query::routes()),
        ("test-rules", test_rules::routes()),
    ]
}

/// All routes of all HTTP functions.
#[must_use]
pub fn all_routes() -> Routes {
    http_functions()
        .into_iter()
        .fold(Routes::new(), |all, (_, routes)| all.merge(routes))
}

impl Product {
    /// A product on a fresh, migrated database, with the real clock.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, Clock::system(), Config::default()).await
    }

    /// A product with this clock and configuration.
    ///
    /// # Panics
    /// If it cannot start.
    pub async fn start_with(backend: Backend, clock: Clock, config: Config) -> Self {
        let (database, db): (_, Arc<dyn db::Db>) = match backend {
            Backend::Embedded => {
                let folder = TempDir::new().expect("a temporary folder");
                let db = db_embedded::open(&folder.path().join("iv.db"), db_embedded::Options::default())
                    .expect("a database");
                (Database::File(folder), Arc::new(db))
            }
            Backend::Remote => {
                let sqld = Sqld::start();
                let proxy = Proxy::start(sqld.port());
                let db = db_remote::connect(&proxy.url(), None).expect("a client");
                (Database::Server(Box::new(sqld), proxy), db)
            }
        };
        let entropy = Entropy::system();
        let secret_key = Sealer::generate_key(&entropy).expect("a key");
        let sealer = Sealer::new(&secret_key).expect("a sealer");
        let app = App::new(db, clock, entropy, config, Some(sealer));
        migrations::migrate(&app.operator(None), migrations::all())
            .await
            .expect("migrations apply");
        let (url, server) = serve(app.clone()).await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            app,
            secret_key,
            database,
            url,
            client,
            server,
        }
    }

    /// Another handle on the same database, as another process would have it.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub fn open(&self) -> Arc<dyn db::Db> {
        match &self.database {
            Database::File(folder) => Arc::new(
                db_embedded::open(&folder.path().join("iv.db"), db_embedded::Options::default()).expect("a database"),
            ),
            Database::Server(_, proxy) => db_remote::connect(&proxy.url(), None).expect("a client"),
        }
    }

    /// The database as `INTENTVISION_DB_URL` names it.
    pub fn database_url(&self) -> String {
        match &self.database {
            Database::File(folder) => format!("file:{}", folder.path().join("iv.db").display()),
            Database::Server(_, proxy) => proxy.url(),
        }
    }

    /// A second process on the same database: its own caches, its own clock.
    pub async fn again(&self, clock: Clock) -> App {
        self.on(self.open(), clock)
    }

    /// A process on this handle.
    pub fn on(&self, db: Arc<dyn db::Db>, clock: Clock) -> App {
        let config = Config::clone(&self.app.config);
        let mut app = App::new(db, clock, Entropy::system(), config, None);
        app.sealer.clone_from(&self.app.sealer);
        app
    }

    /// Where it listens: an address and a port.
    #[must_use]
    pub fn address(&self) -> String {
        self.url.replace("http://", "")
    }

    /// The proxy in front of the server.
    ///
    /// # Panics
    /// On a file.
    pub fn proxy(&self) -> &Proxy {
        match &self.database {
            Database::Server(_, proxy) => proxy,
            Database::File(_) => panic!("a file has no proxy"),
        }
    }

    /// What passed through the proxy since the last call; nothing on a file.
    #[must_use]
    pub fn counted(&self) -> Vec<crate::proxy::Exchange> {
        match &self.database {
            Database::Server(_, proxy) => proxy.take(),
            Database::File(_) => Vec::new(),
        }
    }

    /// The server itself, to stop and start it.
    ///
    /// # Panics
    /// On a file.
    pub fn server(&mut self) -> &mut Sqld {
        match &mut self.database {
            Database::Server(sqld, _) => sqld,
            Database::File(_) => panic!("a file has no server"),
        }
    }

    /// The folder of the database file, to look at its raw bytes.
    ///
    /// # Panics
    /// On a server.
    pub fn folder(&self) -> PathBuf {
        match &self.database {
            Database::File(folder) => folder.path().to_owned(),
            Database::Server(..) => panic!("a server has no folder here"),
        }
    }

    /// An organization with this name.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn organization(&self, name: &str, environment: Environment) -> OrgId {
        let id = OrgId::new(&self.app.clock, &self.app.entropy).expect("an id");
        tenancy::ensure(&self.app.operator(None), &id, name, environment)
            .await
            .expect("an organization")
    }

    /// A key of the organization with these scopes.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn key(&self, org: &OrgId, scopes: &[&str]) -> String {
        let scopes = Scopes::parse(scopes.iter().copied()).expect("scopes");
        let new = NewKey::new("test", scopes, None).expect("a key");
        match keys::create(&self.app.operator(Some(org.clone())), &self.app.entropy, &new, None)
            .await
            .expect("a key")
        {
            Created::Now(issued) => issued.key.reveal().to_owned(),
            Created::Before(_) => panic!("there was no idempotency key"),
        }
    }

    /// Evaluates the rules up to this minute, with all histories and forecasts that are due.
    ///
    /// # Panics
    /// If it fails.
    pub async fn tick(&self, minute: Millis) -> evaluate_alerts::Summary {
        let (mut histories, mut forecasts) = (evaluate_alerts::Unlimited, evaluate_alerts::Unlimited);
        let summary = evaluate_alerts::run(&self.app, minute, &mut histories, &mut forecasts)
            .await
            .expect("a tick");
        assert_eq!(summary.failed, 0, "an organization failed");
        summary
    }

    /// A live organization `acme` and an admin key of it.
    pub async fn acme(&self) -> (OrgId, String) {
        let org = self.organization("acme", Environment::Live).await;
        let key = self.key(&org, &["admin"]).await;
        (org, key)
    }

    /// Sends a request with a JSON body and a key.
    pub async fn call(&self, method: Method, path: &str, key: &str, body: Option<&Value>) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"));
        let mut bytes = Bytes::new();
        if let Some(body) = body {
            request = request.header("content-type", "application/json");
            bytes = body.to_string().into();
        }
        self.send(request, bytes).await
    }

    /// GET.
    pub async fn get(&self, path: &str, key: &str) -> Reply {
        self.call(Method::GET, path, key, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, key, Some(body)).await
    }

    /// Sends any request; its URI is a path.
    ///
    /// # Panics
    /// If there is no reply.
    pub async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Reply {
        let path = request.uri_ref().map(ToString::to_string).unwrap_or_default();
        let request = request
            .uri(format!("{}{path}", self.url))
            .body(Full::new(body.into()))
            .expect("a request");
        let response = self.client.request(request).await.expect("a reply");
        let (parts, body) = response.into_parts();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("a body").to_bytes(),
        }
    }
}

async fn serve(app: App) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let service = intentvision::http::service(app, all_routes());
    let server = tokio::spawn(async move { axum::serve(listener, service).await.expect("the server runs") });
    (url, server)
}

/// Declares one test for each kind of database: `on_both! { name => async |product: Product| { ... }; }`.
///
/// With what else a test starts from: `on_both! { start = Scene::start; name => async |scene: Scene| { ... }; }`.
#[macro_export]
macro_rules! on_both {
    (start = $start:path; $($(#[$doc:meta])* $name:ident => $body:expr;)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "a body may need nothing of its module")]
            use super::*;

            $(#[$doc])*
            #[tokio::test]
            async fn embedded() {
                ($body)($start($crate::product::Backend::Embedded).await).await;
            }

            $(#[$doc])*
            #[tokio::test]
            async fn remote() {
                ($body)($start($crate::product::Backend::Remote).await).await;
            }
        }
    )*};
    ($($cases:tt)*) => {
        $crate::on_both! { start = $crate::product::Product::start; $($cases)* }
    };
}
