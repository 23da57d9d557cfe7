use db::{Batch, DbError, Guard, Reply};
use futures::channel::oneshot;

pub(crate) type Outcome = Result<Reply, DbError>;

/// A batch on its way to a thread.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) guard: Guard,
    pub(crate) batch: Batch,
    reply: oneshot::Sender<Outcome>,
}

impl Job {
    pub(crate) fn new(guard: Guard, batch: Batch) -> (Self, oneshot::Receiver<Outcome>) {
        let (reply, receiver) = oneshot::channel();
        (Self { guard, batch, reply }, receiver)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.reply.is_canceled()
    }

    pub(crate) fn answer(self, outcome: Outcome) {
        // whoever asked may have gone
        let _ = self.reply.send(outcome);
    }
}
