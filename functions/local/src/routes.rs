use intentvision::http::Routes;

/// The routes of every HTTP function.
#[must_use]
pub fn routes() -> Routes {
    ingest::routes()
        .merge(forecast::routes())
        .merge(query::routes())
        .merge(manage_alerts::routes())
        .merge(manage_keys::routes())
}
