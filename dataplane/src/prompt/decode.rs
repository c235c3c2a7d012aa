//! A recording in any supported format into mono samples at 8,000 Hz.
//!
//! What symphonia calls an error is worded here for the operator who chose the file. Absent on
//! purpose: encoding.

use std::io::{Cursor, ErrorKind};

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::PromptError;
use super::limits::{
    FILE_BYTES_MAX, LENGTH_MS_MAX, LENGTH_MS_MIN, RATE_HZ, RATE_HZ_MAX, RATE_HZ_MIN,
};
use super::resample::Resampler;

const FORMATS: &str = "play one of WAV (PCM, float, A-law, µ-law), FLAC, MP3, Ogg Vorbis";

/// Of the packets of a lossy recording, one in this many may be damaged: a cut MP3 often begins
/// with one.
const DAMAGED_PACKETS_ONE_IN: u64 = 50;

/// Decodes, mixes to mono (the mean of the channels, which cannot clip) and resamples as a loop.
/// Full scale is ±1.0, which a lossy or resampled recording may exceed.
///
/// # Errors
/// [`PromptError::Decode`], saying what is wrong and what would be right.
pub fn mono_8khz(bytes: &[u8]) -> Result<Vec<f32>, PromptError> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return wrong(format!(
            "longer than {} MiB, the most a recording may have",
            FILE_BYTES_MAX >> 20
        ));
    }
    let mut native = Vec::new();
    let shape = Recording::open(bytes)?.read(|rate_hz, samples| {
        if rate_hz == RATE_HZ {
            native.extend_from_slice(samples);
        }
    })?;
    check_length(shape)?;
    if shape.rate_hz == RATE_HZ {
        return Ok(native);
    }
    // Decoded again rather than kept: half an hour of a high rate would need a gigabyte, and to
    // close the loop exactly the resampler must know the length before it begins.
    let mut resampler = Resampler::new(shape.frames, shape.rate_hz);
    Recording::open(bytes)?.read(|_, samples| resampler.feed(samples))?;
    Ok(resampler.finish())
}

/// Of what a recording turned out to consist.
#[derive(Clone, Copy)]
struct Shape {
    rate_hz: u32,
    frames: u64,
}

struct Recording<'a> {
    format: Box<dyn FormatReader + 'a>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    /// What the file says of itself; not every format does.
    frames_promised: Option<u64>,
}

