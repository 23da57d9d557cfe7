use crate::room::{Room, stderr, stdout};
use std::net::TcpListener;

#[test]
fn a_fresh_start_and_a_used_database_are_well() {
    let room = Room::new();
    assert_eq!(room.json(&["doctor"])["ok"], true);
    assert!(!room.database().exists(), "a look made a database");
    room.key();
    let report = room.json(&["doctor"]);
    assert_eq!(report["ok"], true);
    let checks: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["check"].as_str().unwrap())
        .collect();
    assert_eq!(checks, ["configuration", "secret key", "schema", "clock", "keys"]);
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let room = Room::new();
    let advice = |name: &str, value: &str| {
        let output = room.command(&["doctor"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}={value}: {}", stderr(&output));
        stdout(&output)
    };
    assert!(advice("INTENTVISION_DB_URL", "nonsense").contains("correct the variable"));
    assert!(advice("INTENTVISION_SECRET_KEY", "short").contains("32 bytes"));
    assert!(advice("INTENTVISION_DB_URL", "http://127.0.0.1:1").contains("see that it runs"));
    std::fs::write(room.database(), "").unwrap();
    assert!(stdout(&room.run(&["doctor"])).contains("run `intentvision migrate`"));
}

/// It takes the connection and says nothing, as one behind a firewall or one that is full does.
#[test]
fn a_mail_server_that_says_nothing_is_told() {
    let room = Room::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = room
        .command(&["doctor"])
        .env("INTENTVISION_MAIL_FROM", "alerts@example.com")
        .env("INTENTVISION_PUBLIC_URL", "https://iv.example.com")
        .env(
            "INTENTVISION_SMTP_URL",
            format!("smtp://{}", silent.local_addr().unwrap()),
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let told = stdout(&output);
    let mail = told.lines().find(|line| line.contains("mail")).unwrap();
    assert!(
        mail.starts_with("NOT OK") && mail.contains("no answer of the mail server in time"),
        "{told}"
    );
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_may_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let room = Room::new();
    let path = room.write("iv.db.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(stdout(&room.run(&["doctor"])).contains("chmod 600"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(room.json(&["doctor"])["ok"], true);
}
