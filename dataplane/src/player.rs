//! Playing: a line's cursor walks through a track that all players share. Timestamps and sequence
//! numbers go on over the end of the recording; a packet may hold its end and its beginning.
//!
//! Absent on purpose: when (`slot`), which recording (`library`), where to (the port).

use shared::{PromptStart, Time};

use crate::line::Line;
use crate::rtp::{Be16, Be32, HEADER_BYTES};

/// Samples a millisecond; every codec has a clock of 8,000 Hz.
pub const SAMPLES_PER_MS: u64 = 8;

/// Whether there is more to play.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Played {
    /// There is.
    On,
    /// This was the last packet of the last repetition.
    Ended,
}

/// Writes the line's next packet to the beginning of `out` and steps the line; gives the packet's
/// length in bytes.
///
/// `audio` has one byte a sample and is not empty; `silence` fills the last packet of a recording
/// that ends in it.
pub fn play(line: &mut Line, audio: &[u8], silence: u8, out: &mut [u8]) -> (usize, Played) {
    let samples = usize::from(line.samples);
    let length = HEADER_BYTES + samples;
    out[..HEADER_BYTES].copy_from_slice(line.header.as_bytes());
    let played = fill(line, audio, silence, &mut out[HEADER_BYTES..length]);
    line.header.set_marker(false);
    line.header.sequence = Be16::new(line.header.sequence.get().wrapping_add(1));
    let timestamp = line.header.timestamp.get();
    line.header.timestamp = Be32::new(timestamp.wrapping_add(line.samples.into()));
    line.sent += 1;
    (length, played)
}

/// Where a stream that first sends at `due` begins, in samples; below `length`, which is not 0.
#[must_use]
pub fn position(start: PromptStart, due: Time, length: usize) -> u32 {
    let position = match start {
        PromptStart::Programme => due.as_millis() * SAMPLES_PER_MS,
        PromptStart::At { position_ms } => u64::from(position_ms) * SAMPLES_PER_MS,
    };
    wrap(position, length)
}

/// Moves a line over time in which it did not play; the next packet says so by its marker.
pub fn skip(line: &mut Line, missed_ms: u64, length: usize) {
    let samples = missed_ms * SAMPLES_PER_MS;
    if samples == 0 {
        return;
    }
    let timestamp = u64::from(line.header.timestamp.get()) + samples;
    line.header.timestamp = Be32::new(truncated(timestamp));
    line.header.set_marker(true);
    if line.repeats == 0 {
        line.cursor = wrap(u64::from(line.cursor) + samples, length);
    }
}

/// Puts a line where it belongs in a recording that took the place of its own.
pub fn replaced(line: &mut Line, due: Time, length: usize) {
    line.cursor = if line.programme {
        position(PromptStart::Programme, due, length)
    } else {
        wrap(line.cursor.into(), length)
    };
}

fn fill(line: &mut Line, audio: &[u8], silence: u8, mut out: &mut [u8]) -> Played {
    let mut cursor = line.cursor as usize;
    loop {
        let count = out.len().min(audio.len() - cursor);
        let (now, later) = out.split_at_mut(count);
        now.copy_from_slice(&audio[cursor..cursor + count]);
        cursor += count;
        out = later;
        if cursor < audio.len() {
            line.cursor = truncated(cursor as u64);
            return Played::On;
        }
        cursor = 0;
        line.cursor = 0;
        if line.repeats == 1 {
            out.fill(silence);
            return Played::Ended;
        }
        line.repeats = line.repeats.saturating_sub(1);
    }
}

