//! Takes mail and keeps it, without a server.

use futures::future::BoxFuture;
use intentvision::notify::mail::{Mail, Mailer, NoReply, SmtpReply};
use std::sync::Mutex;
use std::time::Duration;

/// What was sent.
#[derive(Debug, Default)]
pub struct Postbox(Mutex<Vec<Mail>>);

impl Postbox {
    /// The mails, oldest first.
    ///
    /// # Panics
    /// Never: nobody panics with the lock.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.0.lock().expect("a lock").clone()
    }
}

impl Mailer for Postbox {
    fn send<'a>(&'a self, mail: &'a Mail, _: Duration) -> BoxFuture<'a, Result<SmtpReply, NoReply>> {
        self.0.lock().expect("a lock").push(mail.clone());
        let reply = SmtpReply {
            code: 250,
            words: "OK".into(),
        };
        Box::pin(async { Ok(reply) })
    }
}

/// The token in the links of a mail.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn token(mail: &Mail) -> String {
    let (_, rest) = mail.text.split_once("token=").expect("a link");
    rest.split_whitespace().next().expect("a token").to_owned()
}
