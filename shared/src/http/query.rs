//! Query strings: each parameter known, none twice, each with a clear error.

use super::page::{Asked, Cursor};
use crate::clock::Millis;
use crate::{App, Error, time};
use axum::extract::FromRequestParts;
use http::request::Parts;

const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 10_000;
/// More than any route has, filters by dimension included: each is compared with each.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a query string. A handler takes those that it knows and ends with
/// [`Query::finish`], which refuses the rest: a misspelt filter must not return everything.
#[derive(Debug)]
pub struct Query(Vec<(String, String)>);

impl FromRequestParts<App> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        Self::parse(parts.uri.query().unwrap_or(""))
    }
}

impl Query {
    /// Reads a query string.
    ///
    /// # Errors
    /// 400 for a parameter that is there twice and for too many.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(text).map_err(|_| Error::schema("the query string cannot be read"))?;
        if pairs.len() > MAX_PARAMETERS {
            return Err(Error::schema(format!(
                "a query string has at most {MAX_PARAMETERS} parameters"
            )));
        }
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(Error::schema(format!("the parameter {name:?} is there twice")));
            }
        }
        Ok(Self(pairs))
    }

    /// Takes a parameter.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(candidate, _)| candidate == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes all of `prefix[NAME]`.
    pub fn take_map(&mut self, prefix: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.0.retain(|(name, value)| {
            let inner = name
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            if let Some(inner) = inner {
                found.push((inner.to_owned(), value.clone()));
            }
            inner.is_none()
        });
        found
    }

    /// Takes a parameter and reads it.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub fn take_parsed<T>(
        &mut self,
        name: &str,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        self.take(name)
            .map(|text| read(&text).ok_or_else(|| Error::schema(format!("{name} must be {what}"))))
            .transpose()
    }

    /// Takes a time: RFC 3339 or epoch milliseconds.
    ///
    /// # Errors
    /// 400 if it is neither.
    pub fn take_time(&mut self, name: &str) -> Result<Option<Millis>, Error> {
        self.take_parsed(name, "a time in RFC 3339", time::parse)
    }

    /// Takes `limit` and `cursor`.
    ///
    /// # Errors
    /// 400 for a limit outside of 1 to 10,000 and for a cursor that is none of ours.
    pub fn take_page(&mut self) -> Result<Asked, Error> {
        let limit = self.take_parsed("limit", "a number from 1 to 10000", |text| {
            text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n))
        })?;
        let cursor = self.take("cursor").map(|text| Cursor::parse(&text)).transpose()?;
        Ok(Asked::new(limit.unwrap_or(DEFAULT_LIMIT), cursor))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 if a parameter was not taken.
    pub fn finish(self) -> Result<(), Error> {
        match self.0.first() {
            Some((name, _)) => Err(Error::schema(format!("there is no parameter {name:?}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_by_dimension_and_pages_are_read() {
        let mut query = Query::parse("metric_key=a&dimensions%5Bregion%5D=eu&dimensions[az]=1&limit=5").unwrap();
        assert_eq!(query.take("metric_key").as_deref(), Some("a"));
        assert_eq!(
            query.take_map("dimensions"),
            [("region".into(), "eu".into()), ("az".into(), "1".into())]
        );
        assert_eq!(query.take_page().unwrap(), Asked::new(5, None));
        query.finish().unwrap();
    }

    #[test]
    fn unknown_doubled_and_wrong_parameters_are_refused() {
        assert!(Query::parse("a=1&a=2").is_err());
        assert!(Query::parse("a=1").unwrap().finish().is_err());
        let many = |n: usize| (0..n).map(|i| format!("a{i}=1&")).collect::<String>();
        assert!(Query::parse(&many(MAX_PARAMETERS)).is_ok());
        assert!(Query::parse(&many(MAX_PARAMETERS + 1)).is_err());
        assert!(Query::parse("limit=0").unwrap().take_page().is_err());
        assert!(Query::parse("limit=10001").unwrap().take_page().is_err());
        assert!(Query::parse("from=today").unwrap().take_time("from").is_err());
    }
}
