//! `intentvision doctor`: looks at everything, changes nothing, and says what to do.

use crate::database::{self, Place};
use crate::output::{line, table};
use crate::{Failure, secret_key};
use intentvision::clock::Clock;
use intentvision::config::{Config, Secret};
use intentvision::secrets::Sealer;
use intentvision::tenancy;
use mail::Smtp;
use migrate::Summary;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// More than this between the clocks and signatures and time stamps are in danger.
const CLOCK_TOLERANCE_MS: i64 = 60_000;
/// How long a mail server has to answer.
const GREETING: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Check {
    check: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

pub(crate) async fn run(json: bool) -> Result<(), Failure> {
    let checks = examine().await;
    let report = Report {
        ok: checks.iter().all(|check| check.ok),
        checks,
    };
    if json {
        let text = serde_json::to_string(&report).map_err(|error| Failure::Failed(error.to_string()))?;
        line(&text)?;
    } else {
        let rows: Vec<_> = report.checks.iter().map(row).collect();
        line(table(&rows).trim_end())?;
    }
    if report.ok {
        Ok(())
    } else {
        Err(Failure::Failed("not everything is well, see above".into()))
    }
}

fn row(check: &Check) -> [String; 3] {
    let advice = check
        .advice
        .as_ref()
        .map(|advice| format!(": {advice}"))
        .unwrap_or_default();
    let mark = if check.ok { "ok" } else { "NOT OK" };
    [mark.into(), check.check.into(), format!("{}{advice}", check.found)]
}

/// Whether mail can be sent, where anything is said about it.
async fn mail(config: &Config) -> Option<Check> {
    let url = match (&config.mail, &config.smtp_url) {
        (None, None) => return None,
        (Some(_), Some(url)) => url,
        (Some(_), None) => {
            return Some(bad(
                "mail",
                "a sender and no server".into(),
                "set INTENTVISION_SMTP_URL",
            ));
        }
        (None, Some(_)) => {
            let advice = "set INTENTVISION_MAIL_FROM and INTENTVISION_PUBLIC_URL";
            return Some(bad("mail", "a server and no sender".into(), advice));
        }
    };
    let greeted = match Smtp::new(url) {
        Ok(smtp) => smtp.greet(GREETING).await,
        Err(_) => Err("the URL cannot be read".into()),
    };
    Some(match greeted {
        Ok(()) => good("mail", "the server answers".into()),
        Err(error) => bad("mail", error, "look at INTENTVISION_SMTP_URL, and at the server"),
    })
}

async fn examine() -> Vec<Check> {
    let (config, place) = match Config::from_env().map_err(Failure::from).and_then(|config| {
        let place = Place::of(&config)?;
        Ok((config, place))
    }) {
        Ok(found) => found,
        Err(failure) => return vec![bad("configuration", failure.to_string(), "correct the variable")],
    };
    let mut checks = vec![good("configuration", format!("database {place}"))];
    checks.push(secret(&config, &place));
    checks.extend(mail(&config).await);
    if place.file().is_some_and(|path| !path.exists()) {
        checks.push(good(
            "database",
            "the file is not there yet; `serve` and `keys create` make it".into(),
        ));
        return checks;
    }
    match database::status(config.clone(), &place).await {
        Ok(status) => checks.push(schema(&status)),
        Err(failure) => {
            checks.push(bad(
                "database",
                failure.to_string(),
                "see that it runs and that INTENTVISION_DB_URL and INTENTVISION_DB_AUTH_TOKEN are right",
            ));
            return checks;
        }
    }
    if checks.iter().all(|check| check.ok) {
        checks.extend(content(config, &place).await);
    }
    checks
}

fn schema(status: &Summary) -> Check {
    let newest = status
        .applied
        .last()
        .map_or("empty", |migration| migration.name.as_str());
    match status.pending.len() {
        0 => good("schema", format!("{newest}, up to date")),
        missing => bad(
            "schema",
            format!("{newest}, {missing} migrations are missing"),
            "run `intentvision migrate`",
        ),
    }
}

fn secret(config: &Config, place: &Place) -> Check {
    const NAME: &str = "secret key";
    if let Some(key) = &config.secret_key {
        return usable(NAME, key, "INTENTVISION_SECRET_KEY");
    }
    let Some(database) = place.file() else {
        return bad(
            NAME,
            "INTENTVISION_SECRET_KEY is not set, so no channel with a secret can be made".into(),
            "set it to the output of `openssl rand -base64 32`, the same for every function",
        );
    };
    let path = secret_key::path_of(database);
    match std::fs::read_to_string(&path) {
        Ok(_) if is_open_to_others(&path) => {
            let path = path.display();
            bad(
                NAME,
                format!("others may read {path}"),
                &format!("run `chmod 600 {path}`"),
            )
        }
        Ok(text) => usable(NAME, &Secret::new(text.trim().to_owned()), &path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            good(NAME, format!("none yet; `serve` makes {}", path.display()))
        }
        Err(error) => bad(
            NAME,
            format!("{} cannot be read: {error}", path.display()),
            "see to its permissions",
        ),
    }
}

fn usable(name: &'static str, key: &Secret, source: &str) -> Check {
    match Sealer::new(key) {
        Ok(_) => good(name, format!("from {source}")),
        Err(_) => bad(
            name,
            format!("{source} is not 32 bytes in base64"),
            "restore the one that was used before; only for a new database `openssl rand -base64 32` makes another",
        ),
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// What only a database with its schema can tell: its clock, and whether anybody can use it.
async fn content(config: Config, place: &Place) -> Vec<Check> {
    const CLOCK: &str = "clock";
    let found = async {
        let app = database::open(config, place)?;
        let operator = app.operator(None);
        let theirs = tenancy::wall_clock(&operator).await?;
        let organizations = tenancy::all(&operator).await?.len();
        Ok::<_, Failure>((theirs - Clock::system().wall(), organizations))
    };
    let (ahead, organizations) = match found.await {
        Ok(found) => found,
        Err(failure) => return vec![bad("database", failure.to_string(), "see that it runs")],
    };
    let seconds = ahead as f64 / 1000.0;
    let clock = if ahead.abs() <= CLOCK_TOLERANCE_MS {
        good(CLOCK, format!("the database is {seconds:+.1} s from this machine"))
    } else {
        bad(
            CLOCK,
            format!("the database is {seconds:+.1} s from this machine"),
            "set both clocks by NTP",
        )
    };
    let users = match organizations {
        0 => good(
            "keys",
            "none yet; `intentvision keys create --name NAME` makes the first".into(),
        ),
        some => good(
            "keys",
            format!("{some} organization(s); `intentvision keys list` shows the keys"),
        ),
    };
    vec![clock, users]
}

fn good(check: &'static str, found: String) -> Check {
    Check {
        check,
        ok: true,
        found,
        advice: None,
    }
}

fn bad(check: &'static str, found: String, advice: &str) -> Check {
    Check {
        check,
        ok: false,
        found,
        advice: Some(advice.to_owned()),
    }
}
