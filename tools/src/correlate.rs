//! Says how like a recording is to the hold music or to a tone, and where in it: what a telephone
//! recorded is compared with what orbit was to play.
//!
//! The recording is cut into windows, and each is looked for in the whole reference on its own, so
//! that a gap, a repetition or a drift shows as a window that moved. Normalised: 1 is the same but
//! for the loudness, 0 is unrelated.

use std::f64::consts::TAU;
use std::fmt;

use audio_codec_algorithms::decode_ulaw;
use dataplane::prompt::{Prompt, PromptError, decode};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use shared::Codec;

/// The sampling rate of everything compared.
pub const RATE_HZ: u32 = 8_000;

/// Quieter than this, of full scale, counts as silence at either end of a recording (-46 dB).
const SILENCE: f32 = 0.005;

/// What a recording is compared with.
#[derive(Debug)]
pub enum Reference {
    /// A piece that repeats for ever, as samples at 8,000 Hz.
    Loop(Vec<f32>),
    /// A sine of this many hertz, at any phase.
    Tone(f64),
}

/// One window of a recording, and where it was found.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// Where the window begins in the recording, in milliseconds.
    pub recording_ms: f64,
    /// Where it is in the reference, in milliseconds; of a tone, the phase.
    pub reference_ms: f64,
    /// How like: 0 to 1.
    pub peak: f64,
}

/// All windows, in order; at least one.
#[derive(Debug)]
pub struct Comparison {
    /// The windows.
    pub matches: Vec<Match>,
    /// The greatest move of a window against the first, in milliseconds: a gap, a repetition or
    /// drift of clocks.
    pub moved_ms: f64,
}

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub enum CorrelateError {
    /// The recording cannot be decoded.
    #[error("the recording {0}")]
    Recording(PromptError),
    /// Nothing is in it.
    #[error(
        "the recording has {heard_ms} ms from first to last sound; a window has {window_ms} ms"
    )]
    TooShort {
        /// Of sound.
        heard_ms: usize,
        /// As asked for.
        window_ms: usize,
    },
}

impl Reference {
    /// The hold music that ships with orbit, as a caller with PCMU hears it.
    #[must_use]
    pub fn builtin() -> Self {
        let prompt = Prompt::builtin();
        let audio = prompt.audio(Codec::Pcmu).iter();
        Self::Loop(
            audio
                .map(|byte| f32::from(decode_ulaw(*byte)) / 32_768.0)
                .collect(),
        )
    }
}

impl Comparison {
    /// The least like window.
    #[must_use]
    pub fn peak_min(&self) -> f64 {
        self.matches
            .iter()
            .map(|found| found.peak)
            .fold(1.0, f64::min)
    }

    /// The most like window.
    #[must_use]
    pub fn best(&self) -> Match {
        let mut matches = self.matches.iter().copied();
        let first = matches.next().expect("there is at least one window");
        matches.fold(
            first,
            |best, found| if found.peak > best.peak { found } else { best },
        )
    }

    /// One object: `peak`, `peak_min`, `lag_ms` (the best window's place in the reference less its
    /// place in the recording), `moved_ms`, `windows`.
    #[must_use]
    pub fn json(&self) -> String {
        let windows: Vec<String> = self
            .matches
            .iter()
            .map(|found| {
                format!(
                    r#"{{"recording_ms":{:.3},"reference_ms":{:.3},"peak":{:.4}}}"#,
                    found.recording_ms, found.reference_ms, found.peak
                )
            })
            .collect();
        let best = self.best();
        format!(
            r#"{{"peak":{:.4},"peak_min":{:.4},"lag_ms":{:.3},"moved_ms":{:.3},"windows":[{}]}}"#,
            best.peak,
            self.peak_min(),
            best.reference_ms - best.recording_ms,
            self.moved_ms,
            windows.join(",")
        )
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = self.best();
        writeln!(
            f,
            "peak {:.3} at {:.3} s of the reference (recording at {:.3} s)",
            best.peak,
            best.reference_ms / 1_000.0,
            best.recording_ms / 1_000.0
        )?;
        write!(
            f,
            "worst of {} windows {:.3}, moved by at most {:.1} ms",
            self.matches.len(),
            self.peak_min(),
            self.moved_ms
        )
    }
}

