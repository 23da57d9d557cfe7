//! The function evaluate-alerts

pub mod wake;
