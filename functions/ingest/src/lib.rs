//! The function ingest
