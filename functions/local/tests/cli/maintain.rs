use crate::room::{Room, stderr, stdout};

#[test]
fn everything_is_done_now_when_it_is_forced() {
    let room = Room::new();
    let path = room.write(
        "a.csv",
        "timestamp,value\n2025-11-23T09:00:00Z,1\n2025-11-23T10:00:00Z,2\n",
    );
    room.json(&["import", path.to_str().unwrap(), "--metric-key", "a"]);
    let summary = room.json(&["maintain", "--force"]);
    assert_eq!(
        (&summary["tidied"], &summary["failed"]),
        (&1.into(), &0.into()),
        "{summary}"
    );
    // once a day is enough
    assert_eq!(room.json(&["maintain"])["tidied"], 0);
    assert_eq!(
        stdout(&room.run(&["maintain", "--force"])),
        "0 requests folded, 1 series tidied, 0 requests left the log, 0 forecasts scored, 0 idempotency keys expired\n"
    );
}

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let room = Room::new();
    let output = room.run(&["maintain"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("there is no database"), "{}", stderr(&output));
}
