//! Sound: WAV files, tones, a piece of test music, and how much one recording is like another.
//!
//! Written apart from the product's own audio code, so that the two can disagree.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use dataplane::prompt::Prompt;

/// Samples a second of everything here.
pub(crate) const RATE: usize = 8_000;

/// How far what a phone has heard may be off its place, in samples: two packets, which its jitter
/// buffer drops when this machine is busy.
const SLIP_MAX: usize = 2 * RATE / 50;

/// Writes 16-bit mono.
#[expect(clippy::cast_possible_truncation, reason = "test files are short")]
pub(crate) fn write(path: &Path, samples: &[i16]) {
    let bytes = samples.len() as u32 * 2;
    let rate = RATE as u32;
    let mut file = Vec::with_capacity(samples.len() * 2 + 44);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(bytes + 36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes()); // PCM
    file.extend_from_slice(&1_u16.to_le_bytes()); // mono
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&(rate * 2).to_le_bytes());
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&bytes.to_le_bytes());
    for sample in samples {
        file.extend_from_slice(&sample.to_le_bytes());
    }
    fs::write(path, file).expect("a file of our own");
}

/// Reads 16-bit mono at [`RATE`], also while it is being written.
pub(crate) fn read(path: &Path) -> Vec<i16> {
    let file = fs::read(path).expect("a recording");
    let data = file
        .windows(4)
        .position(|four| four == b"data")
        .expect("a data chunk");
    let format = file
        .windows(4)
        .position(|four| four == b"fmt ")
        .expect("a format chunk");
    assert_eq!(
        file[format + 10..format + 12],
        [1, 0],
        "{} is not mono",
        path.display()
    );
    assert_eq!(
        file[format + 12..format + 14],
        [0x40, 0x1f],
        "{} is not 8 kHz",
        path.display()
    );
    let samples = file[data + 8..].chunks_exact(2);
    samples
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// A sine at a quarter of full scale.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the level is far below full scale"
)]
pub(crate) fn tone(hertz: f64, seconds: usize) -> Vec<i16> {
    let phase = |n: usize| TAU * hertz * n as f64 / RATE as f64;
    (0..seconds * RATE)
        .map(|n| (phase(n).sin() * 8_192.0) as i16)
        .collect()
}

/// Noise without a pattern that repeats, soft in the highs: each moment of it is unlike any other,
/// so that a correlation has one peak.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the level is far below full scale"
)]
pub(crate) fn test_music(samples: usize) -> Vec<i16> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut low = 0.0;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let white = (state >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0;
        low += 0.4 * (white - low);
        (low * 16_000.0) as i16
    };
    (0..samples).map(|_| next()).collect()
}

/// The share of a recording's energy that is the tone, from 0 to 1 (Goertzel's algorithm).
pub(crate) fn share_of_tone(samples: &[i16], hertz: f64) -> f64 {
    let step = 2.0 * (TAU * hertz / RATE as f64).cos();
    let (mut one, mut two, mut energy) = (0.0, 0.0, 0.0);
    for &sample in samples {
        let sample = f64::from(sample);
        (one, two) = (sample + step * one - two, one);
        energy += sample * sample;
    }
    let power = one * one + two * two - step * one * two;
    // A pure sine of n samples has power n/2 times its energy.
    if energy == 0.0 {
        0.0
    } else {
        power / energy / samples.len() as f64 * 2.0
    }
}

/// The share of a tone in the last seconds of what a phone heard.
pub(crate) fn share_at_the_end(recording: &[i16], seconds: usize, hertz: f64) -> f64 {
    // The last quarter of a second may be cut by the hang-up.
    let end = recording.len().saturating_sub(RATE / 4);
    let steady = &recording[end.saturating_sub(seconds * RATE)..end];
    // In pieces, so that a slip of the phone's jitter buffer does not cancel the tone.
    let pieces: Vec<&[i16]> = steady.chunks_exact(RATE / 10).collect();
    assert!(!pieces.is_empty(), "nothing was recorded");
    let shares = pieces.iter().map(|piece| share_of_tone(piece, hertz));
    shares.sum::<f64>() / pieces.len() as f64
}

/// Where `window` is found in a recording that goes round, and how alike the two are there: the
/// peak of the normalised cross-correlation, and what [`likeness_at`] makes of it.
pub(crate) fn find(window: &[i16], music: &[i16]) -> (usize, f64) {
    // First roughly, on every fourth sample of a smoothed copy, then exactly around that.
    const STEP: usize = 4;
    let rough_window = smooth(window, STEP);
    let rough_music = smooth(music, STEP);
    let (rough, _) = best(&rough_window, &rough_music, 0..rough_music.len());
    let around = (rough * STEP + music.len()).saturating_sub(2 * STEP);
    let (window, music) = (floats(window), floats(music));
    let (place, _) = best(&window, &music, around..around + 4 * STEP);
    (place, likeness_at(place, &window, &music))
}

/// As [`find`], but only where it may be if it should be at `place`.
pub(crate) fn find_near(window: &[i16], music: &[i16], place: usize) -> (usize, f64) {
    let (window, music) = (floats(window), floats(music));
    let (place, _) = best(&window, &music, about(place, music.len()));
    (place, likeness_at(place, &window, &music))
}

