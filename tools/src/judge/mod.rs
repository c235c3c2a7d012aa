//! Judges RTP as a listener would: what is missing, what came twice, whether it is one unbroken
//! stream, how far each packet is from its time, and whether it is the music that was to be played.
//!
//! No IO and no clock: packets go in with the time they arrived at.

mod findings;
mod music;
mod pacing;
mod stream;

pub use findings::Findings;
pub use music::Music;
pub use pacing::Pacing;
pub use stream::{Expected, StreamJudge};
