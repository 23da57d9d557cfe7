//! The names of rules and schedules.

use crate::Error;

/// A name for people: without white space around it, of at most `most` characters.
///
/// # Errors
/// 400 if that leaves nothing, or too much, or something that no line of text shows.
pub(super) fn checked(text: &str, most: usize) -> Result<String, Error> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > most || name.chars().any(char::is_control) {
        return Err(Error::schema(format!(
            "name must have 1 to {most} characters, none of them a control character"
        )));
    }
    Ok(name.to_owned())
}
