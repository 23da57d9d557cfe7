//! Secrets at rest and on the way in: sealing, and the extension that functions read them from.

mod extension;
mod sealer;

pub use extension::fetch;
pub use sealer::{Place, Sealer};
