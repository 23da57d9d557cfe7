//! The function manage-alerts
