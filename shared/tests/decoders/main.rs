//! Decoders against bytes that nobody wrote: none panics, none takes more than [`MOST_MEMORY`], and what one accepts
//! can be written again.
//!
//! `cargo test` tries some thousands. For longer, in release:
//! `PROPTEST_CASES=5000000 PROPTEST_RNG_SEED=1 cargo test --release -p intentvision --test decoders`; the same seed
//! does the same again. What fails is shrunk, printed, and kept in `proptest-regressions/`, from where each later run
//! tries it first.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod attack;
mod specimen;

use intentvision::store::codec::batch::{self, Entry};
use intentvision::store::codec::{CodecError, MAX_POINTS, chunk, segment};
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use specimen::Specimen;
use std::sync::LazyLock;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Of a decoder at any moment, with what it returns: 128 bytes for each of the most points of a blob.
const MOST_MEMORY: usize = 128 * MAX_POINTS;

/// What is read is written again up to so many points: it takes long.
const WRITTEN_AGAIN: usize = 4_096;

// the only test of this program: memory is measured for all threads
proptest! {
    #![proptest_config(config())]

    #[test]
    fn rule_7_no_bytes_harm_a_decoder(attack in attack::attack()) {
        static SPECIMENS: LazyLock<Vec<Specimen>> = LazyLock::new(|| {
            let specimens = specimen::all();
            for specimen in &specimens {
                decode_all(&specimen.blob());
            }
            specimens
        });
        decode_all(&attack.blob(&SPECIMENS));
    }
}

/// More than the usual number of cases, unless the environment says how many.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: 5_000, ..config },
    }
}

fn decode_all(blob: &[u8]) {
    decode(
        blob,
        batch::decode,
        |entry| match entry {
            Entry::Points(samples) => samples.len(),
            Entry::Tombstone(series) => series.len(),
        },
        |entry| match entry {
            Entry::Points(samples) => batch::encode(samples),
            Entry::Tombstone(series) => batch::encode_tombstone(series),
        },
    );
    decode(
        blob,
        segment::decode,
        |series| series.values().map(Vec::len).sum(),
        segment::encode,
    );
    decode(blob, chunk::decode, Vec::len, |points| chunk::encode(points));
}

fn decode<T>(
    blob: &[u8],
    decode: fn(&[u8]) -> Result<T, CodecError>,
    size: fn(&T) -> usize,
    encode: fn(&T) -> Vec<u8>,
) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let decoded = decode(blob);
    let taken = MEMORY.peak_usage() - before;
    assert!(taken <= MOST_MEMORY, "{taken} bytes");
    let Ok(decoded) = decoded else { return };
    assert!(size(&decoded) <= MAX_POINTS);
    if size(&decoded) <= WRITTEN_AGAIN {
        let again = encode(&decoded);
        // bytes tell NaN from NaN, and -0.0 from 0.0
        assert_eq!(decode(&again).map(|decoded| encode(&decoded)), Ok(again));
    }
}
