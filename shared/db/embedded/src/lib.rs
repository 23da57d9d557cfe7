//! The embedded backend: libSQL on a file
