use crate::room::{Room, Server, read_reply, stderr};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const POINT: &str = r#"{"metrics":[{"metric_key":"a.b","value":1}]}"#;

#[test]
fn it_answers_on_one_port_and_ends_cleanly_on_both_signals() {
    let room = Room::new();
    for name in ["TERM", "INT"] {
        let server = room.serve();
        let key = room.key();
        assert_eq!(server.call("GET", "/health/live", "", "").0, 200);
        assert_eq!(server.call("GET", "/health/ready", "", "").0, 200);
        assert_eq!(server.call("POST", "/v1/ingest", &key, POINT).0, 200);
        assert_eq!(server.call("GET", "/v1/api-keys", &key, "").0, 200);
        assert_eq!(server.call("GET", "/v1/series", &key, "").0, 200);
        assert_eq!(server.call("GET", "/v1/notification-channels", &key, "").0, 200);
        assert_eq!(server.call("GET", "/nowhere", &key, "").0, 404);
        server.signal(name);
        assert_eq!(server.ended().code(), Some(0), "{name}");
    }
}

#[test]
fn a_file_is_migrated_and_gets_a_private_key_file() {
    let room = Room::new();
    let server = room.serve();
    let status = room.json(&["status"]);
    assert!(
        status["migrations"]
            .as_array()
            .unwrap()
            .iter()
            .all(|migration| migration["applied_at"].is_string())
    );
    let key = std::fs::read(room.path("iv.db.key")).unwrap();
    drop(server);
    drop(room.serve());
    assert_eq!(
        std::fs::read(room.path("iv.db.key")).unwrap(),
        key,
        "a restart changed the key"
    );
}

#[test]
fn a_request_under_way_is_finished_before_the_end() {
    let room = Room::new();
    let server = room.serve();
    let key = room.key();
    let mut stream = server.connect();
    let length = POINT.len();
    write!(
        stream,
        "POST /v1/ingest HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    )
    .unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut go_on = String::new();
    reader.read_line(&mut go_on).unwrap();
    assert!(go_on.contains("100 Continue"), "{go_on}");
    reader.read_line(&mut go_on).unwrap();

    server.signal("TERM");
    let deadline = Instant::now() + Duration::from_secs(20);
    // it takes no new connections from the moment it knows
    while TcpStream::connect(server.address).is_ok() {
        assert!(Instant::now() < deadline, "it still listens");
        std::thread::yield_now();
    }
    write!(stream, "{POINT}").unwrap();
    let (status, body) = read_reply(stream);
    assert_eq!(status, 200, "{body}");
    assert_eq!(server.ended().code(), Some(0));
    let again = room.serve();
    assert!(again.call("GET", "/v1/series", &key, "").1.contains("a.b"));
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let room = Room::new();
    let server = room.serve();
    let key = room.key();
    assert_eq!(server.call("POST", "/v1/ingest", &key, POINT).0, 200);
    server.signal("KILL");
    drop(server);
    assert!(room.serve().call("GET", "/v1/series", &key, "").1.contains("a.b"));
}

#[test]
fn a_port_that_is_taken_and_a_tick_that_is_too_short_are_told() {
    let room = Room::new();
    let server = room.serve();
    let address = server.address.to_string();
    let output = room.run(&["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot be listened on"), "{}", stderr(&output));
    assert_eq!(room.run(&["serve", "--tick", "10ms"]).status.code(), Some(2));
}

/// The schedule really runs: a point over the limit becomes an alert, and the alert a webhook.
#[test]
fn the_schedule_evaluates_rules_and_delivers_notifications() {
    let room = Room::new();
    let server = Server::start(room.command(&["serve", "--listen", "127.0.0.1:0", "--json", "--tick", "1s"]));
    let key = room.key();
    let sink = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", sink.local_addr().unwrap());
    let channel = format!(r#"{{"name":"sink","type":"webhook","config":{{"url":"{url}"}}}}"#);
    let (status, channel) = server.call("POST", "/v1/notification-channels", &key, &channel);
    assert_eq!(status, 201, "{channel}");
    let channel: Value = serde_json::from_str(&channel).unwrap();
    let rule = json!({
        "name": "high", "metric_key": "a.b", "severity": "error", "channels": [channel["channel_id"]],
        "condition": {"type": "threshold", "operator": "gt", "value": 0.5},
    });
    assert_eq!(server.call("POST", "/v1/alert-rules", &key, &rule.to_string()).0, 201);
    assert_eq!(server.call("POST", "/v1/ingest", &key, POINT).0, 200);

    let (mut stream, _) = sink.accept().unwrap();
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    assert!(head.to_lowercase().contains("webhook-signature: v1,"), "{head}");
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        .unwrap();
    drop((stream, reader));
    assert!(server.call("GET", "/v1/alerts", &key, "").1.contains("\"firing\""));
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}

/// And forecast jobs, too.
#[test]
fn the_schedule_runs_forecast_jobs() {
    let room = Room::new();
    let server = Server::start(room.command(&["serve", "--listen", "127.0.0.1:0", "--json", "--tick", "1s"]));
    let key = room.key();
    let points: Vec<Value> = (0..24)
        .map(|hour| json!({"metric_key": "a.b", "value": hour, "timestamp": format!("2026-01-01T{hour:02}:00:00Z")}))
        .collect();
    let points = json!({"metrics": points}).to_string();
    assert_eq!(server.call("POST", "/v1/ingest", &key, &points).0, 200);
    let job = json!({"metric_key": "a.b", "horizon": 2, "schedule": "1h"}).to_string();
    let (status, job) = server.call("POST", "/v1/forecast-jobs", &key, &job);
    assert_eq!(status, 201, "{job}");
    let job: Value = serde_json::from_str(&job).unwrap();
    let path = format!("/v1/forecast-jobs/{}", job["job_id"].as_str().unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, shown) = server.call("GET", &path, &key, "");
        if shown.contains("\"completed\"") {
            break;
        }
        assert!(Instant::now() < deadline, "{shown}");
        std::thread::yield_now();
    }
    assert!(
        server
            .call("GET", &format!("{path}/results"), &key, "")
            .1
            .contains("\"job_id\"")
    );
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}