/// Decodes a recording to be compared; one whose recorder was killed before it wrote the length is
/// mended.
///
/// # Errors
/// [`CorrelateError::Recording`].
pub fn read_recording(mut bytes: Vec<u8>) -> Result<Vec<f32>, CorrelateError> {
    mend_wav_lengths(&mut bytes);
    decode::mono_8khz(&bytes).map_err(CorrelateError::Recording)
}

/// Compares the sound of a recording (without the silence at its ends), window by window.
///
/// # Errors
/// [`CorrelateError::TooShort`].
pub fn compare(
    recording: &[f32],
    reference: &Reference,
    window_ms: usize,
) -> Result<Comparison, CorrelateError> {
    let per_ms = RATE_HZ as usize / 1_000;
    let window = window_ms * per_ms;
    let (from, sound) = trim(recording);
    if window == 0 || sound.len() < window {
        return Err(CorrelateError::TooShort {
            heard_ms: sound.len() / per_ms,
            window_ms,
        });
    }
    let windows = sound
        .chunks_exact(window)
        .enumerate()
        .map(|(n, part)| (from + n * window, part));
    Ok(match reference {
        Reference::Loop(samples) => {
            let mut finder = Finder::new(samples, window);
            judge(
                windows.map(|(at, part)| finder.find(at, part)).collect(),
                samples.len(),
            )
        }
        Reference::Tone(hertz) => {
            // The phase of a tone is where its clock is: windows are not compared with one another.
            let matches = windows
                .map(|(at, part)| find_tone(at, part, *hertz))
                .collect();
            Comparison {
                matches,
                moved_ms: 0.0,
            }
        }
    })
}

fn judge(matches: Vec<Match>, loop_length: usize) -> Comparison {
    let loop_ms = to_ms(loop_length);
    let lag = |found: &Match| found.reference_ms - found.recording_ms;
    let first = matches.first().map_or(0.0, lag);
    let moved_ms = matches
        .iter()
        .map(|found| {
            let move_ms = (lag(found) - first).rem_euclid(loop_ms);
            move_ms.min(loop_ms - move_ms)
        })
        .fold(0.0, f64::max);
    Comparison { matches, moved_ms }
}

fn trim(recording: &[f32]) -> (usize, &[f32]) {
    let loud = |sample: &f32| sample.abs() > SILENCE;
    let Some(from) = recording.iter().position(loud) else {
        return (0, &[]);
    };
    let to = recording
        .iter()
        .rposition(loud)
        .map_or(from, |last| last + 1);
    (from, &recording[from..to])
}

/// Looks for windows in a loop, by way of their spectra.
struct Finder {
    forward: std::sync::Arc<dyn RealToComplex<f32>>,
    inverse: std::sync::Arc<dyn realfft::ComplexToReal<f32>>,
    /// The spectrum of the loop, repeated to the length of the transform.
    spectrum: Vec<Complex<f32>>,
    /// Of each place, the energy of the window that begins there.
    energies: Vec<f64>,
    length: usize,
}

impl Finder {
    fn new(samples: &[f32], window: usize) -> Self {
        // A window that begins at the last sample still lies within.
        let length = (samples.len() + window).next_power_of_two();
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (
            planner.plan_fft_forward(length),
            planner.plan_fft_inverse(length),
        );
        let mut extended: Vec<f32> = samples.iter().copied().cycle().take(length).collect();
        let mut energies = Vec::with_capacity(samples.len());
        let mut energy: f64 = extended[..window]
            .iter()
            .map(|sample| square(*sample))
            .sum();
        for place in 0..samples.len() {
            energies.push(energy);
            energy += square(extended[place + window]) - square(extended[place]);
        }
        let mut spectrum = forward.make_output_vec();
        forward
            .process(&mut extended, &mut spectrum)
            .expect("the vectors have the planned lengths");
        Self {
            forward,
            inverse,
            spectrum,
            energies,
            length,
        }
    }

