use crate::Error;
use serde::{Deserialize, Serialize};

/// What a credential allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say what they are")]
pub enum Scope {
    #[serde(rename = "ingest:write")]
    IngestWrite,
    #[serde(rename = "metrics:read")]
    MetricsRead,
    #[serde(rename = "forecasts:read")]
    ForecastsRead,
    #[serde(rename = "forecasts:write")]
    ForecastsWrite,
    #[serde(rename = "alerts:read")]
    AlertsRead,
    #[serde(rename = "alerts:write")]
    AlertsWrite,
    #[serde(rename = "keys:write")]
    KeysWrite,
    /// implies all others, but ownership and membership
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::IngestWrite,
        Self::MetricsRead,
        Self::ForecastsRead,
        Self::ForecastsWrite,
        Self::AlertsRead,
        Self::AlertsWrite,
        Self::KeysWrite,
        Self::Admin,
    ];

    /// As written in keys, in OpenAPI and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IngestWrite => "ingest:write",
            Self::MetricsRead => "metrics:read",
            Self::ForecastsRead => "forecasts:read",
            Self::ForecastsWrite => "forecasts:write",
            Self::AlertsRead => "alerts:read",
            Self::AlertsWrite => "alerts:write",
            Self::KeysWrite => "keys:write",
            Self::Admin => "admin",
        }
    }

    /// Reads one scope.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    /// A JSON array of the scopes that allow what this one asks for: itself, `admin`, and for a read
    /// the write of the same noun.
    pub(crate) fn accepted_json(self) -> &'static str {
        match self {
            Self::IngestWrite => r#"["ingest:write","admin"]"#,
            Self::MetricsRead => r#"["metrics:read","admin"]"#,
            Self::ForecastsRead => r#"["forecasts:read","forecasts:write","admin"]"#,
            Self::ForecastsWrite => r#"["forecasts:write","admin"]"#,
            Self::AlertsRead => r#"["alerts:read","alerts:write","admin"]"#,
            Self::AlertsWrite => r#"["alerts:write","admin"]"#,
            Self::KeysWrite => r#"["keys:write","admin"]"#,
            Self::Admin => r#"["admin"]"#,
        }
    }
}

/// The scopes of one credential: at least one, sorted, none twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads scopes by name.
    ///
    /// # Errors
    /// 400 for an unknown scope and for none.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut scopes = names
            .into_iter()
            .map(|name| Scope::parse(name).ok_or_else(|| Error::schema(format!("there is no scope {name:?}"))))
            .collect::<Result<Vec<_>, _>>()?;
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            Err(Error::schema("a key needs at least one scope"))
        } else {
            Ok(Self(scopes))
        }
    }

    /// Everything.
    #[must_use]
    pub fn admin() -> Self {
        Self(vec![Scope::Admin])
    }

    /// As kept in the database: a JSON array.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The scopes.
    #[must_use]
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }
}
