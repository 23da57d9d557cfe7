//! The function forecast
