//! Judges RTP as a listener would: what is missing, what came twice, whether it is one unbroken
//! stream, how far each packet is from its time, and whether it is the music that was to be played.
//!
//! [`StreamJudge`] knows the music; [`Passage`] knows what stamped packets must become on their way
//! through a bridge.
//!
//! No IO and no clock: packets go in with the time they arrived at.

mod findings;
mod music;
mod pacing;
mod passage;
pub mod stamp;
mod stream;
mod window;

pub use findings::Findings;
pub use music::Music;
pub use pacing::Pacing;
pub use passage::Passage;
pub use stream::{Expected, StreamJudge};
