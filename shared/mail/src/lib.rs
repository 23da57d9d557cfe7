//! Mail over SMTP.
//!
//! A crate of its own, so that no HTTP function links it. The server is the operator's choice; of
//! tenants come recipients, subjects and texts, none of which can become a header or a command: the
//! builder of the message encodes what is not plain.
//!
//! The conversation is led here, command by command (RFC 5321), and not by the library: who is not
//! answered has to know whether the server has the mail.

#![warn(missing_docs)]

mod compose;
mod server;

use compose::compose;
use futures::future::BoxFuture;
use intentvision::Error;
use intentvision::config::Secret;
use intentvision::notify::mail::{Mail, Mailer, NoReply, SmtpReply};
use lettre::Message;
use lettre::transport::smtp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as From, Rcpt};
use lettre::transport::smtp::response::Response;
use server::Server;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long a server may take to say goodbye; what it said of the mail holds without.
const GOODBYE: Duration = Duration::from_secs(1);

/// A server that takes mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    server: Server,
}

impl Smtp {
    /// The server that a URL names: `smtps://user:password@host` (TLS from the first byte),
    /// `smtp://user:password@host:587?tls=required` (STARTTLS), or `smtp://localhost:25` without either.
    ///
    /// # Errors
    /// 503 if the URL cannot be read; the password is not repeated.
    pub fn new(url: &Secret) -> Result<Self, Error> {
        let server = Server::parse(url)?;
        Ok(Self { server })
    }

    /// Whether the server is there and takes the password, within this time; sends nothing.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn greet(&self, within: Duration) -> Result<(), String> {
        let end = Instant::now() + within;
        let mut connection = match timeout_at(end, self.server.connect()).await {
            Ok(connected) => connected.map_err(|error| causes(&error))?,
            Err(_) => return Err("no answer of the mail server in time".into()),
        };
        if !timeout_at(end, connection.test_connected()).await.unwrap_or(false) {
            return Err("the server does not answer as a mail server does".into());
        }
        part(&mut connection, Instant::now() + GOODBYE).await;
        Ok(())
    }
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, mail: &'a Mail, within: Duration) -> BoxFuture<'a, Result<SmtpReply, NoReply>> {
        Box::pin(async move {
            let end = Instant::now() + within;
            let message = compose(mail).map_err(before)?;
            let mut connection = match timeout_at(end, self.server.connect()).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => return answered(&error).ok_or_else(|| before(causes(&error))),
                Err(_) => return Err(before("no answer of the mail server in time".into())),
            };
            let answer = converse(&mut connection, &message, end).await;
            part(&mut connection, end.min(Instant::now() + GOODBYE)).await;
            answer
        })
    }
}

/// Offers a mail and, once the server asks for it, gives it: from then on it may arrive.
async fn converse(connection: &mut AsyncSmtpConnection, message: &Message, end: Instant) -> Result<SmtpReply, NoReply> {
    match timeout_at(end, offer(connection, message)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return answered(&error).ok_or_else(|| before(causes(&error))),
        Err(_) => return Err(before("the mail server did not ask for the mail in time".into())),
    }
    match timeout_at(end, connection.message(&message.formatted())).await {
        Ok(Ok(response)) => Ok(SmtpReply {
            code: response.code().into(),
            words: response.message().collect::<Vec<_>>().join(" "),
        }),
        Ok(Err(error)) => answered(&error).ok_or_else(|| after(causes(&error))),
        Err(_) => Err(after("no answer of the mail server to the mail in time".into())),
    }
}

/// Everything before the mail itself.
async fn offer(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<Response, smtp::Error> {
    let envelope = message.envelope();
    let from = From::new(envelope.from().cloned(), Vec::new());
    connection.command(from).await?;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
    }
    connection.command(Data).await
}

/// Ends a conversation as it should be; the connection closes either way.
async fn part(connection: &mut AsyncSmtpConnection, end: Instant) {
    let _ = timeout_at(end, connection.quit()).await;
}

/// The answer that an error is, where the server gave one.
fn answered(error: &smtp::Error) -> Option<SmtpReply> {
    let code = error.status()?.into();
    let words = error.to_string();
    Some(SmtpReply { code, words })
}

fn before(words: String) -> NoReply {
    NoReply {
        words,
        handed_over: false,
    }
}

fn after(words: String) -> NoReply {
    NoReply {
        words,
        handed_over: true,
    }
}

/// The error's causes; the outermost says only that something went wrong.
fn causes(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    words.dedup();
    words.join(": ")
}
