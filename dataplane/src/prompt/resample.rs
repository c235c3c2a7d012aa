//! Any sampling rate to 8,000 Hz, as a loop: the last samples are filtered together with the first,
//! so that the recording can be repeated for ever with neither a gap nor a click.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters, WindowFunction,
};

use super::limits::RATE_HZ;

/// Samples filtered at a time.
const CHUNK: usize = 1_024;

/// Length of the filter, in samples of the lower of the two rates: passes 3.4 kHz, stops 4 kHz.
const FILTER_SAMPLES: u32 = 96;

/// Resamples a recording of known length that arrives piece by piece.
pub(super) struct Resampler {
    filter: Async<f32>,
    /// Samples that wait for a whole chunk.
    pending: Vec<f32>,
    /// The beginning of the recording, to be filtered once more after its end.
    head: Vec<f32>,
    head_length: usize,
    resampled: Vec<f32>,
    chunk: Vec<f32>,
    /// Resampled samples before this one felt the silence before the beginning.
    first: usize,
    length: usize,
}

impl Resampler {
    /// For a recording of `frames` samples; at least 100 ms.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lengths are bounded by half an hour"
    )]
    pub(super) fn new(frames: u64, rate_hz: u32) -> Self {
        let length = (frames as f64 * f64::from(RATE_HZ) / f64::from(rate_hz)).round();
        // Not exactly the ratio of the rates: a whole number of samples must go round the loop. At
        // most half a sample of the whole length is the difference, which nobody hears.
        let ratio = length / frames as f64;
        let filter_length = (FILTER_SAMPLES * rate_hz.div_ceil(RATE_HZ)) as usize;
        let parameters =
            SincInterpolationParameters::new(filter_length, WindowFunction::BlackmanHarris2);
        let filter = Async::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input)
            .expect("the ratio is finite and positive");
        let lead = filter_length;
        let delay = (filter.output_delay() as f64 / ratio).ceil() as usize;
        Self {
            pending: Vec::with_capacity(CHUNK),
            head: Vec::new(),
            head_length: (2 * lead + delay + 2 * CHUNK).min(frames as usize),
            resampled: Vec::with_capacity(length as usize + CHUNK),
            chunk: vec![0.0; filter.output_frames_max()],
            first: filter.output_delay() + (lead as f64 * ratio).ceil() as usize,
            length: length as usize,
            filter,
        }
    }

    /// Takes the next piece.
    pub(super) fn feed(&mut self, samples: &[f32]) {
        let missing = (self.head_length - self.head.len()).min(samples.len());
        self.head.extend_from_slice(&samples[..missing]);
        self.filter(samples);
    }

    /// The whole recording at 8,000 Hz, after the last piece.
    pub(super) fn finish(mut self) -> Vec<f32> {
        let head = std::mem::take(&mut self.head);
        assert!(!head.is_empty(), "a recording of at least 100 ms was fed");
        while self.resampled.len() < self.first + self.length {
            self.filter(&head);
        }
        let mut looped = self.resampled;
        looped.truncate(self.first + self.length);
        looped.drain(..self.first);
        // What was left out at the beginning came once more at the end. The delay is no part of the
        // position.
        let turn = (self.first - self.filter.output_delay()) % self.length;
        looped.rotate_right(turn);
        looped
    }

    fn filter(&mut self, mut samples: &[f32]) {
        while !samples.is_empty() {
            let taken = (CHUNK - self.pending.len()).min(samples.len());
            let (now, later) = samples.split_at(taken);
            self.pending.extend_from_slice(now);
            samples = later;
            if self.pending.len() == CHUNK {
                self.filter_pending();
            }
        }
    }

    fn filter_pending(&mut self) {
        let capacity = self.chunk.len();
        let input = InterleavedSlice::new(&self.pending, 1, CHUNK).expect("a whole chunk");
        let mut output =
            InterleavedSlice::new_mut(&mut self.chunk, 1, capacity).expect("its length");
        let (_, made) = self
            .filter
            .process_into_buffer(&input, &mut output, None::<&Indexing>)
            .expect("the buffers have the length that the filter asked for");
        self.resampled.extend_from_slice(&self.chunk[..made]);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::decode::testing::sine;

    fn resample(samples: &[f32], rate_hz: u32) -> Vec<f32> {
        let mut resampler = Resampler::new(samples.len() as u64, rate_hz);
        samples.chunks(777).for_each(|piece| resampler.feed(piece));
        resampler.finish()
    }

    fn rms(samples: &[f32]) -> f64 {
        let power: f64 = samples
            .iter()
            .map(|sample| f64::from(*sample).powi(2))
            .sum();
        (power / f64::from(u32::try_from(samples.len()).unwrap())).sqrt()
    }

    /// Any three neighbours of a sine are tied by 2·cos of its step; a click anywhere, also at the
    /// seam, breaks the tie.
    #[test]
    fn a_tone_that_closes_on_itself_stays_one_unbroken_tone() {
        let tie = 2.0 * (std::f32::consts::TAU * 400.0 / 8_000.0).cos();
        for rate_hz in [6_000, 11_025, 16_000, 44_100, 48_000] {
            let tone = resample(&sine(rate_hz, 400.0, 0.5, rate_hz as usize), rate_hz);
            assert_eq!(tone.len(), 8_000, "{rate_hz} Hz");
            assert!(
                (rms(&tone) - 0.5 / 2.0_f64.sqrt()).abs() < 0.001,
                "{rate_hz} Hz"
            );
            for n in 0..8_000 {
                let broken = tone[n] + tone[(n + 2) % 8_000] - tie * tone[(n + 1) % 8_000];
                assert!(broken.abs() < 0.001, "{rate_hz} Hz at {n}: {broken}");
            }
        }
    }

    #[test]
    fn a_moment_stays_where_it_was() {
        for rate_hz in [6_000, 44_100, 48_000] {
            let mut click = vec![0.0; rate_hz as usize];
            click[rate_hz as usize / 4] = 1.0;
            let resampled = resample(&click, rate_hz);
            let loudest = (0..8_000).max_by(|a, b| resampled[*a].total_cmp(&resampled[*b]));
            assert!(
                loudest.is_some_and(|place| place.abs_diff(2_000) <= 2),
                "{rate_hz} Hz: {loudest:?}"
            );
        }
    }

    #[test]
    fn what_8_khz_cannot_hold_does_not_come_back_as_another_tone() {
        for tone_hz in [4_300.0, 5_000.0, 9_000.0] {
            let left = rms(&resample(&sine(48_000, tone_hz, 0.5, 24_000), 48_000));
            assert!(left < 0.000_35, "{tone_hz} Hz leaves {left}, above -60 dB");
        }
    }

    #[test]
    fn the_telephone_band_passes_at_its_level() {
        for tone_hz in [300.0, 1_000.0, 3_400.0] {
            let resampled = resample(&sine(48_000, tone_hz, 0.5, 24_000), 48_000);
            let level_db = 20.0 * (rms(&resampled) / (0.5 / 2.0_f64.sqrt())).log10();
            assert!(level_db.abs() < 0.1, "{tone_hz} Hz: {level_db} dB");
        }
    }

    #[test]
    fn a_length_that_does_not_divide_still_closes() {
        let resampled = resample(&sine(44_100, 441.0, 0.5, 4_500), 44_100);
        assert_eq!(resampled.len(), 816);
        let step_max = resampled
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max);
        let seam = (resampled[0] - resampled[815]).abs();
        assert!(
            seam <= step_max * 1.01,
            "{seam} at the seam, {step_max} elsewhere"
        );
    }
}