fn wrap(position: u64, length: usize) -> u32 {
    truncated(position % length as u64)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "modulo 2^32 is meant, or the value is below it"
)]
const fn truncated(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::testing::line;

    fn ramp(length: usize) -> Vec<u8> {
        (0..length)
            .map(|sample| u8::try_from(sample % 251).unwrap())
            .collect()
    }

    fn payload(line: &mut Line, audio: &[u8]) -> (Vec<u8>, Played) {
        let mut out = [0; 512];
        let (length, played) = play(line, audio, 0xff, &mut out);
        (out[HEADER_BYTES..length].to_vec(), played)
    }

    #[test]
    fn a_packet_over_the_loop_point_holds_the_end_and_the_beginning() {
        let audio = ramp(1_000);
        let mut line = line(0);
        let mut heard = Vec::new();
        for _ in 0..13 {
            heard.extend(payload(&mut line, &audio).0);
        }
        let endless: Vec<u8> = audio.iter().copied().cycle().take(13 * 160).collect();
        assert_eq!(heard, endless);
    }

    #[test]
    fn a_recording_shorter_than_a_packet_is_repeated_within_it() {
        let audio = ramp(50);
        let endless: Vec<u8> = audio.iter().copied().cycle().take(160).collect();
        assert_eq!(payload(&mut line(0), &audio).0, endless);
    }

    #[test]
    fn sequence_and_timestamp_wrap() {
        let audio = ramp(1_000);
        let mut line = line(0);
        line.header.sequence = Be16::new(65_535);
        line.header.timestamp = Be32::new(u32::MAX - 100);
        payload(&mut line, &audio);
        assert_eq!(line.header.sequence.get(), 0);
        assert_eq!(line.header.timestamp.get(), 59);
    }

    #[test]
    fn the_marker_is_on_the_first_packet_only() {
        let audio = ramp(1_000);
        let mut line = line(0);
        line.header.set_marker(true);
        let mut out = [0; 512];
        play(&mut line, &audio, 0xff, &mut out);
        assert!(crate::rtp::parse(&out[..172]).unwrap().header.marker());
        play(&mut line, &audio, 0xff, &mut out);
        assert!(!crate::rtp::parse(&out[..172]).unwrap().header.marker());
    }

    #[test]
    fn played_twice_it_ends_after_the_second_time_and_is_filled_with_silence() {
        let audio = ramp(200);
        let mut line = line(0);
        line.repeats = 2;
        assert_eq!(payload(&mut line, &audio).1, Played::On);
        assert_eq!(payload(&mut line, &audio).1, Played::On);
        let (last, played) = payload(&mut line, &audio);
        assert_eq!(played, Played::Ended);
        assert_eq!(last[..80], audio[120..]);
        assert_eq!(last[80..], [0xff; 80]);
    }

    #[test]
    fn a_recording_that_ends_with_a_packet_ends_in_that_packet() {
        let audio = ramp(320);
        let mut line = line(0);
        line.repeats = 1;
        assert_eq!(payload(&mut line, &audio).1, Played::On);
        assert_eq!(payload(&mut line, &audio).1, Played::Ended);
    }

    #[test]
    fn the_programme_is_at_the_same_moment_whoever_joins() {
        let length = 8_000;
        let early = position(PromptStart::Programme, Time::from_millis(3_001), length);
        let late = position(PromptStart::Programme, Time::from_millis(3_021), length);
        assert_eq!(
            late,
            early + 160,
            "who joins a packet later is a packet further"
        );
        let at = PromptStart::At { position_ms: 1_500 };
        assert_eq!(position(at, Time::ZERO, length), 4_000, "modulo the length");
    }

    #[test]
    fn time_that_was_missed_is_missed_in_timestamp_and_recording() {
        let mut line = line(0);
        line.cursor = 900;
        skip(&mut line, 40, 1_000);
        assert_eq!(line.header.timestamp.get(), 320);
        assert_eq!(line.cursor, 220);
        assert!(line.header.marker());
    }

    #[test]
    fn a_shorter_recording_goes_on_at_the_same_position_modulo_its_length() {
        let mut line = line(0);
        line.cursor = 900;
        replaced(&mut line, Time::from_millis(1), 800);
        assert_eq!(line.cursor, 100);
        line.programme = true;
        replaced(&mut line, Time::from_millis(101), 800);
        assert_eq!(
            line.cursor, 8,
            "the programme follows the clock in the new one too"
        );
    }
}
