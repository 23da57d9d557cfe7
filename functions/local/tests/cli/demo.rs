use crate::room::{Room, names, stderr, stdout};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

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
        "the fault was found",
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

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let room = Room::new();
    std::fs::create_dir(room.path("tmp")).unwrap();
    let mut command = room.command(&["demo", "--once"]);
    let mut demo = command
        .env("TMPDIR", room.path("tmp"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let story = BufReader::new(demo.stdout.take().unwrap());
    assert!(story.lines().any(|line| line.unwrap().starts_with("2. ")));
    let killed = Command::new("kill")
        .args(["-s", "INT", &demo.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(demo.wait().unwrap().code(), Some(1));
    assert_eq!(names(&room.path("tmp")), Vec::<String>::new());
}
