//! The demo's whole system: a fresh database, the real HTTP service on a loopback port, a client
//! with a key, and a receiver of webhooks.

use super::client::Api;
use super::receiver::Receiver;
use super::story::check;
use crate::commands::keys::{self, Create};
use crate::commands::serve;
use crate::database::{self, Place};
use crate::server::{self, Stop, Stopper};
use crate::{Failure, jobs, routes};
use intentvision::App;
use intentvision::clock::{Clock, Millis};
use intentvision::config::Config;
use intentvision::http::service;
use intentvision::keys::ApiKey;
use intentvision::store;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tokio::task::JoinHandle;

pub(super) struct World {
    pub(super) api: Api,
    pub(super) key: ApiKey,
    pub(super) receiver: Receiver,
    /// where webhooks go
    pub(super) hook: String,
    app: App,
    stopper: Stopper,
    http: JoinHandle<()>,
}

/// What the demo's processes are told, whatever the environment says.
pub(crate) fn config(database: &Path) -> Config {
    Config {
        db_url: format!("file:{}", database.display()),
        allow_private_webhooks: true,
        ..Config::default()
    }
}

impl World {
    /// A world in which it is `now` until [`World::set`] says otherwise.
    pub(super) async fn at(now: Millis, database: &Path, of_receiver: Stop) -> Result<Self, Failure> {
        let place = Place::File(database.to_owned());
        let app = database::open_sealed(config(database), &place, Clock::at(now))?;
        database::prepare(&app, &place).await?;
        let issued = keys::create(&app, &Create::admin("demo")).await?;
        let listener = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::Failed(error.to_string()))?;
        let (stopper, stop) = Stopper::new();
        let http = tokio::spawn(server::serve(listener, service(app.clone(), routes()), stop));
        let (receiver, hook) = Receiver::start(of_receiver).await?;
        Ok(Self {
            api: Api::new(address, issued.key.reveal()),
            key: issued.key,
            receiver,
            hook: format!("http://{hook}/hook"),
            app,
            stopper,
            http,
        })
    }

    /// Moves time on.
    pub(super) fn set(&self, now: Millis) {
        self.app.clock.set(now);
    }

    /// What time it is.
    pub(super) fn now(&self) -> Millis {
        self.app.clock.now()
    }

    /// Everything that a schedule would do in this minute, to completion.
    pub(super) async fn tick(&self) -> Result<(), Failure> {
        let ticked = jobs::evaluate_fully(&self.app).await?;
        check(ticked.failed == 0, || format!("a tick failed: {ticked:?}"))?;
        jobs::deliver(self.app.clone()).await?;
        Ok(())
    }

    /// What a schedule would do each minute besides.
    pub(super) async fn maintain(&self) -> Result<(), Failure> {
        let maintained = jobs::maintain(self.app.clone()).await?;
        check(maintained.failed == 0, || format!("maintenance failed: {maintained:?}"))
    }

    /// Moves all that waits in the log of points to where it stays, so that its size can be told.
    pub(super) async fn settle(&self) -> Result<(), Failure> {
        let maintained = maintain::run_everything(&self.app).await?;
        check(maintained.failed == 0, || format!("maintenance failed: {maintained:?}"))
    }

    /// Bytes of the database's pages in use.
    pub(super) async fn footprint(&self) -> Result<i64, Failure> {
        Ok(store::footprint(&self.app.operator(None)).await?)
    }

    /// Stops the server and closes the database.
    pub(super) async fn end(self) {
        self.stopper.stop();
        // a task that panicked has ended too
        let _ = self.http.await;
    }
}
