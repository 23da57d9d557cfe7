//! Series that nobody wrote: see `decode` for how bytes become what is done to one.
//!
//! `cargo test` tries the corpus and some hundreds of its mutants. For longer, in release:
//! `PROPTEST_CASES=1000000 cargo test --release -p prediction --test detect fuzz`.

mod decode;

use std::path::Path;
use std::sync::LazyLock;

use prediction::detect::{Change, Detector, Ending, Stream};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::acts::{Outcome, config};
use crate::promises::check;
use crate::state::reload;

/// The bytes of each file, in the order of their names.
static CORPUS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/detect/fuzz/corpus");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    files.sort();
    files
});

fn attack(bytes: &[u8]) -> Result<(), String> {
    let (settings, acts) = decode::decode(bytes);
    let detector = Detector::new(settings);
    check(&detector, &acts).map_err(|broken| format!("{broken}\n{detector:?}"))?;
    let (mut streamed, mut saved) = (Stream::default(), Stream::default());
    for (index, (t, act)) in acts.into_iter().enumerate() {
        if index % 11 == 0 {
            saved = reload(&saved);
        }
        let (one, other) = (act.on(&mut streamed, &detector, t), act.on(&mut saved, &detector, t));
        if format!("{one:?}") != format!("{other:?}") {
            return Err(format!("{one:?}, but {other:?} after it was saved"));
        }
    }
    Ok(())
}

#[test]
fn the_corpus_breaks_no_promise() {
    assert!(!CORPUS.is_empty());
    for (name, bytes) in CORPUS.iter() {
        attack(bytes).unwrap_or_else(|broken| panic!("{name}: {broken}"));
    }
}

#[test]
fn the_corpus_reaches_what_the_detector_tells_apart() {
    let mut changes = Vec::new();
    for (_, bytes) in CORPUS.iter() {
        let (settings, acts) = decode::decode(bytes);
        let (detector, mut stream) = (Detector::new(settings), Stream::default());
        for (t, act) in acts {
            changes.extend(match act.on(&mut stream, &detector, t) {
                Outcome::Verdict(verdict) => verdict.change,
                Outcome::Marked(change) => change,
            });
        }
    }
    for ending in Ending::ALL {
        let ends_so = |change: &Change| matches!(change, Change::Closed { ending: other, .. } if other == ending);
        assert!(changes.iter().any(ends_so), "{ending:?}");
    }
    assert!(changes.iter().any(|change| matches!(change, Change::Escalated(_))));
    let silent = |change: &Change| matches!(change, Change::Opened(finding) if finding.value.is_none());
    assert!(changes.iter().any(silent));
}

/// Some bytes set, put in or taken out.
fn mutant() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<Index>(), 0..2_usize, vec(any::<u8>(), 0..6));
    (any::<Index>(), vec(edit, 0..8)).prop_map(|(file, edits)| {
        let mut bytes = file.get(&CORPUS).1.clone();
        for (at, removed, new) in edits {
            let at = at.index(bytes.len() + 1);
            let end = (at + removed * new.len().max(1)).min(bytes.len());
            bytes.splice(at..end, new);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn no_bytes_break_a_promise(bytes in prop_oneof![3 => mutant(), 1 => vec(any::<u8>(), 0..80)]) {
        attack(&bytes).map_err(TestCaseError::fail)?;
    }
}
