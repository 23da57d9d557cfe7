//! A mail, and who sends it: the crate `mail`, so that no HTTP function links SMTP.

use super::picture::Picture;
use super::sender::bounded;
use crate::clock::Millis;
use futures::future::BoxFuture;
use std::time::Duration;

/// How the HTML of a mail names its picture.
pub const PICTURE_ID: &str = "chart";

/// A mail to one recipient, as plain text and as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// an address of the installation
    pub from: String,
    /// one address
    pub to: String,
    /// any text; no part of it becomes a header of its own
    pub subject: String,
    /// the plain text
    pub text: String,
    /// the same as HTML, which shows the picture by `cid:` and [`PICTURE_ID`]
    pub html: String,
    /// what is drawn of it
    pub picture: Option<Picture>,
    /// `<...@...>`, the same on each attempt
    pub message_id: String,
    /// the `Message-ID` of the first mail of the thread
    pub answers: Option<String>,
    /// where a POST ends further mail
    pub unsubscribe: Option<String>,
    /// when it is sent, wall time
    pub at: Millis,
}

/// What a server answered: 2xx accepted, 4xx not now, 5xx never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpReply {
    /// the code
    pub code: u16,
    /// what it said
    pub words: String,
}

impl SmtpReply {
    /// Whether the server has taken the mail.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Whether it never will: 5xx. But 53x refuses who sends it (RFC 4954), which the operator can mend.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        (500..600).contains(&self.code) && !(530..540).contains(&self.code)
    }
}

/// No answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoReply {
    /// why, in words
    pub words: String,
    /// it was given the whole mail by then, which may arrive
    pub handed_over: bool,
}

/// Sends mail.
pub trait Mailer: Send + Sync + std::fmt::Debug {
    /// Hands a mail to the server, which has so much time, from the connection to its last word.
    fn send<'a>(&'a self, mail: &'a Mail, within: Duration) -> BoxFuture<'a, Result<SmtpReply, NoReply>>;
}

/// Hands a mail to the server; of what it answers a limited number of words is kept.
///
/// # Errors
/// There was no answer.
pub(super) async fn hand_over(mailer: &dyn Mailer, mail: &Mail, within: Duration) -> Result<SmtpReply, NoReply> {
    let answer = mailer.send(mail, within).await;
    answer
        .map(|reply| SmtpReply {
            words: bounded(&reply.words),
            ..reply
        })
        .map_err(|silence| NoReply {
            words: bounded(&silence.words),
            ..silence
        })
}

/// Whether an address can be written to: one that fits an envelope as it stands, without quotes, comments or
/// anything that a server could read as a command.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let local_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && local.chars().all(local_part)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.split('.').count() >= 2
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_addresses_are_taken_and_nothing_else() {
        for good in [
            "a@example.com",
            "first.last+tag@sub.example.co",
            "x!#$%&'*+/=?^_`{|}~-@example.com",
        ] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "a",
            "a@",
            "@example.com",
            "a@localhost",
            "a b@example.com",
            "a@exam ple.com",
            "a@example.com\r\nBcc: b@example.com",
            "\"a\"@example.com",
            "A <a@example.com>",
            "a@example.com>",
            "a@[127.0.0.1]",
            "a@-example.com",
            "a..b@example.com",
            "a@b@example.com",
            "ä@example.com",
            &long,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_ends_a_line_is_an_address(text in "[a-z@.\\r\\n <>,;]{0,40}") {
            if is_address(&text) {
                prop_assert!(!text.contains(['\r', '\n', ' ', '<', '>', ',', ';']));
            }
        }
    }
}
