//! Forecasting and detection: pure maths, no I/O, no clock, no async
