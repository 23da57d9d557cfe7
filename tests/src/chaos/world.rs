//! The product on its database, with what breaks it: processes, server, proxy.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::client::Client;
use super::history::History;
use super::tally::Tally;
use crate::powerloss::{Disk, shim};
use crate::product::Backend;
use crate::proxy::{Fault, Proxy};
use crate::served::{Installation, Serve};
use crate::sqld::{Sqld, free_port};

/// Processes that serve one organization.
const PROCESSES: usize = 2;
/// Of so many requests to the database server, one meets a fault.
const FAULT_EVERY: u32 = 12;
/// How often a process that does not start is tried again: its own look at the database may meet faults, too.
const STARTS: usize = 50;

/// Everything that a round needs.
pub(super) struct World {
    pub(super) database: Database,
    pub(super) installation: Installation,
    pub(super) client: Client,
    pub(super) history: Mutex<History>,
    /// what no client should have seen
    pub(super) wrong: Mutex<Vec<String>>,
    pub(super) tally: std::sync::Arc<Tally>,
    serves: Vec<Mutex<Option<Serve>>>,
    addresses: Vec<SocketAddr>,
    pub(super) folder: TempDir,
}

/// What keeps the points.
pub(super) enum Database {
    /// a file on a disk that can be full
    File(Disk),
    /// a server behind a proxy
    Server(Mutex<Sqld>, Proxy),
}

impl World {
    /// A fresh database, and processes that serve it.
    pub(super) fn start(backend: Backend, tally: std::sync::Arc<Tally>) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let log = folder.path().join("log");
        let (database, installation, key) = match backend {
            Backend::Embedded => {
                let url = format!("file:{}", folder.path().join("iv.db").display());
                let disk = Disk::new(&folder.path().join("disk"));
                let installation = disk.under(Installation::new(url, &log), &shim());
                let key = installation.set_up();
                (Database::File(disk), installation, key)
            }
            Backend::Remote => {
                let sqld = Sqld::start();
                let proxy = Proxy::start(sqld.port());
                let installation = Installation::new(proxy.url(), &log);
                let key = installation.set_up();
                (Database::Server(Mutex::new(sqld), proxy), installation, key)
            }
        };
        let addresses = std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let world = Self {
            database,
            client: Client::new(&key),
            history: Mutex::default(),
            wrong: Mutex::default(),
            tally,
            serves: std::iter::repeat_with(Mutex::default).take(PROCESSES).collect(),
            addresses: addresses.take(PROCESSES).collect(),
            installation,
            folder,
        };
        for process in 0..PROCESSES {
            world.start_process(process);
        }
        world
    }

    pub(super) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().expect("the history")
    }

    /// Notes what no client should have seen.
    pub(super) fn wrong(&self, what: String) {
        self.wrong.lock().expect("what went wrong").push(what);
    }

    /// One of the processes.
    pub(super) fn any(&self, rng: &mut StdRng) -> SocketAddr {
        self.addresses[rng.random_range(0..PROCESSES)]
    }

    /// Kills a process that serves, and starts it again after a pause.
    pub(super) fn kill_process(&self, rng: &mut StdRng) {
        let process = rng.random_range(0..PROCESSES);
        self.serves[process].lock().expect("a process").take();
        self.tally.count("kill -9 of a process that serves");
        std::thread::sleep(Duration::from_millis(rng.random_range(0..100)));
        self.start_process(process);
    }

    fn start_process(&self, process: usize) {
        let port = self.addresses[process].port();
        let mut serve = self.serves[process].lock().expect("a process");
        for _ in 0..STARTS {
            match self.installation.serve(port) {
                Ok(started) => {
                    *serve = Some(started);
                    return;
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
        panic!("intentvision does not start:\n{}", self.installation.log());
    }

    /// Ends every process and the server as a crash would, and starts all of it again.
    pub(super) fn restart(&self) {
        for serve in &self.serves {
            serve.lock().expect("a process").take();
        }
        if let Database::Server(sqld, _) = &self.database {
            sqld.lock().expect("the server").restart();
        }
        for process in 0..PROCESSES {
            self.start_process(process);
        }
    }

    /// From here on requests to the server meet faults of this seed.
    pub(super) fn disturb(&self, seed: u64) {
        let Database::Server(_, proxy) = &self.database else {
            return;
        };
        let mut rng = StdRng::seed_from_u64(seed);
        let tally = std::sync::Arc::clone(&self.tally);
        proxy.disturb(Some(Box::new(move |body| {
            if rng.random_range(0..FAULT_EVERY) != 0 {
                return None;
            }
            let fault = fault(&mut rng, body);
            tally.count(fault.name());
            Some(fault)
        })));
    }

    /// Waits for what is still on its way, and lets nothing fail from here on.
    pub(super) async fn calm(&self) {
        match &self.database {
            Database::File(disk) => disk.has_room(),
            Database::Server(_, proxy) => {
                proxy.disturb(None);
                proxy.settled().await;
            }
        }
    }
}

/// A fault for the request with this body.
fn fault(rng: &mut StdRng, body: &[u8]) -> Fault {
    let delay = Duration::from_millis(rng.random_range(1..1_500));
    match rng.random_range(0..10) {
        0 => Fault::LoseRequest,
        1 => Fault::LoseReply,
        2 => Fault::CutReply,
        3 => Fault::Twice,
        4 => Fault::Busy,
        5 => Fault::Status(401),
        6 => Fault::Status(rng.random_range(500..505)),
        7 => Fault::StatusAfter(502),
        // a write without an operation id counts again when it is sent again after its reply: nobody
        // can tell it from a new one, and no proxy does so
        8 if has_operation_id(body) => Fault::Echo(delay),
        _ => Fault::Late(delay),
    }
}

/// Whether the request is one that may be sent again: by its idempotency key or its lease.
fn has_operation_id(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("INSERT INTO idempotency_keys") || text.contains("FROM leases")
}