    fn find(&mut self, at: usize, window: &[f32]) -> Match {
        let mut padded = window.to_vec();
        padded.resize(self.length, 0.0);
        let mut spectrum = self.forward.make_output_vec();
        self.forward
            .process(&mut padded, &mut spectrum)
            .expect("the vectors have the planned lengths");
        for (window, reference) in spectrum.iter_mut().zip(&self.spectrum) {
            *window = reference * window.conj();
        }
        // Real by symmetry; rounding may have left something that the inverse would refuse.
        spectrum[0].im = 0.0;
        spectrum[self.length / 2].im = 0.0;
        self.inverse
            .process(&mut spectrum, &mut padded)
            .expect("the vectors have the planned lengths");
        let own: f64 = window.iter().map(|sample| square(*sample)).sum();
        let scale = to_f64(self.length);
        let (mut best, mut peak) = (0, 0.0);
        for (place, (product, energy)) in padded.iter().zip(&self.energies).enumerate() {
            let likeness = f64::from(*product) / scale / (own * energy).sqrt().max(1e-9);
            if likeness > peak {
                (best, peak) = (place, likeness);
            }
        }
        Match {
            recording_ms: to_ms(at),
            reference_ms: to_ms(best),
            peak: peak.min(1.0),
        }
    }
}

/// The share of the window that is the tone, as the length of its projection on sine and cosine.
fn find_tone(at: usize, window: &[f32], hertz: f64) -> Match {
    let step = TAU * hertz / f64::from(RATE_HZ);
    let (mut sine, mut cosine, mut own) = (0.0, 0.0, 0.0);
    for (n, sample) in window.iter().enumerate() {
        let angle = step * to_f64(n);
        sine += f64::from(*sample) * angle.sin();
        cosine += f64::from(*sample) * angle.cos();
        own += square(*sample);
    }
    let tone = (sine * sine + cosine * cosine) * 2.0 / to_f64(window.len());
    let phase = cosine.atan2(sine).rem_euclid(TAU);
    Match {
        recording_ms: to_ms(at),
        reference_ms: phase / TAU * 1_000.0 / hertz,
        peak: (tone / own.max(1e-9)).sqrt().min(1.0),
    }
}

fn square(sample: f32) -> f64 {
    f64::from(sample) * f64::from(sample)
}

fn to_ms(samples: usize) -> f64 {
    to_f64(samples) * 1_000.0 / f64::from(RATE_HZ)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "recordings are far below 2^53 samples"
)]
fn to_f64(count: usize) -> f64 {
    count as f64
}

