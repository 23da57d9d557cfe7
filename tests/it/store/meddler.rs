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
    /// after so many other writes
    fault: Option<(u32, Fault)>,
    keep: Option<u32>,
    kept: Option<Kept>,
    largest_write: usize,
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
        self.fail_write(0, fault);
    }

    /// The next write, after `skip` others, meets this fault.
    pub(crate) fn fail_write(&self, skip: u32, fault: Fault) {
        self.state.lock().unwrap().fault = Some((skip, fault));
    }

    /// The next write, after `skip` others, is kept, to be sent again.
    pub(crate) fn keep_write(&self, skip: u32) {
        self.state.lock().unwrap().keep = Some(skip);
    }

    /// The write that was kept.
    pub(crate) fn kept(&self) -> Kept {
        self.state.lock().unwrap().kept.take().unwrap()
    }

    /// The most bytes of the arguments of a write so far, blobs as base64.
    pub(crate) fn largest_write(&self) -> usize {
        self.state.lock().unwrap().largest_write
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
        self.wait_for_arrivals(1).await;
    }

    /// Waits until so many batches have come to the gate.
    pub(crate) async fn wait_for_arrivals(&self, count: u64) {
        let mut arrivals = self.arrivals.subscribe();
        arrivals.wait_for(|arrived| *arrived >= count).await.unwrap();
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

/// A write as it was sent.
pub(crate) struct Kept(Guard, Batch);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Kept {
    /// Sends it once more.
    pub(crate) async fn send(&self, meddler: &Meddler) -> Result<db::Reply, DbError> {
        meddler.inner.batch(&self.0, self.1.clone()).await
    }
}

/// Counts down and says whether this is the one.
fn is_next(skip: &mut u32) -> bool {
    let next = *skip == 0;
    *skip = skip.saturating_sub(1);
    next
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
                let mut fault = None;
                if batch.mode == Mode::Write {
                    if state.fault.as_mut().is_some_and(|(skip, _)| is_next(skip)) {
                        fault = state.fault.take().map(|(_, fault)| fault);
                    }
                    if state.keep.as_mut().is_some_and(is_next) {
                        state.keep = None;
                        state.kept = Some(Kept(guard.clone(), batch.clone()));
                    }
                    let sent = batch.steps.iter().flat_map(|(step, _)| &step.args).map(bytes).sum();
                    state.largest_write = state.largest_write.max(sent);
                }
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
