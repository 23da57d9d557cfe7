//! Lists: `limit`, an opaque `cursor`, and `{"items": [], "next_cursor": null}`.

use crate::Error;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// Where the next page begins: after the item with this key. Opaque to callers.
///
/// It needs no
/// signature: every statement takes its organization from the credential, so that an invented
/// cursor finds nothing that a correct one would not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Reads a cursor.
    ///
    /// # Errors
    /// 400 if it is not one of ours.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || Error::schema("the cursor is not one that this API gave");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        String::from_utf8(bytes).map(Self).map_err(|_| wrong())
    }

    /// The key that it stands for.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// in the list's order
    pub items: Vec<T>,
    /// where the next page begins, if there is one
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// How many rows to ask a database for, so that it shows whether there are more.
    #[must_use]
    pub fn fetch(limit: usize) -> i64 {
        i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1
    }

    /// A page of at most `limit` of the items that [`Page::fetch`] found.
    pub fn cut(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items
            .last()
            .filter(|_| more)
            .map(|last| URL_SAFE_NO_PAD.encode(key(last)));
        Self { items, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_of_a_page_is_its_last_key() {
        let page = Page::cut(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(Cursor::parse(&page.next_cursor.unwrap()).unwrap().as_str(), "2");
        assert_eq!(Page::cut(vec![1, 2], 2, ToString::to_string).next_cursor, None);
    }

    #[test]
    fn an_invented_cursor_is_refused() {
        assert_eq!(
            Cursor::parse("§").unwrap_err().code(),
            crate::Code::SchemaValidationFailed
        );
    }
}
