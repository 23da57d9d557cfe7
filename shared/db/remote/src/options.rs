use std::time::Duration;

/// How a remote database is called.
#[derive(Debug, Clone)]
pub struct Options {
    /// how long one attempt may take, connection included
    pub timeout: Duration,
    /// how long a call may take with all its attempts
    pub deadline: Duration,
    /// how often a call is repeated at most where that is allowed; a busy answer does not count, the
    /// deadline ends it
    pub retries: u32,
    /// how long a connection may lie idle, by the wall clock; shorter than servers and balancers keep one
    pub idle: Duration,
    /// Writes of this process on their way at once; more wait here. The server has one writer: on
    /// loopback sqld 0.24 does 1140 writes a second one after the other, 680 with 8 at once, and with
    /// 32 it sometimes stops for good. Some more than one hide the way there and back.
    pub writes: usize,
    /// bytes of a reply at most
    pub max_reply: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(10),
            retries: 3,
            idle: Duration::from_secs(30),
            writes: 4,
            max_reply: 12 * 1024 * 1024,
        }
    }
}
