//! Composes the hold music that ships with orbit, so that its origin is plain: a score in tables, a
//! few synthetic voices, a reverb.
//!
//! Every run on every machine gives the same bytes: only the arithmetic that IEEE 754 fixes to the
//! last bit is used, no sine or exponential of a mathematics library. The piece is rendered as a
//! ring (tails of notes and the reverb run over the end into the beginning), so it repeats without
//! a seam.

mod reverb;
mod score;
mod voice;

use crate::wav;

/// Samples a second of the piece.
pub const RATE_HZ: u32 = 8_000;

/// Samples of an eighth note: 80 quarters a minute.
const EIGHTH: usize = 3_000;

/// Root mean square of the piece, of full scale: -18 dB, the level of speech on a telephone.
const LEVEL: f64 = 0.125_892_541_179_416_73;

/// The piece as a WAV file, 16 bits, mono, [`RATE_HZ`].
#[must_use]
pub fn file() -> Vec<u8> {
    wav::write(RATE_HZ, &samples())
}

/// The piece, once through.
#[must_use]
pub fn samples() -> Vec<i16> {
    let mut ring = vec![0.0; score::BARS * score::EIGHTHS_PER_BAR * EIGHTH];
    for note in score::notes() {
        // A player is never exact to the millisecond; neither is this one, but always in the same
        // way.
        let start = note.eighth * EIGHTH + usize::from(note.late_ms) * RATE_HZ as usize / 1_000;
        voice::play(&mut ring, start, note.eighths * EIGHTH, &note);
    }
    reverb::apply(&mut ring);
    quantise(&ring)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the level leaves head-room, as a test sees"
)]
#[expect(clippy::cast_precision_loss, reason = "a minute of samples")]
fn quantise(ring: &[f64]) -> Vec<i16> {
    let power = ring.iter().map(|sample| sample * sample).sum::<f64>() / ring.len() as f64;
    let scale = LEVEL / power.sqrt() * 32_768.0;
    ring.iter()
        .map(|sample| (sample * scale).round() as i16)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use shared::Codec;

    use super::*;

    const SHIPPED: &[u8] = include_bytes!("../../../dataplane/src/prompt/hold_music.wav");

    static PIECE: LazyLock<Vec<i16>> = LazyLock::new(samples);

    #[test]
    fn the_shipped_file_is_what_the_composer_makes() {
        assert!(
            wav::write(RATE_HZ, &PIECE) == SHIPPED,
            "run: cargo run -p orbit-tools --bin compose -- dataplane/src/prompt/hold_music.wav"
        );
    }

    #[test]
    fn the_piece_is_at_least_45_s_and_a_whole_number_of_packets() {
        let samples = &*PIECE;
        assert!(samples.len() >= 45 * RATE_HZ as usize);
        assert_eq!(samples.len() % 160, 0);
    }

    #[test]
    fn the_piece_has_the_level_of_speech_and_never_clips() {
        let samples = &*PIECE;
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(peak.is_some_and(|peak| peak < 30_000), "{peak:?}");
        let power: f64 = samples
            .iter()
            .map(|sample| f64::from(*sample).powi(2))
            .sum();
        let level_db =
            10.0 * (power / f64::from(u32::try_from(samples.len()).unwrap())).log10() - 90.309;
        assert!((level_db + 18.0).abs() < 0.1, "{level_db} dB");
    }

    /// A click is a corner: the second difference at the seam must not stand out from that around
    /// it.
    #[test]
    fn the_end_runs_into_the_beginning_without_a_corner() {
        let samples = &*PIECE;
        let n = samples.len();
        let at = |place: usize| i32::from(samples[(n - 400 + place) % n]);
        let corner = |place: usize| (at(place + 1) - 2 * at(place) + at(place - 1)).abs();
        let around = (1..399).map(corner).max().unwrap();
        for place in [399, 400] {
            assert!(
                corner(place) <= around,
                "{} at the seam, {around} before it",
                corner(place)
            );
        }
    }

    #[test]
    fn a_caller_hears_every_second_of_it() {
        let builtin = dataplane::prompt::Prompt::builtin();
        assert_eq!(builtin.samples(), PIECE.len());
        for second in builtin.audio(Codec::Pcmu).chunks(RATE_HZ as usize) {
            let loud = second.iter().filter(|byte| (**byte & 0x7f) < 0x60).count();
            assert!(loud > 4_000, "music, not silence");
        }
    }
}
