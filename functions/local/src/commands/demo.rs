//! `intentvision demo`: everything on real data, with no set-up.

use crate::commands::serve;
use crate::database::{self, Place};
use crate::output::line;
use crate::server::{self, Stopper};
use crate::{Failure, demo};
use clap::Args;
use intentvision::clock::Clock;
use intentvision::config::variable;
use intentvision::keys::ApiKey;
use intentvision::telemetry;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often rules are evaluated while it serves.
const TICK: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// End after the story; exit 0 only if every step really happened
    #[arg(long)]
    once: bool,
    /// Keep the database in this folder; without it, it is gone at the end
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Where to serve at the end
    #[arg(long, default_value = serve::LISTEN)]
    listen: SocketAddr,
}

pub(crate) async fn run(arguments: &Arguments, json: bool) -> Result<(), Failure> {
    // a log between the lines of the story only if somebody asks for it
    if variable("INTENTVISION_LOG")?.is_some() {
        telemetry::start();
    }
    let temporary = tempfile::tempdir().map_err(|error| Failure::Failed(format!("no temporary folder: {error}")))?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    let database = fresh(folder)?;
    let (_receiver, of_receiver) = Stopper::new();
    // taken first, so that nobody waits a minute to learn that the port is not free
    let listener = if arguments.once {
        None
    } else {
        Some(serve::bind(arguments.listen).await?)
    };
    let outcome = tokio::select! {
        told = demo::tell(Clock::system().wall(), &database, json, of_receiver) => told?,
        // an end of its own, so that the temporary folder goes with it
        _ = server::signal() => return Err(Failure::Failed("the demo was interrupted".into())),
    };
    demo::farewell(json, &outcome.figures)?;
    let Some(listener) = listener else { return Ok(()) };

    let address = listener
        .local_addr()
        .map_err(|error| Failure::Failed(error.to_string()))?;
    let app = database::open_sealed(demo::config(&database), &Place::File(database.clone()), Clock::system())?;
    announce(address, &outcome.key, json)?;
    let feed = tokio::spawn(demo::feed(outcome.flights, outcome.fed, address, outcome.key));
    let served = serve::until_signal(app, listener, TICK).await;
    feed.abort();
    served
}

/// Where it goes on, and what to try there.
fn announce(address: SocketAddr, key: &ApiKey, json: bool) -> Result<(), Failure> {
    let key = key.reveal();
    if json {
        return line(&serde_json::json!({"listening": format!("http://{address}"), "key": key}).to_string());
    }
    line(&format!(
        "\nIt goes on at http://{address}, fed with the next days of data, until Ctrl-C. In another terminal:\n
   export KEY={key}
   curl -s -H \"Authorization: Bearer $KEY\" http://{address}/v1/alerts
   curl -s -H \"Authorization: Bearer $KEY\" http://{address}/v1/anomalies
   curl -s -H \"Authorization: Bearer $KEY\" http://{address}/v1/forecasts \\
     --json '{{\"metric_key\": \"flights.departures\", \"dimensions\": {{\"airport\": \"ORD\"}}, \"horizon\": \"6h\"}}'"
    ))
}

/// The path of a database that is not there yet.
fn fresh(folder: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::Input(format!("{} cannot be made: {error}", folder.display())))?;
    let database = folder.join("intentvision.db");
    if database.exists() {
        return Err(Failure::Input(format!(
            "{} is there already: the demo takes an empty folder",
            database.display()
        )));
    }
    Ok(database)
}
