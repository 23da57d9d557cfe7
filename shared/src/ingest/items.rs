use super::entry::MAX_POINTS;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The elements of a list: all, or one more than a request may have. What is too much is told without taking memory for it:
/// 16 MiB hold five million `{}`, and they would take hundreds.
pub(super) struct Items<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List(PhantomData))
    }
}

struct List<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
    type Value = Items<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<T>, A::Error> {
        let mut items = Vec::new();
        while items.len() <= MAX_POINTS {
            match seq.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(Items(items)),
            }
        }
        // what is no JSON further on is still 400 and not 413
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Items(items))
    }
}
