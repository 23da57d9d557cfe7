use super::{BadState, Hot, Settings};

/// What is known of a series beyond the day: rewritten when a day ends, and rebuilt by a replay if it is lost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cold {
    days: u32,
}

impl Cold {
    /// The most bytes that [`Cold::encode`] makes.
    pub const MAX_BYTES: usize = 8 * 1024;
    const VERSION: u8 = 1;

    pub(super) fn roll(&mut self, hot: &mut Hot, settings: &Settings, t: i64) {
        self.days += 1;
        hot.begin_day(settings, t);
    }

    /// Appends the packed state.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::VERSION);
        out.extend(self.days.to_le_bytes());
    }

    /// Reads it back, exactly.
    ///
    /// # Errors
    /// [`BadState`] if it is not one.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadState> {
        match bytes {
            [Self::VERSION, rest @ ..] => Ok(Self {
                days: u32::from_le_bytes(rest.try_into().map_err(|_| BadState)?),
            }),
            _ => Err(BadState),
        }
    }
}