/// A packet that a phone's jitter buffer drops while this machine is busy is a slip, and no other
/// music: the window is looked at in pieces of a fifth of a second, each of which may be so far
/// from its place, and the piece in the middle of all in likeness says how alike they are.
fn likeness_at(place: usize, window: &[f32], music: &[f32]) -> f64 {
    const PIECE: usize = RATE / 5;
    let near = |(number, piece)| {
        let place = place + number * PIECE;
        best(piece, music, about(place, music.len())).1
    };
    let pieces = window.chunks_exact(PIECE.min(window.len()));
    let mut alike: Vec<f64> = pieces.enumerate().map(near).collect();
    alike.sort_by(f64::total_cmp);
    alike[(alike.len() - 1) / 2]
}

/// Every place that one may be off to, in a recording that goes round.
fn about(place: usize, length: usize) -> std::ops::Range<usize> {
    let first = place + length - SLIP_MAX;
    first..first + 2 * SLIP_MAX + 1
}

fn best(window: &[f32], music: &[f32], places: std::ops::Range<usize>) -> (usize, f64) {
    let mut round = music.to_vec();
    while round.len() < music.len() + window.len() {
        round.extend_from_within(..music.len().min(window.len()));
    }
    let energy = |samples: &[f32]| -> f64 { samples.iter().map(|&x| f64::from(x * x)).sum() };
    let window_energy = energy(window);
    let mut found = (0, -1.0);
    for place in places {
        let place = place % music.len();
        let there = &round[place..place + window.len()];
        let product: f32 = window.iter().zip(there).map(|(a, b)| a * b).sum();
        let likeness = f64::from(product) / (window_energy * energy(there)).sqrt().max(1e-9);
        if likeness > found.1 {
            found = (place, likeness);
        }
    }
    found
}

fn floats(samples: &[i16]) -> Vec<f32> {
    samples
        .iter()
        .map(|&sample| f32::from(sample) / 32_768.0)
        .collect()
}

fn smooth(samples: &[i16], step: usize) -> Vec<f32> {
    let mean = |few: &[f32]| few.iter().sum::<f32>() / few.len() as f32;
    floats(samples).chunks_exact(step).map(mean).collect()
}

/// The hold music that ships with the server, as a phone with PCMU hears it.
pub(crate) fn builtin_music() -> Vec<i16> {
    as_heard(&Prompt::builtin())
}

/// A word that ships with the server, likewise.
pub(crate) fn word(language: &str, name: &str) -> Vec<i16> {
    as_heard(&Prompt::spoken(language, name))
}

fn as_heard(prompt: &Prompt) -> Vec<i16> {
    let audio = prompt.audio(shared::Codec::Pcmu).iter();
    audio.map(|&byte| from_mu_law(byte)).collect()
}

/// The loudest part of so many samples: where it begins.
pub(crate) fn loudest(samples: &[i16], length: usize) -> usize {
    let energy = |at: usize| -> i64 {
        let part = samples[at..at + length].iter();
        part.map(|&sample| i64::from(sample).pow(2)).sum()
    };
    let places = (0..=samples.len() - length).step_by(RATE / 100);
    places.max_by_key(|at| energy(*at)).expect("it is longer")
}

/// ITU-T G.711 µ-law to linear.
pub(crate) fn from_mu_law(byte: u8) -> i16 {
    let bits = !byte;
    let exponent = (bits >> 4) & 7;
    let magnitude = ((i16::from(bits & 15) * 2 + 33) << exponent) - 33;
    if bits & 0x80 == 0 {
        magnitude * 4
    } else {
        -magnitude * 4
    }
}

#[test]
fn a_piece_is_found_where_it_was_cut_also_across_the_end() {
    let music = test_music(3 * RATE + 77);
    for at in [0, 1, 4_321, music.len() - 100] {
        let window: Vec<i16> = music
            .iter()
            .cycle()
            .skip(at)
            .take(RATE)
            .map(|sample| sample / 3)
            .collect();
        let (place, likeness) = find(&window, &music);
        assert_eq!(place, at);
        assert!(likeness > 0.99, "{likeness}");
        assert_eq!(find_near(&window, &music, at + 10).0, at);
        // A packet is dropped within it.
        let slipped = [&window[..RATE / 3], &window[RATE / 3 + RATE / 50..]].concat();
        let (_, likeness) = find(&slipped, &music);
        assert!(likeness > 0.99, "{likeness} with a packet dropped");
    }
    let other: Vec<i16> = test_music(5 * RATE).split_off(4 * RATE);
    assert!(
        find(&other, &music).1 < 0.3,
        "another piece must not be found"
    );
}

#[test]
fn a_tone_is_told_from_another() {
    let low = tone(440.0, 1);
    assert!(share_of_tone(&low, 440.0) > 0.95);
    assert!(share_of_tone(&low, 700.0) < 0.05);
    assert!(share_of_tone(&test_music(RATE), 440.0) < 0.1);
}
