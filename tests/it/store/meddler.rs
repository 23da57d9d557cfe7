use db::{Batch, BatchFuture, Db, DbError, Guard, Mode, Value};
use std::sync::{Arc, Mutex};
use tokio::sync::{oneshot, watch};

/// A database that loses replies and connections, lets others go first, and measures.
#[derive(Debug)]
pub(crate) struct Meddler {
    inner: Arc<dyn Db>,
    state: Mutex<State>,
    arrivals: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    gate: Option<(Mode, u32, oneshot::Receiver<()>)>,
    largest_reply: usize,
    requests: u64,
    rows_read: u64,
}

/// What happens to a write.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// the process died, or the connection broke, before it was done
    Before,
    /// it was done, and nobody heard of it
    After,
}

impl Meddler {
    pub(crate) fn new(inner: Arc<dyn Db>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            state: Mutex::default(),
            arrivals: watch::Sender::new(0),
        })
    }

    /// The next write meets this fault.
    pub(crate) fn fail_next_write(&self, fault: Fault) {
        self.state.lock().unwrap().fault = Some(fault);
    }

    /// Nothing fails any more.
    pub(crate) fn forgive(&self) {
        self.state.lock().unwrap().fault = None;
    }

    /// The next batch of this mode, after `skip` others, waits until the sender is dropped or used.
    pub(crate) fn hold(&self, mode: Mode, skip: u32) -> oneshot::Sender<()> {
        let (release, gate) = oneshot::channel();
        self.state.lock().unwrap().gate = Some((mode, skip, gate));
        release
    }

    /// Waits until a batch stands at the gate.
    pub(crate) async fn somebody_waits(&self) {
        let mut arrivals = self.arrivals.subscribe();
        arrivals.wait_for(|count| *count > 0).await.unwrap();
    }

    /// The most bytes of a reply so far, blobs as base64.
    pub(crate) fn largest_reply(&self) -> usize {
        self.state.lock().unwrap().largest_reply
    }

    /// How many rows the server read, as it says.
    pub(crate) fn rows_read(&self) -> u64 {
        self.state.lock().unwrap().rows_read
    }

    /// How many batches ran.
    pub(crate) fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }
}

impl Db for Meddler {
    fn batch<'a>(&'a self, guard: &'a Guard, batch: Batch) -> BatchFuture<'a> {
        Box::pin(async move {
            let (gate, fault) = {
                let mut state = self.state.lock().unwrap();
                state.requests += 1;
                let gate = match &mut state.gate {
                    Some((mode, 0, _)) if *mode == batch.mode => state.gate.take().map(|(_, _, gate)| gate),
                    Some((mode, skip, _)) if *mode == batch.mode => {
                        *skip -= 1;
                        None
                    }
                    _ => None,
                };
                let fault = if batch.mode == Mode::Write {
                    state.fault.take()
                } else {
                    None
                };
                (gate, fault)
            };
            if let Some(gate) = gate {
                self.arrivals.send_modify(|count| *count += 1);
                // a dropped sender opens the gate, too
                let _ = gate.await;
            }
            if let Some(Fault::Before) = fault {
                return Err(DbError::Unavailable("cut off before".into()));
            }
            let reply = self.inner.batch(guard, batch).await;
            if let Some(Fault::After) = fault {
                return Err(DbError::Unavailable("cut off after".into()));
            }
            if let Ok(reply) = &reply {
                let bytes = reply
                    .steps
                    .iter()
                    .flat_map(|rows| &rows.rows)
                    .flat_map(|row| &row.0)
                    .map(bytes)
                    .sum();
                let mut state = self.state.lock().unwrap();
                state.rows_read += reply.rows_read;
                state.largest_reply = state.largest_reply.max(bytes);
            }
            reply
        })
    }
}

fn bytes(value: &Value) -> usize {
    match value {
        Value::Blob(blob) => blob.len().div_ceil(3) * 4 + 32,
        Value::Text(text) => text.len() + 32,
        _ => 48,
    }
}
