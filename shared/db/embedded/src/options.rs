use std::time::Duration;

/// How a file is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// bytes a page; takes effect when the file is created
    pub page_size: u32,
    /// threads that read, each with its own connection
    pub readers: usize,
    /// how long a write waits for another process's write lock before it fails as busy
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            page_size: 4096,
            readers: 3,
            patience: Duration::from_secs(5),
        }
    }
}