impl<'a> Recording<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, PromptError> {
        let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
        let format = symphonia::default::get_probe()
            .probe(
                &Hint::new(),
                source,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .or_else(|error| {
                wrong(format!(
                    "not a recording this can decode ({error}): {FORMATS}"
                ))
            })?;
        let Some(track) = format.default_track(TrackType::Audio) else {
            return wrong(format!("holds no audio: {FORMATS}"));
        };
        let Some(parameters) = track.codec_params.as_ref().and_then(|codec| codec.audio()) else {
            return wrong(format!("holds audio in an unknown codec: {FORMATS}"));
        };
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default().verify(true))
            .or_else(|error| {
                wrong(format!(
                    "holds audio in a codec this cannot decode ({error}): {FORMATS}"
                ))
            })?;
        let (track, frames_promised) = (track.id, track.num_frames);
        Ok(Self {
            format,
            decoder,
            track,
            frames_promised,
        })
    }

    /// Hands mono samples to `sink` with their rate, piece by piece.
    fn read(mut self, mut sink: impl FnMut(u32, &[f32])) -> Result<Shape, PromptError> {
        let mut shape: Option<Shape> = None;
        let (mut packets, mut damaged) = (0_u64, 0_u64);
        let (mut interleaved, mut mono) = (Vec::<f32>::new(), Vec::new());
        while let Some(packet) = self.next_packet()? {
            packets += 1;
            let audio = match self.decoder.decode(&packet) {
                Ok(audio) => audio,
                Err(SymphoniaError::DecodeError(_) | SymphoniaError::IoError(_)) => {
                    damaged += 1;
                    continue;
                }
                Err(error) => {
                    return wrong(format!(
                        "cannot be decoded ({error}): convert it to WAV or FLAC"
                    ));
                }
            };
            let rate_hz = check_rate(audio.spec().rate())?;
            let channels = audio.spec().channels().count();
            interleaved.clear();
            audio.copy_to_vec_interleaved(&mut interleaved);
            mix(&interleaved, channels, &mut mono)?;
            let so_far = shape.get_or_insert(Shape { rate_hz, frames: 0 });
            if so_far.rate_hz != rate_hz {
                return wrong(
                    "changes its sampling rate within: convert it to one rate".to_owned(),
                );
            }
            so_far.frames += mono.len() as u64;
            check_not_too_long(*so_far)?;
            sink(rate_hz, &mono);
        }
        self.check_whole(shape, packets, damaged)
    }

    fn next_packet(&mut self) -> Result<Option<symphonia::core::packet::Packet>, PromptError> {
        loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id != self.track => {}
                Ok(packet) => return Ok(packet),
                // A file that was cut; whether too much is missing is judged at the end.
                Err(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Ok(None);
                }
                Err(SymphoniaError::ResetRequired) => {
                    return wrong(
                        "consists of several recordings in a chain: join them into one".to_owned(),
                    );
                }
                Err(error) => return wrong(format!("damaged ({error}): export or copy it again")),
            }
        }
    }

    fn check_whole(
        &mut self,
        shape: Option<Shape>,
        packets: u64,
        damaged: u64,
    ) -> Result<Shape, PromptError> {
        let Some(shape) = shape else {
            return wrong(format!(
                "holds no audio that can be decoded ({damaged} damaged packets): {FORMATS}"
            ));
        };
        if damaged * DAMAGED_PACKETS_ONE_IN > packets.max(DAMAGED_PACKETS_ONE_IN) {
            return wrong(format!(
                "damaged: {damaged} of {packets} packets cannot be decoded; export or copy it again"
            ));
        }
        if self.decoder.finalize().verify_ok == Some(false) {
            return wrong(
                "damaged: the audio does not match its checksum; export or copy it again"
                    .to_owned(),
            );
        }
        // A tenth of a second may be missing: players trim such ends, encoders miscount them.
        let slack = u64::from(shape.rate_hz / 10);
        match self.frames_promised {
            Some(promised) if shape.frames + slack < promised => wrong(format!(
                "cut short: {:.1} s of {:.1} s are there; copy it again",
                seconds(shape),
                seconds(Shape {
                    frames: promised,
                    ..shape
                }),
            )),
            _ => Ok(shape),
        }
    }
}

fn mix(interleaved: &[f32], channels: usize, mono: &mut Vec<f32>) -> Result<(), PromptError> {
    mono.clear();
    if channels == 1 {
        mono.extend_from_slice(interleaved);
    } else {
        #[expect(clippy::cast_precision_loss, reason = "a handful of channels")]
        let share = 1.0 / channels.max(1) as f32;
        let frames = interleaved.chunks_exact(channels.max(1));
        mono.extend(frames.map(|frame| frame.iter().sum::<f32>() * share));
    }
    if mono.iter().all(|sample| sample.is_finite()) {
        return Ok(());
    }
    wrong("holds samples that are not numbers: export it again, as 16-bit WAV or FLAC".to_owned())
}

fn check_rate(rate_hz: u32) -> Result<u32, PromptError> {
    if (RATE_HZ_MIN..=RATE_HZ_MAX).contains(&rate_hz) {
        return Ok(rate_hz);
    }
    wrong(format!(
        "sampled at {rate_hz} Hz: use {RATE_HZ_MIN} to {RATE_HZ_MAX} Hz, 8000 is enough"
    ))
}

fn check_not_too_long(shape: Shape) -> Result<(), PromptError> {
    if shape.frames * 1_000 <= u64::from(LENGTH_MS_MAX) * u64::from(shape.rate_hz) {
        return Ok(());
    }
    wrong(format!(
        "longer than {} min: use a shorter recording, it is repeated anyway",
        LENGTH_MS_MAX / 60_000
    ))
}

