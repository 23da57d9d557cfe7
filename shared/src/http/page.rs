//! Lists: `limit`, an opaque `cursor`, and `{"items": [], "next_cursor": null}`.

use crate::Error;
use axum::Json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Bytes of a page, unless it has one item. A function's reply has at most 6 MB on AWS Lambda, as a text in which each quote
/// takes a byte more.
const BYTES: usize = 3_000_000;

/// A [`Page`], written.
pub type PageReply = Json<Box<RawValue>>;

/// What a list is asked for: how many items at most, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    limit: usize,
    cursor: Option<Cursor>,
}

impl Asked {
    pub(super) fn new(limit: usize, cursor: Option<Cursor>) -> Self {
        Self { limit, cursor }
    }

    /// Limit and cursor, for a list whose items are small.
    #[must_use]
    pub fn into_parts(self) -> (usize, Option<Cursor>) {
        (self.limit, self.cursor)
    }

    /// Reads the page and writes it. Where as many items as were asked for are more than a database or a gateway sends at once, the page has
    /// fewer, and its `next_cursor` leads on.
    ///
    /// # Errors
    /// Those of the list.
    pub async fn page<'a, T, R>(&'a self, list: impl Fn(usize, Option<&'a Cursor>) -> R) -> Result<PageReply, Error>
    where
        T: Serialize,
        R: Future<Output = Result<Page<T>, Error>>,
    {
        let mut limit = self.limit;
        loop {
            limit = match list(limit, self.cursor.as_ref()).await {
                // how many there are is not known: each try reads what a reply holds at most
                Err(Error::ReplyTooLarge) if limit > 1 => limit.div_ceil(4),
                Err(error) => return Err(error),
                Ok(page) => {
                    let json = to_raw_value(&page).map_err(|error| Error::unavailable(error.to_string()))?;
                    if json.get().len() <= BYTES || page.items.len() <= 1 {
                        return Ok(Json(json));
                    }
                    page.items.len().div_ceil(2)
                }
            };
        }
    }
}

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
