//! The hold music that ships with the project. `cargo run -p orbit-tools --bin compose` makes the
//! file, bit for bit.

/// 16-bit mono WAV at 8,000 Hz, so that what is heard is what was composed: nothing is resampled.
pub(super) const HOLD_MUSIC: &[u8] = include_bytes!("hold_music.wav");
