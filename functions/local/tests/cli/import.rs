use crate::room::{Room, stderr, stdout};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

const ROWS: &str = "timestamp,value,metric_key,region\n2025-11-23T09:00:00Z,1.5,shop.orders,eu\n2025-11-23T10:00:00Z,2.5,shop.orders,eu\n2025-11-23T09:00:00Z,7,shop.orders,\n";
const OBJECTS: &str = concat!(
    r#"{"metric_key":"shop.orders","value":1.5,"timestamp":"2025-11-23T09:00:00Z","dimensions":{"region":"eu"}}"#,
    "\n",
    r#"{"metric_key":"shop.orders","value":2.5,"timestamp":"2025-11-23T10:00:00Z","dimensions":{"region":"eu"}}"#,
    "\n",
    r#"{"metric_key":"shop.orders","value":7,"timestamp":"2025-11-23T09:00:00Z"}"#,
    "\n"
);

fn exported(room: &Room, arguments: &[&str]) -> Vec<String> {
    let output = room.run(&[&["export"], arguments].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let mut lines: Vec<String> = stdout(&output).lines().skip(1).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn tables_and_objects_plain_or_zipped_say_the_same() {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(OBJECTS.as_bytes()).unwrap();
    let zip = zip.finish().unwrap();
    for (name, bytes) in [("a.csv", ROWS.as_bytes()), ("a.txt", OBJECTS.as_bytes()), ("b", &zip)] {
        let room = Room::new();
        let path = room.path(name);
        std::fs::write(&path, bytes).unwrap();
        let summary = room.json(&["import", path.to_str().unwrap()]);
        assert_eq!(
            (&summary["points"], &summary["refused_lines"]),
            (&json!(3), &json!(0)),
            "{name}"
        );
        let expected = [
            "2025-11-23T09:00:00Z,1.5,shop.orders,eu",
            "2025-11-23T09:00:00Z,7.0,shop.orders,",
            "2025-11-23T10:00:00Z,2.5,shop.orders,eu",
        ];
        assert_eq!(exported(&room, &[]), expected, "{name}");
    }
}

#[test]
fn standard_input_is_a_file_too() {
    let room = Room::new();
    let mut child = room
        .command(&["import", "-", "--metric-key", "a", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"timestamp,value\n1763888400000,1\n").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["points"], 1);
    assert_eq!(exported(&room, &[]), ["2025-11-23T09:00:00Z,1.0,a"]);
}

#[test]
fn refused_lines_are_shown_with_number_and_code_and_the_others_stored() {
    let room = Room::new();
    let mut text = "timestamp,value\n1763888400000,1\n".to_owned();
    for _ in 0..30 {
        text.push_str("1763888400000,x\n");
    }
    text.push_str("soon,1\n1763892000000,2\n");
    let path = room.write("a.csv", &text);
    let path = path.to_str().unwrap();
    let output = room.run(&["import", path, "--metric-key", "a"]);
    assert_eq!(output.status.code(), Some(3));
    let said = stderr(&output);
    assert!(
        said.contains("line 3: INVALID_VALUE: value must be a finite number"),
        "{said}"
    );
    assert_eq!(said.matches("INVALID_VALUE").count(), 20, "{said}");
    assert!(said.contains("31 lines were refused"), "{said}");
    assert_eq!(exported(&room, &[]).len(), 2);

    let summary = room.json(&["import", path, "--metric-key", "a", "--skip-invalid"]);
    assert_eq!((&summary["points"], &summary["refused_lines"]), (&json!(2), &json!(31)));
    assert_eq!(summary["errors"][0]["code"], "INVALID_VALUE");
    assert_eq!(summary["errors"].as_array().unwrap().len(), 20);
}

#[test]
fn series_over_the_cap_are_told_by_their_first_line() {
    let room = Room::new();
    let path = room.write(
        "a.csv",
        "timestamp,value,host\n1763888400000,1,a\n1763888400000,1,b\n1763892000000,1,a\n1763892000000,1,b\n",
    );
    let output = room
        .command(&["import", path.to_str().unwrap(), "--metric-key", "a", "--json"])
        .env("INTENTVISION_MAX_SERIES", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["points"], &summary["refused_lines"]), (&json!(2), &json!(2)));
    assert_eq!(summary["errors"][0]["code"], "SERIES_LIMIT_EXCEEDED");
    assert_eq!(exported(&room, &[]).len(), 2);
}

#[test]
fn what_makes_no_sense_is_told_and_stores_nothing() {
    let room = Room::new();
    room.fails(&["import", "nowhere.csv"], 3, "cannot be read");
    let path = room.write("a.csv", "timestamp,value\n1763888400000,1\n");
    let path = path.to_str().unwrap();
    room.fails(&["import", path], 3, "name the metric");
    room.fails(&["import", path, "--metric-key", "9 lives"], 3, "no metric key");
    room.fails(
        &["import", path, "--metric-key", "a", "--organization", "acme"],
        3,
        "acme",
    );
    room.fails(
        &["import", path, "--metric-key", "a", "--format", "ndjson"],
        3,
        "--metric-key",
    );
    let torn = room.path("torn.csv.gz");
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(ROWS.as_bytes()).unwrap();
    let zip = zip.finish().unwrap();
    std::fs::write(&torn, &zip[..zip.len() - 9]).unwrap();
    room.fails(&["import", torn.to_str().unwrap()], 3, "cannot be read");
}

#[test]
fn it_works_while_serve_runs_and_its_points_are_read_at_once() {
    let room = Room::new();
    let server = room.serve();
    let key = room.key();
    let path = room.write("a.csv", ROWS);
    assert_eq!(room.json(&["import", path.to_str().unwrap()])["points"], 3);
    let (status, body) = server.call("GET", "/v1/series", &key, "");
    assert_eq!(status, 200);
    let list: Value = serde_json::from_str(&body).unwrap();
    let values: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["last_value"])
        .collect();
    assert!(values.contains(&&json!(2.5)) && values.contains(&&json!(7.0)), "{body}");
}

/// A slice has 500,000 points.
#[test]
fn after_kill_9_it_goes_on_where_it_was_and_says_so() {
    let room = Room::new();
    let row = |at: i64| format!("{},{}\n", 1_700_000_000_000 + at * 1_000, at % 1_000);
    let text: String = std::iter::once("timestamp,value\n".to_owned())
        .chain((0..900_000).map(row))
        .collect();
    let path = room.write("a.csv", &text);
    let arguments = ["import", path.to_str().unwrap(), "--metric-key", "a"];
    let mut child = room.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("500000 points stored"), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();

    let output = room.run(&[&arguments[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("stopped after line 500001"),
        "{}",
        stderr(&output)
    );
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&summary["points"], &summary["resumed_after_line"]),
        (&json!(900_000), &json!(500_001))
    );
    assert_eq!(room.json(&["export", "--output", "b.ndjson"])["points"], 900_000);
    // it is done: the next run is a new one
    let again = room.write("b.csv", "timestamp,value\n1763888400000,1\n");
    let again = ["import", again.to_str().unwrap(), "--metric-key", "a"];
    assert!(room.json(&again)["resumed_after_line"].is_null());
    assert!(room.json(&again)["resumed_after_line"].is_null());
}