/// A recorder that was killed leaves 0 or all ones where the lengths of a WAV belong.
fn mend_wav_lengths(bytes: &mut [u8]) {
    if bytes.get(..4) != Some(b"RIFF") {
        return;
    }
    let mut at = 12;
    while let Some(header) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let rest = bytes.len() - at - 8;
        if &header[..4] == b"data" {
            if length == 0 || length > rest {
                let mended = u32::try_from(rest & !3).unwrap_or(u32::MAX);
                bytes[at + 4..at + 8].copy_from_slice(&mended.to_le_bytes());
            }
            return;
        }
        at = at.saturating_add(8).saturating_add(length + length % 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wav;

    /// Broadband and never the same twice, from a linear congruential generator.
    fn noise(samples: usize, mut seed: u32) -> Vec<f32> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(seed >> 16).unwrap()) / 65_536.0 - 0.5
        };
        (0..samples).map(|_| next()).collect()
    }

    fn looped() -> (Vec<f32>, Reference) {
        let piece = noise(40_000, 1);
        (piece.clone(), Reference::Loop(piece))
    }

    #[test]
    fn a_quieter_part_of_the_loop_is_found_where_it_is() {
        let (piece, reference) = looped();
        let recording: Vec<f32> = piece[12_000..32_000]
            .iter()
            .map(|sample| sample * 0.1)
            .collect();
        let found = compare(&recording, &reference, 1_000).unwrap();
        assert_eq!(found.matches.len(), 2);
        assert!(found.peak_min() > 0.999 && found.moved_ms < 0.01, "{found}");
        assert!(
            (found.matches[0].reference_ms - 1_500.0).abs() < 0.01,
            "{found}"
        );
    }

    #[test]
    fn a_recording_over_the_loop_point_does_not_move() {
        let (piece, reference) = looped();
        let recording: Vec<f32> = piece
            .iter()
            .cycle()
            .skip(30_000)
            .take(40_000)
            .copied()
            .collect();
        let found = compare(&recording, &reference, 1_000).unwrap();
        assert!(found.peak_min() > 0.999 && found.moved_ms < 0.01, "{found}");
    }

    #[test]
    fn silence_before_the_sound_is_no_part_of_it() {
        let (piece, reference) = looped();
        let recording = [&[0.0; 5_000][..], &piece[..8_000]].concat();
        let found = compare(&recording, &reference, 900).unwrap();
        assert!((found.best().recording_ms - 625.0).abs() < 1.0, "{found}");
        assert!(found.best().reference_ms < 1.0, "{found}");
    }

    #[test]
    fn a_lost_packet_moves_what_follows() {
        let (piece, reference) = looped();
        let recording = [&piece[..10_000], &piece[10_160..30_000]].concat();
        let found = compare(&recording, &reference, 500).unwrap();
        assert!((found.moved_ms - 20.0).abs() < 0.01, "{found}");
    }

    #[test]
    fn something_else_is_not_found() {
        let (_, reference) = looped();
        let found = compare(&noise(20_000, 99), &reference, 1_000).unwrap();
        assert!(found.best().peak < 0.2, "{found}");
    }

    #[test]
    fn a_tone_is_told_from_another_and_from_noise() {
        let tone: Vec<f32> = (0..16_000_u16)
            .map(|n| (f32::from(n) * std::f32::consts::TAU * 440.0 / 8_000.0).sin() * 0.3)
            .collect();
        let likeness = |recording: &[f32], hertz| {
            compare(recording, &Reference::Tone(hertz), 500)
                .unwrap()
                .peak_min()
        };
        assert!(likeness(&tone, 440.0) > 0.99);
        assert!(likeness(&tone, 700.0) < 0.1);
        assert!(likeness(&noise(16_000, 5), 440.0) < 0.1);
    }

    #[test]
    fn the_hold_music_is_found_in_itself() {
        let Reference::Loop(music) = Reference::builtin() else {
            unreachable!()
        };
        let recording = music[100_000..140_000].to_vec();
        let found = compare(&recording, &Reference::Loop(music), 5_000).unwrap();
        assert!(found.best().peak > 0.999, "{found}");
        assert!(
            (found.best().reference_ms - 12_500.0).abs() < 1.0,
            "{found}"
        );
    }

    #[test]
    fn too_little_sound_is_said_so() {
        let (piece, reference) = looped();
        let error = compare(&piece[..4_000], &reference, 1_000).unwrap_err();
        assert!(error.to_string().contains("500 ms"), "{error}");
        assert!(compare(&[0.0; 20_000], &reference, 1_000).is_err());
    }

    #[test]
    fn a_recording_whose_recorder_was_killed_is_read() {
        let mut file = wav::write(8_000, &[1_000; 8_000]);
        file[40..44].copy_from_slice(&0_u32.to_le_bytes());
        assert_eq!(read_recording(file).unwrap().len(), 8_000);
    }
}
