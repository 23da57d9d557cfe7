use super::SeriesId;
use foldhash::{HashMap, HashMapExt};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// About how many bytes of memory the names of one process may take before it starts over.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What an entry takes beside its text.
const OVERHEAD: usize = 48;
/// A longer name is not worth its place.
const MAX_NAME: usize = 1_024;

/// The identities of series by their names as they were sent.
///
/// A name that this process has seen committed needs neither to be checked nor to be hashed again: its
/// identity follows from the text alone, whoever sends it. Only names of committed requests are kept, so that
/// nobody without a key can crowd out the others'.
#[derive(Debug, Default)]
pub struct SeriesNames(RwLock<Names>);

#[derive(Debug, Default)]
struct Names {
    ids: HashMap<Box<str>, SeriesId>,
    bytes: usize,
}

/// The names as they are now; whoever learns some waits for its end.
#[derive(Debug)]
pub struct KnownNames<'a>(RwLockReadGuard<'a, Names>);

impl SeriesNames {
    /// The names, for looking some up.
    pub fn known(&self) -> KnownNames<'_> {
        KnownNames(self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers names of a request that was committed.
    pub fn learn(&self, names: &HashMap<Box<str>, SeriesId>) {
        if names.is_empty() {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (name, id) in names {
            if name.len() > MAX_NAME {
                continue;
            }
            let bytes = name.len() + OVERHEAD;
            if known.bytes + bytes > MAX_BYTES {
                known.ids = HashMap::new();
                known.bytes = 0;
            }
            if known.ids.insert(name.clone(), *id).is_none() {
                known.bytes += bytes;
            }
        }
    }
}

impl KnownNames<'_> {
    /// The identity of the series with this name, if it is known.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<SeriesId> {
        self.0.ids.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> SeriesId {
        SeriesId::from_raw(number as i64).unwrap()
    }

    fn learn<const N: usize>(names: &SeriesNames, new: [(String, SeriesId); N]) {
        names.learn(&new.into_iter().map(|(name, id)| (name.into(), id)).collect());
    }

    #[test]
    fn a_name_is_known_once_it_was_learnt() {
        let names = SeriesNames::default();
        assert_eq!(names.known().get("a"), None);
        learn(&names, [("a".into(), id(1)), ("b".into(), id(2))]);
        assert_eq!(
            (names.known().get("a"), names.known().get("b")),
            (Some(id(1)), Some(id(2)))
        );
    }

    #[test]
    fn memory_is_bounded_whatever_is_learnt() {
        let names = SeriesNames::default();
        let many = 3 * MAX_BYTES / (900 + OVERHEAD);
        (0..many).for_each(|number| learn(&names, [(format!("{number:0900}"), id(number))]));
        let bytes = names
            .known()
            .0
            .ids
            .keys()
            .map(|name| name.len() + OVERHEAD)
            .sum::<usize>();
        assert!(bytes <= MAX_BYTES && bytes == names.known().0.bytes, "{bytes}");
        assert_eq!(names.known().get(&format!("{:0900}", many - 1)), Some(id(many - 1)));
        learn(&names, [("x".repeat(MAX_NAME + 1), id(7))]);
        assert_eq!(names.known().get(&"x".repeat(MAX_NAME + 1)), None);
    }
}
