use crate::room::{Room, stderr, stdout};
use serde_json::Value;

fn states(room: &Room) -> Vec<(String, bool, bool)> {
    let list = room.json(&["keys", "list"]);
    let items = list["items"].as_array().unwrap();
    let state = |item: &Value| {
        let name = item["name"].as_str().unwrap().to_owned();
        (name, !item["revoked_at"].is_null(), !item["expires_at"].is_null())
    };
    items.iter().map(state).collect()
}

#[test]
fn the_first_key_needs_no_database_no_organization_and_no_scopes() {
    let room = Room::new();
    let key = room.key();
    assert!(key.starts_with("iv_live_") && key.len() == 46, "{key}");
    let list = room.json(&["keys", "list"]);
    assert_eq!(list["items"][0]["scopes"], serde_json::json!(["admin"]));
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_key_is_shown_once_and_never_again() {
    let room = Room::new();
    let output = room.run(&[
        "keys",
        "create",
        "--name",
        "one",
        "--scopes",
        "ingest:write,metrics:read",
    ]);
    let text = stdout(&output);
    let key = text.lines().next().unwrap();
    assert!(key.starts_with("iv_live_"), "{text}");
    for arguments in [&["keys", "list"][..], &["keys", "list", "--json"]] {
        let listed = room.run(arguments);
        assert!(listed.status.success() && !stdout(&listed).contains(key));
        assert!(stdout(&listed).contains("ingest:write"), "{}", stdout(&listed));
    }
    for name in crate::room::names(room.database().parent().unwrap()) {
        let bytes = std::fs::read(room.path(&name)).unwrap();
        assert!(
            !bytes.windows(key.len()).any(|window| window == key.as_bytes()),
            "{name} holds the key"
        );
    }
}

#[test]
fn a_key_is_revoked_and_rotated() {
    let room = Room::new();
    let first = room.json(&["keys", "create", "--name", "a"]);
    let second = room.json(&["keys", "create", "--name", "b"]);
    assert_eq!(
        room.json(&["keys", "revoke", first["key_id"].as_str().unwrap()])["key_id"],
        first["key_id"]
    );
    let rotated = room.json(&["keys", "rotate", second["key_id"].as_str().unwrap(), "--grace", "1h"]);
    assert_ne!(rotated["key"], second["key"]);
    let expected = [("a", true, false), ("b", false, true), ("b", false, false)];
    let expected: Vec<_> = expected
        .map(|(name, revoked, ends)| (name.to_owned(), revoked, ends))
        .into();
    assert_eq!(states(&room), expected);
    room.fails(&["keys", "rotate", first["key_id"].as_str().unwrap()], 1, "ended");
}

#[test]
fn what_is_not_there_is_told() {
    let room = Room::new();
    room.fails(&["keys", "list"], 3, "keys create");
    assert!(!room.database().exists(), "a look made a database");
    room.key();
    room.fails(&["keys", "revoke", "nonsense"], 3, "no key id");
    room.fails(
        &["keys", "revoke", "key_00000000000000000000000000000000"],
        3,
        "there is no key",
    );
    room.fails(
        &["keys", "rotate", "key_00000000000000000000000000000000"],
        3,
        "there is no key",
    );
    room.fails(
        &["keys", "create", "--name", "x", "--scopes", "everything"],
        3,
        "everything",
    );
    room.fails(&["keys", "create", "--name", ""], 3, "name");
}

#[test]
fn failures_are_json_when_asked_for() {
    let room = Room::new();
    let output = room.run(&["keys", "list", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let failure: Value = serde_json::from_str(&stderr(&output)).unwrap();
    assert_eq!(failure["error"]["exit_code"], 3);
}
