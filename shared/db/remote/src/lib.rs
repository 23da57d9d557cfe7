//! The remote backend: Hrana 3 over HTTP
