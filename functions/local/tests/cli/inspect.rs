use crate::room::{Room, stdout};
use serde_json::json;

#[test]
fn the_rows_of_a_series_are_listed_and_each_is_taken_apart() {
    let room = Room::new();
    let row = |at: i64| format!("{},{}\n", 1_700_000_000_000 + at * 60_000, at % 7);
    let text: String = std::iter::once("timestamp,value\n".to_owned())
        .chain((0..300).map(row))
        .collect();
    let path = room.write("a.csv", &text);
    room.json(&["import", path.to_str().unwrap(), "--metric-key", "a"]);
    // a point that waits in the log
    let server = room.serve();
    let key = room.key();
    let body = r#"{"metrics":[{"metric_key":"a","value":5,"timestamp":"2025-11-23T09:00:00Z"}]}"#;
    assert_eq!(server.call("POST", "/v1/ingest", &key, body).0, 200);
    let (_, list) = server.call("GET", "/v1/series", &key, "");
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let id = list["items"][0]["series_id"].as_str().unwrap();

    let found = room.json(&["inspect", "--series", id]);
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["points"].as_i64().unwrap()).sum::<i64>(), 301);
    assert_eq!(rows[0]["start"], "2023-11-14T22:13:20Z");
    assert_eq!(rows[0]["columns"][0]["form"], "grid");
    assert!(rows.last().unwrap()["row"].as_str().unwrap().starts_with("log/"));
    for row in rows {
        let name = row["row"].as_str().unwrap();
        let blob = room.json(&["inspect", "--row", name]);
        assert_eq!(blob["bytes"], row["bytes"], "{name}");
        assert_eq!(
            blob["points"].as_array().unwrap().len() as u64,
            row["points"].as_u64().unwrap()
        );
        assert!(
            stdout(&room.run(&["inspect", "--row", name])).contains("version"),
            "{name}"
        );
    }
    let text = stdout(&room.run(&["inspect", "--series", id]));
    assert!(text.contains("log/1") && text.contains("timestamps"), "{text}");
}

#[test]
fn a_blob_in_hex_needs_no_database() {
    let room = Room::new();
    // a tombstone of the series 1
    let blob = room.json(&["inspect", "--blob", "0201000000010000000000000001"]);
    assert_eq!(
        (&blob["kind"], &blob["version"], &blob["bytes"]),
        (&json!("tombstone"), &json!(1), &json!(14))
    );
    assert_eq!(blob["series"], json!(["ser_0000000000000001"]));
    assert!(!room.database().exists());
    room.fails(&["inspect", "--blob", "0401"], 3, "ends too early");
    room.fails(&["inspect", "--blob", "04x"], 3, "hex");
}

#[test]
fn what_is_not_there_is_told() {
    let room = Room::new();
    room.fails(&["inspect", "--series", "ser_0000000000000001"], 3, "keys create");
    room.key();
    room.fails(&["inspect", "--series", "nonsense"], 3, "no series id");
    room.fails(&["inspect", "--row", "nonsense"], 3, "names no row");
    room.fails(&["inspect", "--row", "log/7"], 3, "not found");
    let text = stdout(&room.run(&["inspect", "--series", "ser_0000000000000001"]));
    assert!(text.contains("no row holds"), "{text}");
    assert_eq!(room.run(&["inspect"]).status.code(), Some(2));
}
