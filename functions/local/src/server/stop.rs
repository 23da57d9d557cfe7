use std::time::Duration;
use tokio::sync::watch;

/// Whoever holds it ends everything that holds its [`Stop`], by a call or by being dropped.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Tells whether it is time to end.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stopper {
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns when it is time to end; at once if it was before.
    pub(crate) async fn stopped(&mut self) {
        // an error means that nobody is left to tell
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Whether it is time to end.
    pub(crate) fn is_due(&self) -> bool {
        // without anybody left to tell it is, too
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits this long; `true` if it is time to end before.
    pub(crate) async fn stopped_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.stopped()).await.is_ok()
    }
}

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
/// If the system does not let us listen for them.
#[cfg(unix)]
pub(crate) async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Waits for Ctrl-C.
///
/// # Errors
/// If the system does not let us listen for it.
#[cfg(not(unix))]
pub(crate) async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
