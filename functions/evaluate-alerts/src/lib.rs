//! The function evaluate-alerts
