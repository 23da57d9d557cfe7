//! What storing costs a database, as a table.

use crate::traffic::Traffic;

/// All rows written, and those of them that are idempotency keys': one when it comes and one when it goes.
pub(super) fn rows_written(ingest: &Traffic, upkeep: &Traffic) -> (u64, u64) {
    (ingest.rows_written + upkeep.rows_written, 2 * ingest.requests)
}

/// Prints rows a point.
pub(super) fn print(ingest: &Traffic, upkeep: &Traffic, points: usize) {
    let each = |count: u64| count as f64 / points as f64;
    println!("\n| Over {points} points | rows written a point | rows read a point | requests |");
    println!("|---|---|---|---|");
    for (what, traffic) in [
        ("ingest, idempotency keys on", ingest),
        ("folds, tidies, trims, expiry", upkeep),
    ] {
        println!(
            "| {what} | {:.4} | {:.3} | {} |",
            each(traffic.rows_written),
            each(traffic.rows_read),
            traffic.requests
        );
    }
    let (all, keys) = rows_written(ingest, upkeep);
    println!(
        "| all | {:.4} | {:.3} | |",
        each(all),
        each(ingest.rows_read + upkeep.rows_read)
    );
    println!("| all, without idempotency keys | {:.4} | | |", each(all - keys));
}
