//! `intentvision serve`: HTTP and the schedule in one process.

use crate::database::{self, Place};
use crate::output::line;
use crate::server::{self, Stopper};
use crate::{Failure, commands, routes, schedule};
use clap::Args;
use intentvision::clock::Clock;
use intentvision::config::Config;
use intentvision::http::service;
use intentvision::{App, telemetry, tenancy};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// Where to listen unless told otherwise: only this machine reaches it.
pub(crate) const LISTEN: &str = "127.0.0.1:8787";

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Address and port; on a loopback address webhooks may go to private addresses
    #[arg(long, default_value = LISTEN)]
    listen: SocketAddr,
    /// How often rules are evaluated
    #[arg(long, default_value = "60s", value_parser = tick)]
    tick: Duration,
}

fn tick(text: &str) -> Result<Duration, String> {
    match commands::duration(text)? {
        ms @ 1_000.. => Ok(Duration::from_millis(ms.unsigned_abs())),
        _ => Err("at least one second".into()),
    }
}

pub(crate) async fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    telemetry::start();
    let mut config = Config::from_env()?;
    config.allow_private_webhooks = arguments.listen.ip().is_loopback();
    let place = Place::of(&config)?;
    let listener = bind(arguments.listen).await?;
    let app = database::open_sealed(config, &place, Clock::system())?;
    database::prepare(&app, &place).await?;
    announce(&app, &listener, &place, json).await?;
    until_signal(app, listener, arguments.tick).await
}

/// Takes the port.
///
/// # Errors
/// If somebody else has it, or it is not ours to take.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Failed(format!("{address} cannot be listened on: {error}")))
}

/// Serves HTTP and runs the schedule until a signal, finishes what is under way, and closes the database.
///
/// # Errors
/// If signals cannot be listened for.
pub(crate) async fn until_signal(app: App, listener: TcpListener, tick: Duration) -> Result<(), Failure> {
    let (stopper, stop) = Stopper::new();
    let http = tokio::spawn(server::serve(listener, service(app.clone(), routes()), stop.clone()));
    let schedule = schedule::start(&app, tick, &stop);
    let signal = server::signal().await;
    stopper.stop();
    // a task that panicked has ended too
    let _ = http.await;
    schedule.ended().await;
    // the last one out closes the database: its queue is written, its threads end
    drop(app);
    signal.map_err(|error| Failure::Failed(format!("signals cannot be listened for: {error}")))
}

async fn announce(app: &App, listener: &TcpListener, place: &Place, json: bool) -> Result<(), Failure> {
    let address = listener
        .local_addr()
        .map_err(|error| Failure::Failed(error.to_string()))?;
    if json {
        return line(&json!({"listening": format!("http://{address}"), "database": place.to_string()}).to_string());
    }
    line(&format!("IntentVision listens on http://{address}, database {place}"))?;
    if tenancy::all(&app.operator(None)).await?.is_empty() {
        line("Next: `intentvision keys create --name NAME` makes an API key")?;
    }
    Ok(())
}
