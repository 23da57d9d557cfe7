use crate::App;
use crate::auth::Scope;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;

/// What a route is called, and which scope it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// GET, POST, PUT, PATCH or DELETE
    pub method: Method,
    /// as in OpenAPI and in the template: `/v1/series/{id}`
    pub path: &'static str,
    /// the one scope that it asks for; none: it takes no key
    pub scope: Option<Scope>,
}

/// The routes of one function, each declared once with its scope.
///
/// The list serves twice: as a router, and as the answer to "which routes are there?" that tests
/// hold against OpenAPI and the template.
#[derive(Debug, Default)]
pub struct Routes {
    list: Vec<Route>,
    router: Router<App>,
}

/// The scope of the matched route, for [`Caller`](super::Caller).
#[derive(Debug, Clone, Copy)]
pub(super) struct RouteScope(pub(super) Scope);

macro_rules! methods {
    ($($name:ident $method:ident),*) => {$(
        #[doc = concat!("Adds a ", stringify!($method), " route.")]
        #[must_use]
        pub fn $name<H, T>(self, path: &'static str, scope: Scope, handler: H) -> Self
        where
            H: Handler<T, App>,
            T: 'static,
        {
            self.add(Method::$method, path, scope, on(MethodFilter::$method, handler))
        }
    )*};
}

impl Routes {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

    fn add(mut self, method: Method, path: &'static str, scope: Scope, handler: MethodRouter<App>) -> Self {
        self.list.push(Route {
            method,
            path,
            scope: Some(scope),
        });
        self.router = self
            .router
            .route(path, handler.layer(axum::Extension(RouteScope(scope))));
        self
    }

    /// Adds a route that takes no key: it is the same for everybody, or whom it acts for follows from a token of its query or path.
    #[must_use]
    pub fn without_key<H, T>(mut self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let filter = if method == Method::GET {
            MethodFilter::GET
        } else {
            MethodFilter::POST
        };
        self.list.push(Route {
            method,
            path,
            scope: None,
        });
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// These and those.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.list.extend(other.list);
        self.router = self.router.merge(other.router);
        self
    }

    /// All of them, in the order in which they were added.
    #[must_use]
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    pub(super) fn into_router(self) -> Router<App> {
        self.router
    }
}
