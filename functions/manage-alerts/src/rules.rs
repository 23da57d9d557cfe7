use intentvision::http::Routes;

pub(crate) fn routes() -> Routes {
    Routes::new()
}
