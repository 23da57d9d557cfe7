//! `intentvision keys`: whoever has the database in hand may do it, so the first key comes from here.

use crate::Failure;
use crate::commands::{duration, organization};
use crate::database::{self, Place};
use crate::output::{line, show, table};
use clap::{Args, Subcommand};
use intentvision::auth::Scopes;
use intentvision::config::Config;
use intentvision::http::page::Cursor;
use intentvision::id::{KeyId, OrgId};
use intentvision::keys::{self, Created, Issued, KeyItem, NewKey};
use intentvision::{App, Error, tenancy, time};
use serde::Serialize;

const PAGE: usize = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key and show it, once
    Create(Create),
    /// List the keys, without their secrets
    List,
    /// End a key at once
    Revoke { key_id: String },
    /// Make a successor of a key and show it, once
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What to call it
    #[arg(long)]
    name: String,
    /// What it allows, separated by commas; everything if not given
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    key_id: String,
    /// How long the old key still holds: 0s, 15m, 24h
    #[arg(long, default_value = "0s", value_parser = duration)]
    grace: i64,
}

pub(crate) async fn run(command: Command, json: bool) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let place = Place::of(&config)?;
    if !matches!(command, Command::Create(_)) {
        place.must_exist()?;
    }
    let app = database::open(config, &place)?;
    database::prepare(&app, &place).await?;
    match command {
        Command::Create(arguments) => show_key(&create(&app, &arguments).await?, json),
        Command::List => show(
            json,
            &Keys {
                items: list(&app).await?,
            },
            Keys::text,
        ),
        Command::Revoke { key_id } => {
            let id = parse(&key_id)?;
            for org in organizations(&app).await? {
                match keys::revoke(&app.operator(Some(org)), &id).await {
                    Err(Error::NotFound(_)) => {}
                    Err(other) => return Err(other.into()),
                    Ok(()) => return show(json, &Revoked { key_id: &key_id }, |_| format!("{key_id} is revoked")),
                }
            }
            Err(unknown(&key_id))
        }
        Command::Rotate(arguments) => {
            let id = parse(&arguments.key_id)?;
            for org in organizations(&app).await? {
                match keys::rotate(&app.operator(Some(org)), &app.entropy, &id, arguments.grace, None).await {
                    Err(Error::NotFound(_)) => {}
                    other => return show_key(&issued(other?)?, json),
                }
            }
            Err(unknown(&arguments.key_id))
        }
    }
}

/// Makes a key of the organization `default`, which is made first if need be.
pub(crate) async fn create(app: &App, arguments: &Create) -> Result<Issued, Failure> {
    let scopes = if arguments.scopes.is_empty() {
        Scopes::admin()
    } else {
        Scopes::parse(arguments.scopes.iter().map(|scope| scope.trim()))?
    };
    let new = NewKey::new(&arguments.name, scopes, None)?;
    let org = organization::default(app).await?;
    issued(keys::create(&app.operator(Some(org)), &app.entropy, &new, None).await?)
}

impl Create {
    /// An `admin` key.
    pub(crate) fn admin(name: &str) -> Self {
        Self {
            name: name.into(),
            scopes: Vec::new(),
        }
    }
}

fn issued(created: Created) -> Result<Issued, Failure> {
    match created {
        Created::Now(issued) => Ok(issued),
        // nothing here carries an idempotency key
        Created::Before(_) => Err(Failure::Failed("the key was made before".into())),
    }
}

fn show_key(issued: &Issued, json: bool) -> Result<(), Failure> {
    if json {
        return line(&issued.reveal().to_string());
    }
    line(&format!(
        "{}\n\nThis is {}. It is shown this once; keep it as a secret.",
        issued.key.reveal(),
        issued.key_id
    ))
}

async fn organizations(app: &App) -> Result<Vec<OrgId>, Failure> {
    Ok(tenancy::all(&app.operator(None)).await?)
}

async fn list(app: &App) -> Result<Vec<KeyItem>, Failure> {
    let mut items = Vec::new();
    for org in organizations(app).await? {
        let operator = app.operator(Some(org));
        let mut cursor = None;
        loop {
            let page = keys::list(&operator, PAGE, cursor.as_ref()).await?;
            items.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = Some(Cursor::parse(&next)?),
                None => break,
            }
        }
    }
    Ok(items)
}

fn parse(key_id: &str) -> Result<KeyId, Failure> {
    KeyId::parse(key_id)
        .ok_or_else(|| Failure::Input(format!("{key_id:?} is no key id: `intentvision keys list` shows them")))
}

fn unknown(key_id: &str) -> Failure {
    Failure::Input(format!("there is no key {key_id}: `intentvision keys list` shows them"))
}

#[derive(Serialize)]
struct Revoked<'a> {
    key_id: &'a str,
}

#[derive(Serialize)]
struct Keys {
    items: Vec<KeyItem>,
}

impl Keys {
    fn text(&self) -> String {
        if self.items.is_empty() {
            return "there is no key yet: `intentvision keys create --name NAME` makes one".into();
        }
        let header = ["id", "name", "key", "scopes", "last used", "state"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(header).chain(self.items.iter().map(row)).collect();
        table(&rows)
    }
}

fn row(item: &KeyItem) -> [String; 6] {
    let scopes: Vec<_> = item
        .scopes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|scope| scope.as_str())
        .collect();
    let state = match (item.revoked_at, item.expires_at) {
        (Some(at), _) => format!("revoked {}", time::format(at)),
        (None, Some(at)) => format!("until {}", time::format(at)),
        (None, None) => "active".into(),
    };
    [
        item.key_id.clone(),
        item.name.clone(),
        format!("{}...", item.display),
        scopes.join(","),
        item.last_used_at.map_or_else(|| "never".into(), time::format),
        state,
    ]
}
