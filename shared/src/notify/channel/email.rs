//! Mail: one to each recipient who has confirmed, all about the same in one thread.

use super::story::{Story, fit, plain};
use crate::notify::mail::{PICTURE_ID, is_address};
use crate::notify::picture::Picture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Recipients of one channel.
const RECIPIENTS: usize = 10;
const SUBJECT: usize = 200;
const TEXT: usize = 20_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    to: Vec<String>,
}

/// Who is to be told.
#[derive(Debug, Clone)]
pub(in crate::notify) struct Email {
    to: Vec<String>,
}

impl Email {
    pub(super) fn parse(config: &Value) -> Result<Self, String> {
        let Config { mut to } = Config::deserialize(config).map_err(|error| error.to_string())?;
        // the part before the @ may mean two people by its case, which no server does any more
        to.iter_mut().for_each(|address| address.make_ascii_lowercase());
        to.sort();
        to.dedup();
        if to.is_empty() || to.len() > RECIPIENTS {
            return Err(format!("to: 1 to {RECIPIENTS} addresses"));
        }
        match to.iter().find(|address| !is_address(address)) {
            Some(wrong) => Err(format!("to: {wrong:?} is no address")),
            None => Ok(Self { to }),
        }
    }

    pub(super) fn shown(&self) -> Value {
        json!({"to": self.to})
    }

    /// The addresses, in order and each once.
    pub(in crate::notify) fn to(&self) -> &[String] {
        &self.to
    }
}

/// What is frozen: the words, for the headers depend on who is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::notify) struct Words {
    pub(in crate::notify) subject: String,
    pub(in crate::notify) text: String,
    pub(in crate::notify) html: String,
}

impl Words {
    /// With a picture below.
    pub(in crate::notify) fn show(&mut self, picture: &Picture) {
        let alt = escaped(&picture.alt, SUBJECT);
        let image = format!("<p><img src=\"cid:{PICTURE_ID}\" alt=\"{alt}\" width=\"800\" height=\"400\"></p>\n");
        self.html.push_str(&image);
    }
}

/// The words of the mail.
pub(super) fn write(story: &Story) -> String {
    let subject = fit(&story.title, SUBJECT, plain).replace('\n', " ");
    let mut text = fit(&story.text, TEXT, plain);
    let mut html = format!("<h2>{}</h2>\n", escaped(&story.title, SUBJECT));
    for line in text.lines() {
        html.push_str(&format!("<p>{}</p>\n", escaped(line, TEXT)));
    }
    if !story.facts.is_empty() {
        text.push_str("\n\n");
        html.push_str("<table>\n");
        for (name, value) in &story.facts {
            text.push_str(&format!("{name}: {}\n", fit(value, TEXT, plain)));
            html.push_str(&format!(
                "<tr><th align=\"left\">{name}</th><td>{}</td></tr>\n",
                escaped(value, TEXT)
            ));
        }
        html.push_str("</table>\n");
    }
    json!(Words { subject, text, html }).to_string()
}

/// Text for HTML, within an element.
pub(in crate::notify) fn escaped(text: &str, limit: usize) -> String {
    fit(text, limit, |letter, to| match letter {
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        '"' => to.push_str("&quot;"),
        '\'' => to.push_str("&#39;"),
        _ => to.push(letter),
    })
}

#[cfg(test)]
mod tests {
    use super::super::story::tests::any_notice;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_of_addresses_is_put_in_order_and_nothing_else_is_taken() {
        let email = Email::parse(&json!({"to": ["b@example.com", "A@example.com", "a@example.com"]})).unwrap();
        assert_eq!(email.to(), ["a@example.com", "b@example.com"]);
        let many: Vec<String> = (0..11).map(|n| format!("a{n}@example.com")).collect();
        for wrong in [
            json!({}),
            json!({"to": []}),
            json!({"to": "a@example.com"}),
            json!({"to": ["a@example.com\r\nBcc: b@example.com"]}),
            json!({"to": ["a@example.com"], "from": "b@example.com"}),
            json!({"to": many}),
        ] {
            assert!(Email::parse(&wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_mail_has_one_line_as_its_subject_and_no_markup_of_others(notice in any_notice()) {
            let words: Words = serde_json::from_str(&write(&Story::of(&notice))).unwrap();
            prop_assert!(!words.subject.contains(['\r', '\n']));
            prop_assert!(words.subject.encode_utf16().count() <= 200);
            let ours = ["h2", "/h2", "p", "/p", "table", "/table", "tr", "/tr", "th align=\"left\"", "/th", "td", "/td"];
            for piece in words.html.split('<').skip(1) {
                let (tag, _) = piece.split_once('>').unwrap();
                prop_assert!(ours.contains(&tag), "{}", tag);
            }
        }
    }
}
