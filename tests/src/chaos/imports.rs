//! Imports of files while everything else goes on, killed and resumed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use intentvision::clock::Millis;
use rand::RngExt;
use rand::rngs::StdRng;

use super::history::WriteId;
use super::load;
use super::world::World;

/// Series of a file.
const SERIES: usize = 3;

/// A file that is not imported to its end.
#[derive(Debug)]
pub(super) struct Unfinished {
    id: WriteId,
    file: PathBuf,
}

/// Makes a file, and imports it, killing the process in half of the runs; until told to stop. Returns the file
/// that is not done then.
pub(super) fn import(world: &World, mut rng: StdRng, base: Millis, stop: &AtomicBool) -> Option<Unfinished> {
    let mut usual = Duration::from_millis(100);
    while !stop.load(Ordering::Relaxed) {
        let unfinished = file(world, &mut rng, base);
        loop {
            let started = Instant::now();
            let mut child = command(world, &unfinished).spawn().expect("it runs");
            if rng.random() {
                std::thread::sleep(usual.mul_f64(rng.random_range(0.0..1.2)));
                if child.try_wait().expect("its state").is_none() {
                    child.kill().expect("it can be killed");
                    world.tally.count("kill -9 of an import");
                }
            }
            let status = child.wait().expect("its end");
            if status.success() {
                usual = (usual + started.elapsed()) / 2;
                world.history().acknowledge(unfinished.id);
                break;
            }
            if !matches!(status.code(), None | Some(1 | 4)) {
                world.wrong(format!("an import ended with {status}"));
            }
            if stop.load(Ordering::Relaxed) {
                return Some(unfinished);
            }
        }
    }
    None
}

/// Imports the file to its end, now that nothing fails.
pub(super) fn finish(world: &World, unfinished: &Unfinished) {
    let status = command(world, unfinished).status().expect("it runs");
    if status.success() {
        world.history().acknowledge(unfinished.id);
    } else {
        let log = world.installation.log();
        world.wrong(format!(
            "an import that is resumed after all faults ends with {status}:\n{log}"
        ));
    }
}

/// A file of series that the clients write, too, which nobody has imported.
fn file(world: &World, rng: &mut StdRng, base: Millis) -> Unfinished {
    let cells = load::history(rng, SERIES, base);
    let id = world.history().call(cells.clone(), false);
    let file = world.folder.path().join(format!("import-{id}.ndjson"));
    load::write_file(&file, id, &cells);
    Unfinished { id, file }
}

fn command(world: &World, unfinished: &Unfinished) -> std::process::Command {
    world
        .installation
        .command(&["import", &unfinished.file.to_string_lossy()])
}
