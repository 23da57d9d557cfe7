//! What a process holds: databases, clock, randomness, configuration and the secret key.

use crate::Error;
use crate::auth::{Authority, Job, Tenant};
use crate::clock::Clock;
use crate::config::Config;
use crate::forecasting::timegpt::TimeGpt;
use crate::id::{Entropy, OrgId};
use crate::keys::LastUsed;
use crate::notify::mail::Mailer;
use crate::secrets::Sealer;
use crate::series::{KnownSeries, SeriesNames};
use db::{Batch, Db, Step};
use std::sync::Arc;

/// Finds the database of an organization. Today there is one for all; a catalogue may come.
#[derive(Debug, Clone)]
pub struct Databases(Arc<dyn Db>);

/// What handlers and scheduled runs are given. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    databases: Databases,
    /// where time comes from
    pub clock: Clock,
    /// where randomness comes from
    pub entropy: Entropy,
    /// what was configured
    pub config: Arc<Config>,
    /// seals secrets at rest; `None` refuses to create them
    pub sealer: Option<Arc<Sealer>>,
    /// series that this process has seen committed
    pub known_series: Arc<KnownSeries>,
    /// the identities of series that this process has seen named
    pub series_names: Arc<SeriesNames>,
    /// asks TimeGPT, and remembers whether it is there
    pub timegpt: Arc<TimeGpt>,
    /// sends mail; `None` where nothing does
    pub mailer: Option<Arc<dyn Mailer>>,
    last_used: Arc<LastUsed>,
}

impl App {
    /// An app on one database.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, clock: Clock, entropy: Entropy, config: Config, sealer: Option<Sealer>) -> Self {
        let timegpt = Arc::new(TimeGpt::new(config.timegpt.clone()));
        Self {
            databases: Databases(db),
            clock,
            entropy,
            config: Arc::new(config),
            sealer: sealer.map(Arc::new),
            known_series: Arc::default(),
            series_names: Arc::default(),
            timegpt,
            mailer: None,
            last_used: Arc::default(),
        }
    }

    /// The organization that this authority stands for.
    #[must_use]
    pub fn tenant(&self, authority: &Authority) -> Tenant {
        Tenant::new(
            self.databases.0.clone(),
            authority,
            self.clock.clone(),
            self.config.retention,
            &self.last_used,
        )
    }

    /// A scheduled function's view of one organization, or of all.
    #[must_use]
    pub fn system(&self, job: Job, org: Option<OrgId>) -> Tenant {
        self.tenant(&Authority::system(job, org))
    }

    /// The view of somebody with the database in hand.
    #[must_use]
    pub fn operator(&self, org: Option<OrgId>) -> Tenant {
        self.tenant(&Authority::operator(org))
    }

    /// Opens the connection, so that the first request need not.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn warm(&self) -> Result<(), Error> {
        self.operator(None)
            .run(Batch::read_one(Step::global("SELECT 1", vec![])))
            .await?;
        Ok(())
    }
}
