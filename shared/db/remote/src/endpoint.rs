use db::DbError;
use http::Uri;

/// The address of the pipeline of a database URL.
///
/// # Errors
/// [`DbError::Other`]; its text leaves the URL out, which may hold a secret by mistake.
pub(crate) fn pipeline(url: &str) -> Result<Uri, DbError> {
    let wrong = |what: &str| DbError::Other(format!("the database URL {what}"));
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
    let scheme = match scheme {
        "libsql" | "turso" | "https" => "https",
        "http" => "http",
        _ => return Err(wrong("is none of libsql://, turso://, https:// and http://")),
    };
    if rest.contains(['?', '#']) {
        return Err(wrong("must not have parameters; the token has its own setting"));
    }
    if rest.contains('@') {
        return Err(wrong("must not have a user"));
    }
    let uri = format!("{scheme}://{}/v3/pipeline", rest.trim_end_matches('/'));
    let uri: Uri = uri.parse().map_err(|_| wrong("is not a URL"))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(wrong("has no host"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::pipeline;

    #[test]
    fn schemes_of_libsql_mean_https() {
        for url in ["libsql://db.example", "turso://db.example/", "https://db.example"] {
            assert_eq!(pipeline(url).unwrap(), "https://db.example/v3/pipeline");
        }
        let uri = pipeline("http://127.0.0.1:8080/base/").unwrap();
        assert_eq!(uri, "http://127.0.0.1:8080/base/v3/pipeline");
    }

    #[test]
    fn a_wrong_url_is_refused_without_repeating_it() {
        for url in [
            "",
            "db.example",
            "file:x.db",
            "wss://secret.example",
            "https://",
            "https://:80",
            "https://secret@db.example",
            "libsql://db.example?authToken=secret",
            "https://db.example/a b",
        ] {
            let error = pipeline(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
