use serde::Serialize;
use serde::ser::SerializeMap;

/// What tells series of one metric apart: pairs of text, in byte order of the key, none twice, no
/// empty value (an empty value is an absent dimension).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dimensions(Vec<(String, String)>);

impl Dimensions {
    /// The most dimensions that a series may have.
    pub const MAX: usize = 30;
    /// The most characters of a key.
    pub const MAX_KEY: usize = 64;
    /// The most characters of a value.
    pub const MAX_VALUE: usize = 1_024;

    /// Dimensions of these pairs.
    ///
    /// # Errors
    /// A sentence for people: too many, a key that is empty, too long or there twice, a value that
    /// is too long.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut kept: Vec<(String, String)> = Vec::new();
        for (key, value) in pairs {
            if kept.len() == Self::MAX {
                return Err(format!("a series has at most {} dimensions", Self::MAX));
            }
            if key.is_empty() || key.chars().count() > Self::MAX_KEY {
                return Err(format!("a dimension's key has 1 to {} characters", Self::MAX_KEY));
            }
            if value.chars().count() > Self::MAX_VALUE {
                return Err(format!(
                    "the dimension {key:?} is longer than {} characters",
                    Self::MAX_VALUE
                ));
            }
            if key.contains('\0') || value.contains('\0') {
                return Err(format!("the dimension {key:?} holds a NUL character"));
            }
            kept.push((key, value));
        }
        kept.sort_unstable();
        if let Some(pair) = kept.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("the dimension {:?} is there twice", pair[0].0));
        }
        kept.retain(|(_, value)| !value.is_empty());
        Ok(Self(kept))
    }

    /// The pairs, in byte order of the key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of these pairs are among `other`'s: how filters, rules and jobs match.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.iter().all(|pair| other.0.binary_search(pair).is_ok())
    }

    /// As kept in the database: a JSON object, keys in byte order.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Dimensions::to_json`] wrote.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let map: std::collections::BTreeMap<String, String> = serde_json::from_str(text).ok()?;
        Self::new(map).ok()
    }
}

impl Serialize for Dimensions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> serde::Deserialize<'de> for Dimensions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> serde::de::Visitor<'de> for Pairs {
            type Value = Dimensions;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Dimensions, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<String, String>()? {
                    if pairs.len() > Dimensions::MAX {
                        break;
                    }
                    pairs.push(pair);
                }
                Dimensions::new(pairs).map_err(serde::de::Error::custom)
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Dimensions, String> {
        Dimensions::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn order_does_not_matter_and_an_empty_value_is_absent() {
        assert_eq!(
            of(&[("b", "2"), ("a", "1"), ("c", "")]).unwrap(),
            of(&[("a", "1"), ("b", "2")]).unwrap()
        );
        assert_eq!(of(&[("b", "2"), ("a", "1")]).unwrap().to_json(), r#"{"a":"1","b":"2"}"#);
    }

    #[test]
    fn a_key_twice_is_refused_also_in_json() {
        assert!(of(&[("a", "1"), ("a", "1")]).is_err());
        assert!(serde_json::from_str::<Dimensions>(r#"{"a":"1","a":"2"}"#).is_err());
        assert!(serde_json::from_str::<Dimensions>(r#"{"a":1}"#).is_err());
    }

    #[test]
    fn limits_hold_at_n_and_break_at_n_plus_one() {
        let many = |n: usize| Dimensions::new((0..n).map(|i| (format!("k{i}"), "v".into())));
        assert!(many(30).is_ok() && many(31).is_err());
        let key = |n: usize| of(&[(&"ä".repeat(n), "v")]);
        assert!(key(64).is_ok() && key(65).is_err() && key(0).is_err());
        let value = |n: usize| of(&[("k", &"ä".repeat(n))]);
        assert!(value(1_024).is_ok() && value(1_025).is_err());
    }

    #[test]
    fn a_filter_matches_by_subset() {
        let series = of(&[("a", "1"), ("b", "2")]).unwrap();
        assert!(of(&[("b", "2")]).unwrap().is_subset_of(&series));
        assert!(Dimensions::default().is_subset_of(&series));
        assert!(!of(&[("b", "1")]).unwrap().is_subset_of(&series));
    }
}
