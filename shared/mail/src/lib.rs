//! Mail over SMTP.
//!
//! A crate of its own, so that no HTTP function links it. The server is the operator's choice; of
//! tenants come recipients, subjects and texts, none of which can become a header or a command: the
//! builder of the message encodes what is not plain.

#![warn(missing_docs)]

use futures::future::BoxFuture;
use intentvision::Error;
use intentvision::config::Secret;
use intentvision::notify::mail::{Mail, Mailer, PICTURE_ID, SmtpReply};
use lettre::address::AddressError;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::time::{Duration, UNIX_EPOCH};

/// For the connection; a conversation has the time that its caller gives it.
const TIMEOUT: Duration = Duration::from_secs(8);

/// A server that takes mail.
#[derive(Debug, Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Smtp {
    /// The server that a URL names: `smtps://user:password@host` (TLS from the first byte),
    /// `smtp://user:password@host:587?tls=required` (STARTTLS), or `smtp://localhost:25` without either.
    ///
    /// # Errors
    /// 503 if the URL cannot be read; the password is not repeated.
    pub fn new(url: &Secret) -> Result<Self, Error> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.reveal()).map_err(|_| {
            Error::unavailable(
                "INTENTVISION_SMTP_URL is none of smtps://user:password@host, smtp://user:password@host:587?tls=required and smtp://host:25",
            )
        })?;
        Ok(Self {
            transport: builder.timeout(Some(TIMEOUT)).build(),
        })
    }
}

impl Smtp {
    /// Whether the server is there and takes the password; sends nothing.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn greet(&self) -> Result<(), String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the server does not answer as a mail server does".into()),
            Err(error) => Err(causes(&error)),
        }
    }
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<SmtpReply, String>> {
        Box::pin(async move {
            let message = compose(mail)?;
            match self.transport.send(message).await {
                Ok(response) => Ok(SmtpReply {
                    code: response.code().into(),
                    words: response.message().collect::<Vec<_>>().join(" "),
                }),
                Err(error) => match error.status() {
                    Some(status) => Ok(SmtpReply {
                        code: status.into(),
                        words: error.to_string(),
                    }),
                    None => Err(causes(&error)),
                },
            }
        })
    }
}

fn compose(mail: &Mail) -> Result<Message, String> {
    let mailbox = |text: &str| -> Result<Mailbox, String> {
        let address: Address = text.parse().map_err(|error: AddressError| format!("{text}: {error}"))?;
        Ok(Mailbox::new(None, address))
    };
    let millis = u64::try_from(mail.at).unwrap_or(0);
    let mut builder = Message::builder()
        .from(Mailbox::new(Some("IntentVision".into()), mailbox(&mail.from)?.email))
        .to(mailbox(&mail.to)?)
        .date(UNIX_EPOCH + Duration::from_millis(millis))
        .message_id(Some(mail.message_id.clone()))
        .subject(&mail.subject)
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Auto-Response-Suppress", "All"))
        // mail programs that fold equal mails together keep these apart
        .raw_header(header("X-Entity-Ref-ID", &mail.message_id));
    if let Some(first) = &mail.answers {
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    if let Some(url) = &mail.unsubscribe {
        builder = builder
            .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let plain = MultiPart::alternative().singlepart(part(ContentType::TEXT_PLAIN, &mail.text));
    let html = part(ContentType::TEXT_HTML, &mail.html);
    let parts = match &mail.picture {
        None => plain.singlepart(html),
        Some(picture) => {
            let png = ContentType::parse("image/png").map_err(|error| error.to_string())?;
            let shown = Attachment::new_inline_with_name(PICTURE_ID.into(), "chart.png".into());
            let image = shown.body(picture.png.clone(), png);
            plain.multipart(MultiPart::related().singlepart(html).singlepart(image))
        }
    };
    builder.multipart(parts).map_err(|error| error.to_string())
}

fn part(content: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(content).body(text.to_owned())
}

/// Values are ASCII of our own making; the builder encodes what is not plain all the same.
fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
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
