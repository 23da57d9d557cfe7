//! Who kills, who maintains, and who reads while the clients send.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::verify;
use super::world::{Database, World};

/// Kills a process or the server now and then, or fills the disk, until it is told to stop.
pub(super) fn break_things(world: &World, mut rng: StdRng, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(rng.random_range(20..250)));
        match &world.database {
            Database::Server(sqld, _) if rng.random_range(0..3) == 0 => {
                let mut sqld = sqld.lock().expect("the server");
                sqld.kill();
                world.tally.count("kill -9 of sqld");
                std::thread::sleep(Duration::from_millis(rng.random_range(0..200)));
                sqld.restart();
            }
            Database::File(disk) if rng.random_range(0..2) == 0 => {
                disk.fills_after(rng.random_range(0..200_000));
                world.tally.count("disk full");
                std::thread::sleep(Duration::from_millis(rng.random_range(30..200)));
                disk.has_room();
            }
            _ => world.kill_process(&mut rng),
        }
    }
}

/// Runs maintenance in a process of its own again and again, and kills it in most runs.
pub(super) fn maintain(world: &World, mut rng: StdRng, stop: &AtomicBool) {
    let mut usual = Duration::from_millis(100);
    while !stop.load(Ordering::Relaxed) {
        verify::expire_leases(world);
        let started = Instant::now();
        let mut child = world
            .installation
            .command(&["maintain", "--force"])
            .spawn()
            .expect("it runs");
        if rng.random_range(0..3) == 0 {
            let status = child.wait().expect("its end");
            note(world, status);
            usual = (usual + started.elapsed()) / 2;
        } else {
            std::thread::sleep(usual.mul_f64(rng.random_range(0.0..1.2)));
            if child.try_wait().expect("its state").is_none() {
                child.kill().expect("it can be killed");
                world.tally.count("kill -9 of maintenance (fold, merge, split)");
            }
            child.wait().expect("its end");
        }
    }
}

/// Maintenance may fail because its database fails, but in no other way.
fn note(world: &World, status: ExitStatus) {
    if !matches!(status.code(), Some(0 | 1 | 4)) {
        world.wrong(format!("maintenance ended with {status}"));
    }
}
