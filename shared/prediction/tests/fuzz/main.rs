//! Forecasts of histories that nobody wrote: see `checked` for what must hold, `decode` for how bytes become one.
//!
//! `cargo test` tries the corpus and some thousands of its mutants and of other bytes. For longer, in release:
//! `PROPTEST_CASES=1000000 PROPTEST_RNG_SEED=1 cargo test --release -p prediction --test fuzz`; the same seed does the same
//! again. `FUZZ_CORPUS=DIR` adds the files of a folder to the corpus. What fails is shrunk, printed, and kept in
//! `proptest-regressions/`, from where each later run tries it first.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "../bytes/mod.rs"]
mod bytes;
#[path = "../checked/mod.rs"]
mod checked;
mod decode;

use std::path::Path;
use std::sync::LazyLock;

use prediction::{Backend, Bounds, Cleaning, Grid, forecast};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// The bytes of each file, in the order of their names.
static CORPUS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let given = std::env::var_os("FUZZ_CORPUS").map(Into::into);
    let mut files = Vec::new();
    for folder in std::iter::once(own).chain(given) {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
});

fn grid(case: &decode::Case) -> Grid<'_> {
    Grid {
        start: case.start,
        step: case.step,
        values: &case.values,
    }
}

fn check(case: &decode::Case) -> Result<(), String> {
    checked::check(&grid(case), &case.options).map_err(|broken| format!("{broken}\n{case:?}"))
}

#[test]
fn every_backend_answers_the_corpus() {
    assert!(!CORPUS.is_empty());
    for (name, bytes) in CORPUS.iter() {
        let mut case = decode::decode(bytes);
        for backend in Backend::ALL {
            case.options.backend = backend;
            check(&case).unwrap_or_else(|broken| panic!("{name}, {backend}: {broken}"));
        }
    }
}

#[test]
fn the_corpus_reaches_what_the_engine_tells_apart() {
    let cases: Vec<decode::Case> = CORPUS.iter().map(|(_, bytes)| decode::decode(bytes)).collect();
    let some = |property: fn(&decode::Case) -> bool| cases.iter().any(property);
    assert!(some(|case| case.values.is_empty()));
    assert!(some(|case| case.values.len() > 2_000));
    assert!(some(|case| case.values.iter().any(|v| v.is_nan())));
    assert!(some(|case| case.values.iter().any(|v| v.is_infinite())));
    assert!(some(|case| case.values.iter().any(|v| v.is_subnormal())));
    assert!(some(|case| case.values.iter().any(|v| v.abs() > 1e300)));
    assert!(some(
        |case| case.values.iter().filter(|v| **v == 0.0).count() * 2 > case.values.len()
    ));
    assert!(some(|case| case.options.seasons.is_some()));
    assert!(some(|case| matches!(case.options.bounds, Bounds::Fixed { .. })));
    assert!(some(|case| !case.options.clean));
    let cleaned = |property: fn(&Cleaning) -> bool| {
        cases
            .iter()
            .any(|case| forecast(&grid(case), &case.options).is_ok_and(|ahead| property(&ahead.report.cleaning)))
    };
    assert!(cleaned(|found| found.counter));
    assert!(cleaned(|found| found.outliers > 0));
    assert!(cleaned(|found| found.level_shift.is_some()));
    assert!(cleaned(|found| found.intermittent));
    assert!(cleaned(|found| !found.calendar.is_empty()));
}

/// A change of some bytes.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index),
    Cut(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        3 => (at(), vec(any::<u8>(), 1..10)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        2 => at().prop_map(Edit::Remove),
        1 => at().prop_map(Edit::Cut),
    ]
}

fn edited(bytes: &[u8], edits: Vec<Edit>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for edit in edits {
        let length = bytes.len();
        match edit {
            Edit::Insert(at, new) => {
                let at = at.index(length + 1);
                bytes.splice(at..at, new);
            }
            _ if bytes.is_empty() => {}
            Edit::Set(at, byte) => bytes[at.index(length)] = byte,
            Edit::Remove(at) => {
                bytes.remove(at.index(length));
            }
            Edit::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

fn attack() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => (any::<Index>(), vec(edit(), 0..8)).prop_map(|(file, edits)| edited(&file.get(&CORPUS).1, edits)),
        1 => vec(any::<u8>(), 0..200),
    ]
}

/// More than the usual number of cases, unless the environment says how many.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: 3_000, ..config },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_bytes_break_a_promise(bytes in attack()) {
        check(&decode::decode(&bytes)).map_err(TestCaseError::fail)?;
    }
}
