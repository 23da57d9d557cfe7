//! Writes marks into a database file from a process of its own: `db-writer FILE WRITER COUNT`.
//! Prints the number of each mark after its commit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of the tests fails its test"
)]

use std::io::Write;
use std::path::Path;

use db::{Batch, Db, Guard, Step, Value, args};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, writer, count] = arguments.as_slice() else {
        panic!("db-writer FILE WRITER COUNT");
    };
    let (writer, count): (i64, i64) = (writer.parse().expect("a number"), count.parse().expect("a number"));
    let database = db_embedded::open(Path::new(file), db_embedded::Options::default()).expect("the file opens");
    let nobody = Guard {
        credential: None,
        scope: None,
        with: "",
        subject: Value::Null,
    };
    let mut out = std::io::stdout().lock();
    for number in 0..count {
        let mut batch = Batch::write();
        batch.push(Step::global("UPDATE counter SET value = value + 1", args![]));
        batch.push(Step::global(
            "INSERT INTO marks (writer, number) VALUES (?1, ?2)",
            args![writer, number],
        ));
        futures::executor::block_on(database.batch(&nobody, batch)).expect("the mark is written");
        writeln!(out, "{number}")
            .and_then(|()| out.flush())
            .expect("the parent reads");
    }
}
