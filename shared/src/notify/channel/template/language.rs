//! What a template may be written in: a part of Jinja that looks values up and makes none.

/// Bytes of a template.
pub(super) const MAX_SOURCE: usize = 4_096;
/// Bytes of a tag, and tags of a template: both are read by recursion.
pub(super) const MAX_TAG: usize = 256;
pub(super) const MAX_TAGS: usize = 128;
/// The statements that there are.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// No statement but those that choose and repeat, and nothing in a tag that makes a value.
pub(super) fn check(source: &str) -> Result<(), String> {
    if source.len() > MAX_SOURCE {
        return Err(format!("a template has at most {MAX_SOURCE} bytes"));
    }
    let mut rest = source;
    let mut tags = 0;
    while let Some(at) = ["{{", "{%", "{#"].into_iter().filter_map(|mark| rest.find(mark)).min() {
        let (mark, after) = rest[at..].split_at(2);
        if mark == "{#" {
            rest = after.split_once("#}").map_or("", |(_, rest)| rest);
            continue;
        }
        let end = if mark == "{%" { "%}" } else { "}}" };
        let (inside, following) = after.split_at(length(after, end)?);
        if inside.len() > MAX_TAG {
            return Err(format!(
                "what stands between {mark} and {end} has at most {MAX_TAG} bytes"
            ));
        }
        let word = inside
            .trim_start_matches('-')
            .split_whitespace()
            .next()
            .unwrap_or_default();
        if mark == "{%" && !STATEMENTS.contains(&word.trim_end_matches('-')) {
            return Err(format!("the statement {word:?} is none of {}", STATEMENTS.join(", ")));
        }
        tags += 1;
        rest = following.strip_prefix(end).unwrap_or_default();
    }
    if tags > MAX_TAGS {
        return Err(format!("a template has at most {MAX_TAGS} tags"));
    }
    Ok(())
}

/// Bytes of the inside of a tag before its `end`, which is none within a text; all of it where the tag
/// has no end, which is said when it is rendered.
fn length(tag: &str, end: &str) -> Result<usize, String> {
    let mut at = 0;
    while let Some(sign) = tag[at..].chars().next() {
        let rest = &tag[at..];
        if rest.starts_with(end) {
            return Ok(at);
        }
        at += match sign {
            '\'' | '"' => quoted(rest, sign)?,
            '[' => lookup(rest)?,
            '+' | '~' | '*' => {
                return Err(format!(
                    "the operator {sign} is not taken: write one value after the other"
                ));
            }
            ',' | '(' | ')' | '{' | '}' | ']' | '\\' => {
                return Err(format!(
                    "{sign} is not taken: a template looks values up, and makes none"
                ));
            }
            _ => sign.len_utf8(),
        };
    }
    Ok(tag.len())
}

/// Bytes of the text that begins here, which says what it is without escapes.
fn quoted(rest: &str, quote: char) -> Result<usize, String> {
    let length = rest[1..].find(quote).map_or(rest.len(), |end| end + 2);
    if rest[..length].contains('\\') {
        return Err("\\ is not taken: a text has no escapes".into());
    }
    Ok(length)
}

/// Bytes of the `["name"]` or `[0]` that begins here: with anything else in it, it could be a list.
fn lookup(rest: &str) -> Result<usize, String> {
    let inside = rest[1..].trim_start();
    let key = match inside.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(inside, quote)?,
        _ => inside.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(inside.len()),
    };
    let end = inside[key..].trim_start();
    if key == 0 || !end.starts_with(']') {
        return Err("between [ and ] stands one \"name\" or one number".into());
    }
    Ok(rest.len() - end.len() + 1)
}
