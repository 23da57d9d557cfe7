//! The database by the scheme of its URL: `file:` is embedded, all else is remote.

use crate::{Failure, secret_key};
use db::{Db, DbError};
use intentvision::App;
use intentvision::clock::Clock;
use intentvision::config::Config;
use intentvision::id::Entropy;
use intentvision::migrations;
use intentvision::secrets::Sealer;
use migrate::{Request, Summary};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    /// scheme and host, which may be shown
    Remote(String),
}

impl Place {
    /// Reads the configured URL.
    ///
    /// # Errors
    /// If it names nothing.
    pub(crate) fn of(config: &Config) -> Result<Self, Failure> {
        if let Some(rest) = config.db_url.strip_prefix("file:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() {
                return Err(Failure::Input("INTENTVISION_DB_URL names no file: file:PATH".into()));
            }
            return Ok(Self::File(path.into()));
        }
        let uri = config.db_url.parse::<http::Uri>().ok();
        let place = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?)));
        match place {
            Some((scheme @ ("libsql" | "turso" | "https" | "http"), host)) => {
                Ok(Self::Remote(format!("{scheme}://{host}")))
            }
            _ => Err(Failure::Input(
                "INTENTVISION_DB_URL is none of file:PATH, libsql://HOST, https://HOST and http://HOST".into(),
            )),
        }
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Remote(_) => None,
        }
    }

    /// Refuses a file that is not there, so that a look at it does not make it.
    ///
    /// # Errors
    /// If it is not there.
    pub(crate) fn must_exist(&self) -> Result<(), Failure> {
        if self.file().is_some_and(|path| !path.exists()) {
            return Err(Failure::Input(format!(
                "there is no database {self}: `intentvision keys create` makes it"
            )));
        }
        Ok(())
    }

    fn open(&self, config: &Config) -> Result<Arc<dyn Db>, DbError> {
        Ok(match self {
            Self::File(path) => Arc::new(db_embedded::open(path, db_embedded::Options::default())?),
            Self::Remote(_) => {
                let token = config.db_auth_token.as_ref().map(intentvision::config::Secret::reveal);
                Arc::new(db_remote::open(&config.db_url, token, db_remote::Options::default())?)
            }
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Remote(url) => f.write_str(url),
        }
    }
}

/// An app on the configured database, to look at or to repair: it seals no secrets.
///
/// # Errors
/// If the database cannot be opened.
pub(crate) fn open(config: Config, place: &Place) -> Result<App, Failure> {
    let db = place.open(&config)?;
    Ok(App::new(db, Clock::system(), Entropy::system(), config, None))
}

/// An app that serves. The key that seals secrets is the configured one, or for a file the one
/// beside it, which is made when it is missing.
///
/// # Errors
/// If the database cannot be opened or the key cannot be read.
pub(crate) fn open_sealed(config: Config, place: &Place, clock: Clock) -> Result<App, Failure> {
    let entropy = Entropy::system();
    let key = match (&config.secret_key, place) {
        (Some(key), _) => Some(key.clone()),
        (None, Place::File(path)) => Some(secret_key::beside(path, &entropy)?),
        (None, Place::Remote(_)) => None,
    };
    let sealer = key.as_ref().map(Sealer::new).transpose()?;
    if config.mail.is_some() && config.smtp_url.is_none() {
        return Err(Failure::Failed(
            "INTENTVISION_MAIL_FROM needs INTENTVISION_SMTP_URL: nothing would send the mail".into(),
        ));
    }
    let db = place.open(&config)?;
    Ok(deliver_notifications::with_mailer(App::new(
        db, clock, entropy, config, sealer,
    ))?)
}

/// Brings the schema of a file up to date; a remote one is only looked at, because whoever deploys
/// decides when it changes.
///
/// # Errors
/// If a remote database lacks a migration, or the database does not answer.
pub(crate) async fn prepare(app: &App, place: &Place) -> Result<(), Failure> {
    if place.file().is_some() {
        migrate::run(app, Request::Migrate).await?;
        return Ok(());
    }
    match migrate::run(app, Request::Status).await?.pending.len() {
        0 => Ok(()),
        missing => Err(Failure::Database(format!(
            "the database {place} lacks {missing} migrations: run `intentvision migrate` first"
        ))),
    }
}

/// Where a database stands; a file that is not there is not made by a look.
///
/// # Errors
/// If the database does not answer, or was changed by another version.
pub(crate) async fn status(config: Config, place: &Place) -> Result<Summary, Failure> {
    if place.file().is_some_and(|path| !path.exists()) {
        return Ok(Summary {
            applied: Vec::new(),
            pending: migrations::all().iter().map(|migration| migration.name).collect(),
            applied_now: Vec::new(),
        });
    }
    Ok(migrate::run(&open(config, place)?, Request::Status).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<Place, Failure> {
        Place::of(&Config {
            db_url: url.into(),
            ..Config::default()
        })
    }

    #[test]
    fn the_scheme_chooses_the_backend() {
        for (url, path) in [
            ("file:a.db", "a.db"),
            ("file:/x/a.db", "/x/a.db"),
            ("file:///x/a.db", "/x/a.db"),
        ] {
            assert_eq!(place(url).unwrap(), Place::File(path.into()), "{url}");
        }
        for url in ["libsql://db.example", "https://db.example", "http://127.0.0.1"] {
            assert_eq!(place(url).unwrap(), Place::Remote(url.into()));
        }
        for url in ["", "file:", "a.db", "postgres://db.example", "https://"] {
            assert_eq!(place(url).unwrap_err().exit_code(), 3, "{url}");
        }
    }

    #[test]
    fn what_is_shown_of_a_url_holds_no_password() {
        let shown = place("https://user:secret@db.example/?token=secret")
            .unwrap()
            .to_string();
        assert_eq!(shown, "https://db.example");
    }
}
