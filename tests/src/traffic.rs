//! What passes between a product and its database.

use crate::product::Product;

/// Counts of what passed.
#[derive(Debug, Default, Clone, Copy)]
pub struct Traffic {
    /// requests
    pub requests: u64,
    /// rows that the server read
    pub rows_read: u64,
    /// rows that it wrote
    pub rows_written: u64,
    /// bytes sent to it
    pub sent: u64,
    /// bytes received from it
    pub received: u64,
}

impl Traffic {
    /// Adds what passed since the last look.
    pub fn add(&mut self, product: &Product) {
        for exchange in product.counted() {
            self.requests += 1;
            self.rows_read += exchange.rows_read;
            self.rows_written += exchange.rows_written;
            self.sent += exchange.sent as u64;
            self.received += exchange.received as u64;
        }
    }

    /// Bytes both ways.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.sent + self.received
    }
}
