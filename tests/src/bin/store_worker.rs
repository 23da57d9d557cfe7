//! Ingests, folds, tidies and trims on a file: `store-worker FOLDER SEED WRITES`. The trial of power cuts watches what
//! it does to its files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of the tests fails its test"
)]

use std::path::Path;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, seed, writes] = arguments.as_slice() else {
        panic!("store-worker FOLDER SEED WRITES");
    };
    let (seed, writes) = (seed.parse().expect("a number"), writes.parse().expect("a number"));
    tests::worker::work(Path::new(folder), seed, writes).await;
}
