//! Takes credentials out of what receivers say: some repeat the path that they were asked for, and
//! the path of a chat service's webhook is its password.

use serde_json::Value;
use url::Url;

/// Shorter pieces are words of any reply.
const SHORTEST: usize = 8;
/// Characters of a piece that is cut off at the end of a text, and known by them all the same.
const CUT: usize = 4;
const REDACTED: &str = "[redacted]";

/// The pieces of a channel's configuration that nobody may read in a log: its texts, and of URLs
/// each part of the path and each value of the query. The longest come first.
pub(super) fn pieces(config: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(config, &mut found);
    found.retain(|piece| piece.len() >= SHORTEST);
    found.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            found.push(text.clone());
            if let Ok(url) = Url::parse(text) {
                found.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
                found.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
                // and as they stand in the URL
                let pairs = url.query().into_iter().flat_map(|query| query.split('&'));
                found.extend(pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value).to_owned()));
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text without the pieces, nor what is left of one at its end.
pub(super) fn redact(text: &str, pieces: &[String]) -> String {
    let mut text = text.to_owned();
    for piece in pieces {
        text = text.replace(piece.as_str(), REDACTED);
    }
    for piece in pieces {
        let heads = piece.char_indices().map(|(end, _)| &piece[..end]).rev();
        let cut = heads
            .take_while(|head| head.len() >= CUT)
            .find(|head| text.ends_with(head));
        if let Some(head) = cut {
            text.truncate(text.len() - head.len());
            text.push_str(REDACTED);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const TOKEN: &str = "s3cr3t-t0k3n-of-a-h00k";

    fn of_a_hook() -> Vec<String> {
        pieces(&json!({"url": format!("https://hooks.example.com/services/{TOKEN}?sig=abcdefgh")}))
    }

    #[test]
    fn what_a_receiver_repeats_of_the_path_is_not_kept() {
        let said = format!("404 Not Found: no /services/{TOKEN}, sig abcdefgh, here");
        let expected = "404 Not Found: no /[redacted]/[redacted], sig [redacted], here";
        assert_eq!(redact(&said, &of_a_hook()), expected);
        assert_eq!(
            redact("503 Service Unavailable", &of_a_hook()),
            "503 Service Unavailable"
        );
    }

    #[test]
    fn a_value_is_known_as_it_stands_in_the_query_too() {
        let pieces = pieces(&json!({"url": "https://hooks.example.com/a?sig=s3cr3t%2Fs3cr3t"}));
        for said in ["no s3cr3t%2Fs3cr3t", "no s3cr3t/s3cr3t"] {
            assert_eq!(redact(said, &pieces), "no [redacted]");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_token_is_left_wherever_the_text_was_cut(before in "[ a-z]{0,20}", kept in 0_usize..=22, again: bool) {
            let again = if again { TOKEN } else { "" };
            let said = format!("{before}{again}{}", &TOKEN[..kept]);
            let shown = redact(&said, &of_a_hook());
            prop_assert!(kept < CUT || !shown.contains(&TOKEN[..CUT]), "{}", shown);
        }
    }
}
