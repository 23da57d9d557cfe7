//! A mail as a message of RFC 5322: plain text and HTML, in a thread, with the headers of mail by machine.

use intentvision::notify::mail::{Mail, PICTURE_ID};
use lettre::address::AddressError;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use std::time::{Duration, UNIX_EPOCH};

/// The message; its body and headers are ASCII, whatever the texts are.
///
/// # Errors
/// In words.
pub(crate) fn compose(mail: &Mail) -> Result<Message, String> {
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
