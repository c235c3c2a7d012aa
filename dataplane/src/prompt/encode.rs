//! Samples into every codec, once, with the beginning repeated behind the end.
//!
//! Absent on purpose: packets. A player cuts payloads out of this with no copy.

use audio_codec_algorithms::{encode_alaw, encode_ulaw};
use shared::Codec;

use super::limits::LAP_SAMPLES;

/// The loudest sample that both laws represent without clipping, of 32,768.
const PEAK_MAX: f32 = 32_124.0;

/// Audio in every codec, in the order of [`Codec::ALL`].
#[derive(Debug)]
pub(super) struct Encoded {
    codecs: [Box<[u8]>; Codec::ALL.len()],
    samples: usize,
}

impl Encoded {
    /// Encodes mono samples (full scale ±1.0). A recording that would clip is made quieter as a
    /// whole.
    pub(super) fn new(mono: &[f32]) -> Self {
        let linear = quantise(mono);
        let lap = linear.iter().cycle().take(linear.len() + LAP_SAMPLES);
        let codecs =
            Codec::ALL.map(|codec| lap.clone().map(|sample| encode(codec, *sample)).collect());
        Self {
            codecs,
            samples: linear.len(),
        }
    }

    /// Samples once through.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// One piece of memory; reaches at most [`LAP_SAMPLES`] beyond the end.
    pub(super) fn payload(&self, codec: Codec, position: usize, samples: usize) -> &[u8] {
        let audio = match codec {
            Codec::Pcmu => &self.codecs[0],
            Codec::Pcma => &self.codecs[1],
        };
        &audio[position..position + samples]
    }
}

fn encode(codec: Codec, sample: i16) -> u8 {
    match codec {
        Codec::Pcmu => encode_ulaw(sample),
        Codec::Pcma => encode_alaw(sample),
    }
}

fn quantise(mono: &[f32]) -> Vec<i16> {
    let peak = mono
        .iter()
        .fold(0.0_f32, |peak, sample| peak.max(sample.abs()))
        * 32_768.0;
    let scale = if peak > PEAK_MAX {
        32_768.0 * (PEAK_MAX / peak)
    } else {
        32_768.0
    };
    mono.iter().map(|sample| round(sample * scale)).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the peak was brought below full scale"
)]
fn round(sample: f32) -> i16 {
    sample.round() as i16
}

#[cfg(test)]
mod tests {
    use audio_codec_algorithms::{decode_alaw, decode_ulaw};

    use super::*;

    #[test]
    fn the_order_of_the_codecs_is_that_of_the_list() {
        assert_eq!(Codec::ALL, [Codec::Pcmu, Codec::Pcma]);
        let encoded = Encoded::new(&[0.0; 1_000]);
        for codec in Codec::ALL {
            assert!(
                encoded
                    .payload(codec, 0, 1_000)
                    .iter()
                    .all(|byte| *byte == codec.silence())
            );
        }
    }

    #[test]
    fn a_recording_within_full_scale_keeps_its_level() {
        let encoded = Encoded::new(&[0.5; 1_000]);
        let decoded = decode_ulaw(encoded.payload(Codec::Pcmu, 0, 1)[0]);
        assert!((i32::from(decoded) - 16_384).abs() < 512, "{decoded}");
    }

    #[test]
    fn a_recording_above_full_scale_is_made_quieter_without_clipping() {
        let ramp: Vec<f32> = (0..1_000_u16).map(|n| f32::from(n) / 500.0).collect();
        let encoded = Encoded::new(&ramp);
        let at = |position| f32::from(decode_alaw(encoded.payload(Codec::Pcma, position, 1)[0]));
        assert!(
            (at(500) / at(999) - 500.0 / 999.0).abs() < 0.03,
            "half the way up is half the level"
        );
        assert!(at(980) > 30_000.0, "the peak is near full scale");
    }
}
