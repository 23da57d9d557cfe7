use crate::room::{Room, names, stderr, stdout};
use std::process::Command;

#[test]
fn every_step_of_the_story_really_happens() {
    let room = Room::new();
    let output = room.run(&["demo", "--once", "--keep", "kept"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    for said in [
        "bytes a point",
        "before the value crossed",
        "signed notifications sent, received and verified",
    ] {
        assert!(text.contains(said), "{said:?} is missing:\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colours:\n{text}");
    assert!(names(&room.path("kept")).contains(&"intentvision.db".to_owned()));
    room.fails(&["demo", "--once", "--keep", "kept"], 3, "is there already");
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_done() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_intentvision"))
        .args(["demo", "--listen", &address])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
}
