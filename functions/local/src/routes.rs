use intentvision::http::Routes;

/// The routes of every HTTP function.
#[must_use]
pub fn routes() -> Routes {
    ingest::routes()
        .merge(query::routes())
        .merge(forecast::routes())
        .merge(detect::routes())
        .merge(manage_alerts::routes())
        .merge(test_rules::routes())
        .merge(manage_channels::routes())
        .merge(manage_keys::routes())
}
