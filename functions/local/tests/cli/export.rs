use crate::room::{Room, stderr, stdout};
use flate2::read::GzDecoder;
use std::io::Read;

/// A room with a few points of two metrics.
fn filled() -> Room {
    let room = Room::new();
    let path = room.write(
        "a.ndjson",
        concat!(
            r#"{"metric_key":"a","value":-0.0,"timestamp":"2025-11-23T09:00:00Z","dimensions":{"host":"x, \"y\""}}"#,
            "\n",
            r#"{"metric_key":"a","value":1e-300,"timestamp":"2025-11-23T10:00:00.250Z","dimensions":{"host":"x, \"y\""}}"#,
            "\n",
            r#"{"metric_key":"b","value":0.30000000000000004,"timestamp":"2025-11-23T09:00:00Z"}"#,
            "\n"
        ),
    );
    assert_eq!(room.json(&["import", path.to_str().unwrap()])["points"], 3);
    room
}

#[test]
fn a_table_has_a_column_for_each_dimension() {
    let output = filled().run(&["export"]);
    let text = stdout(&output);
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.remove(0), "timestamp,value,metric_key,host");
    lines.sort_unstable();
    let expected = [
        "2025-11-23T09:00:00Z,-0.0,a,\"x, \"\"y\"\"\"",
        "2025-11-23T09:00:00Z,0.30000000000000004,b,",
        "2025-11-23T10:00:00.25Z,1e-300,a,\"x, \"\"y\"\"\"",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn metric_and_range_choose_and_the_name_of_the_file_says_how_it_is_written() {
    let room = filled();
    let range = ["--from", "2025-11-23T09:00:00Z", "--to", "2025-11-23T10:00:00Z"];
    let of_a = ["export", "--metric-key", "a", "--output", "b.jsonl.gz"];
    let summary = room.json(&[&of_a[..], &range].concat());
    assert_eq!((&summary["points"], &summary["series"]), (&1.into(), &1.into()));
    let mut text = String::new();
    let file = std::fs::File::open(room.path("b.jsonl.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let expected =
        r#"{"metric_key":"a","value":-0.0,"timestamp":"2025-11-23T09:00:00Z","dimensions":{"host":"x, \"y\""}}"#;
    assert_eq!(text, format!("{expected}\n"));
    assert!(!room.path("b.jsonl.gz.part").exists());
}

#[test]
fn what_no_table_can_hold_is_told_before_anything_is_written() {
    let room = Room::new();
    let path = room.write(
        "a.ndjson",
        r#"{"metric_key":"a","value":1,"timestamp":"2025-11-23T09:00:00Z","dimensions":{"host":" x"}}"#,
    );
    room.json(&["import", path.to_str().unwrap()]);
    room.fails(&["export", "--output", "b.csv"], 3, "--format ndjson");
    assert!(!room.path("b.csv").exists());
    let output = room.run(&["export", "--format", "ndjson"]);
    assert!(stdout(&output).contains(r#"{"host":" x"}"#), "{}", stderr(&output));
}

#[test]
fn what_is_not_there_is_told() {
    let room = Room::new();
    room.fails(&["export"], 3, "keys create");
    assert!(!room.database().exists(), "a look made a database");
    let room = filled();
    room.fails(&["export", "--organization", "acme"], 3, "acme");
    room.fails(&["export", "--metric-key", "9 lives"], 3, "no metric key");
    room.fails(&["export", "--output", "nowhere/b.csv"], 1, "cannot be written");
    let output = room.run(&["export", "--from", "yesterday"]);
    assert_eq!(output.status.code(), Some(2));
}