fn check_length(shape: Shape) -> Result<(), PromptError> {
    if shape.frames * 1_000 >= u64::from(LENGTH_MS_MIN) * u64::from(shape.rate_hz) {
        return Ok(());
    }
    wrong(format!(
        "only {:.3} s long: use at least {LENGTH_MS_MIN} ms of audio",
        seconds(shape)
    ))
}

#[expect(clippy::cast_precision_loss, reason = "for a message")]
fn seconds(shape: Shape) -> f64 {
    shape.frames as f64 / f64::from(shape.rate_hz)
}

fn wrong<T>(what: String) -> Result<T, PromptError> {
    Err(PromptError::Decode(what))
}

/// Recordings made for tests.
#[cfg(test)]
pub(crate) mod testing {
    use std::f64::consts::TAU;

    /// A sine as samples of full scale ±1.0.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "test tones are short"
    )]
    pub(crate) fn sine(rate_hz: u32, tone_hz: f64, level: f64, samples: usize) -> Vec<f32> {
        let step = TAU * tone_hz / f64::from(rate_hz);
        (0..samples)
            .map(|n| ((n as f64 * step).sin() * level) as f32)
            .collect()
    }

    /// The samples as a 16-bit WAV, the same on each channel.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the tests stay within full scale"
    )]
    pub(crate) fn wav(rate_hz: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
        let frames = samples
            .iter()
            .map(|sample| ((sample * 32_768.0) as i16).to_le_bytes());
        let audio: Vec<u8> = frames
            .flat_map(|frame| frame.repeat(channels.into()))
            .collect();
        wav_of(1, rate_hz, channels, 16, &audio)
    }

    /// A WAV around encoded audio, with a format tag (1 PCM, 6 A-law, 7 µ-law).
    pub(crate) fn wav_of(
        tag: u16,
        rate_hz: u32,
        channels: u16,
        bits: u16,
        audio: &[u8],
    ) -> Vec<u8> {
        let frame_bytes = channels * bits / 8;
        let audio_bytes = u32::try_from(audio.len()).unwrap();
        let mut file = Vec::new();
        file.extend(b"RIFF");
        file.extend((38 + audio_bytes).to_le_bytes());
        file.extend(b"WAVEfmt ");
        file.extend(18_u32.to_le_bytes());
        file.extend(tag.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(rate_hz.to_le_bytes());
        file.extend((rate_hz * u32::from(frame_bytes)).to_le_bytes());
        file.extend(frame_bytes.to_le_bytes());
        file.extend(bits.to_le_bytes());
        file.extend(0_u16.to_le_bytes());
        file.extend(b"data");
        file.extend(audio_bytes.to_le_bytes());
        file.extend(audio);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{sine, wav, wav_of};
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        mono_8khz(bytes)
            .map(|samples| samples.len())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn samples_at_8_khz_pass_unchanged() {
        let tone = sine(8_000, 440.0, 0.5, 4_000);
        let decoded = mono_8khz(&wav(8_000, 1, &tone)).unwrap();
        assert_eq!(decoded.len(), tone.len());
        assert!(
            decoded
                .iter()
                .zip(&tone)
                .all(|(a, b)| (a - b).abs() <= 1.0 / 32_768.0)
        );
    }

    #[test]
    fn channels_are_mixed_to_their_mean() {
        let frames: Vec<u8> = [8_000_i16, -4_000]
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        let decoded = mono_8khz(&wav_of(1, 8_000, 2, 16, &frames.repeat(1_000))).unwrap();
        assert_eq!(decoded.len(), 1_000);
        assert!(
            decoded
                .iter()
                .all(|sample| (sample * 32_768.0 - 2_000.0).abs() < 0.01)
        );
    }

    #[test]
    fn a_law_and_mu_law_are_decoded() {
        for (tag, encoded) in [(6_u16, 0xd5_u8), (7, 0xff)] {
            let decoded = mono_8khz(&wav_of(tag, 8_000, 1, 8, &[encoded; 1_000])).unwrap();
            assert_eq!(decoded.len(), 1_000);
            assert!(
                decoded.iter().all(|sample| sample.abs() < 0.001),
                "tag {tag} is silence"
            );
        }
    }

    #[test]
    fn what_is_no_recording_is_refused_with_the_formats_that_are() {
        for bytes in [&b""[..], b"hello", &[0; 5_000], b"RIFF\xff\xff\xff\xffWAVE"] {
            let message = refusal(bytes);
            assert!(
                message.contains("WAV") && message.contains("FLAC"),
                "{message}"
            );
        }
    }

    #[test]
    fn too_short_a_recording_is_refused_with_the_least_length() {
        let message = refusal(&wav(8_000, 1, &sine(8_000, 440.0, 0.5, 799)));
        assert!(message.contains("at least 100 ms"), "{message}");
        assert!(mono_8khz(&wav(8_000, 1, &sine(8_000, 440.0, 0.5, 800))).is_ok());
    }

    #[test]
    fn too_long_a_recording_is_refused_with_the_greatest_length() {
        let half_an_hour = 30 * 60 * 4_000;
        let message = refusal(&wav_of(7, 4_000, 1, 8, &vec![0xff; half_an_hour + 1]));
        assert!(message.contains("longer than 30 min"), "{message}");
    }

    #[test]
    fn a_rate_outside_the_limits_is_refused() {
        for rate_hz in [3_999, 192_001] {
            let message = refusal(&wav(rate_hz, 1, &[0.0; 40_000]));
            assert!(message.contains("4000 to 192000 Hz"), "{message}");
        }
    }

    #[test]
    fn a_recording_that_was_cut_is_refused() {
        let mut file = wav(8_000, 1, &sine(8_000, 440.0, 0.5, 16_000));
        file.truncate(file.len() / 2);
        let message = refusal(&file);
        assert!(message.contains("cut short: 1.0 s of 2.0 s"), "{message}");
    }

    #[test]
    fn samples_that_are_not_numbers_are_refused() {
        let audio: Vec<u8> = [0.0, f32::NAN]
            .iter()
            .flat_map(|s| s.to_le_bytes())
            .collect();
        let message = refusal(&wav_of(3, 8_000, 1, 32, &audio.repeat(1_000)));
        assert!(message.contains("not numbers"), "{message}");
    }

    /// Half a second of 440 Hz in each compressed format, at the rates and channels in which people
    /// have music.
    #[test]
    fn flac_mp3_and_ogg_vorbis_are_decoded() {
        let samples: [(&str, &[u8]); 3] = [
            ("FLAC", include_bytes!("samples/tone.flac")),
            ("MP3", include_bytes!("samples/tone.mp3")),
            ("Ogg Vorbis", include_bytes!("samples/tone.ogg")),
        ];
        let tie = 2.0 * (std::f32::consts::TAU * 440.0 / 8_000.0).cos();
        for (format, bytes) in samples {
            let tone = mono_8khz(bytes).unwrap();
            assert!(
                (3_990..4_500).contains(&tone.len()),
                "{format}: {} samples",
                tone.len()
            );
            let middle = &tone[1_000..3_000];
            let loudest = middle.iter().copied().fold(0.0, f32::max);
            assert!((0.05..0.2).contains(&loudest), "{format}: {loudest}");
            // Three neighbours of a sine are tied by its step: nothing but the tone is there.
            for three in middle.windows(3) {
                let rest = three[0] + three[2] - tie * three[1];
                assert!(rest.abs() < 0.05 * loudest, "{format}: {rest}");
            }
        }
    }

    #[test]
    fn a_damaged_flac_is_refused() {
        let mut bytes = include_bytes!("samples/tone.flac").to_vec();
        // Near the end is audio; the front is padding.
        let place = bytes.len() - 500;
        bytes[place] ^= 0xff;
        let message = mono_8khz(&bytes)
            .map(|samples| samples.len())
            .unwrap_err()
            .to_string();
        assert!(message.contains("damaged"), "{message}");
    }
}
