use crate::room::{Room, stdout};

#[test]
fn status_names_each_migration_and_when_it_was_applied() {
    let room = Room::new();
    let before = room.json(&["status"]);
    let before = before["migrations"].as_array().unwrap();
    assert!(before.len() >= 2 && before.iter().all(|migration| migration["applied_at"].is_null()));
    assert!(!room.database().exists(), "a look made a database");

    let migrated = room.json(&["migrate"]);
    assert_eq!(migrated["applied"].as_array().unwrap().len(), before.len());
    assert_eq!(room.json(&["migrate"])["applied"].as_array().unwrap().len(), 0);

    let text = stdout(&room.run(&["status"]));
    for name in ["001_initial_schema", "002_saas_tables"] {
        let line = text.lines().find(|line| line.contains(name)).unwrap();
        assert!(line.contains("applied 20"), "{line}");
    }
    let after = room.json(&["status"]);
    assert!(
        after["migrations"]
            .as_array()
            .unwrap()
            .iter()
            .all(|migration| migration["applied_at"].is_string())
    );
}

#[test]
fn a_database_that_is_not_there_is_told() {
    let room = Room::new();
    for (url, code, says) in [
        ("postgres://db.example", 3, "INTENTVISION_DB_URL"),
        ("file:", 3, "names no file"),
        ("http://127.0.0.1:1", 4, "available"),
    ] {
        let output = room
            .command(&["status"])
            .env("INTENTVISION_DB_URL", url)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{url}");
        let said = crate::room::stderr(&output);
        assert!(said.contains(says), "{url}: {said}");
    }
}
