//! The limits of prompts, together, with what relates them.

use shared::{Codec, Ptime};

/// The largest file read. A recording of half an hour fits as MP3, FLAC or 8 kHz WAV.
pub const FILE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// The longest recording. Two codecs of it take 29 MB.
pub const LENGTH_MS_MAX: u32 = 30 * 60 * 1_000;

/// The shortest recording: anything less is a click, and would not fill the longest packet.
pub const LENGTH_MS_MIN: u32 = 100;

/// The lowest sampling rate of a recording, in Hz; below it nothing of speech is left.
pub const RATE_HZ_MIN: u32 = 4_000;

/// The highest sampling rate of a recording, in Hz.
pub const RATE_HZ_MAX: u32 = 192_000;

/// The sampling rate at which a prompt is kept, in Hz.
pub const RATE_HZ: u32 = Codec::Pcmu.clock_hz();

/// The longest packet, in samples. This much of the beginning is repeated behind the end of the
/// encoded audio, so that the payload of every packet is one piece of memory, also the one that
/// plays over the end.
pub const LAP_SAMPLES: usize =
    Codec::Pcmu.samples_per_packet(Ptime::ALL[Ptime::ALL.len() - 1]) as usize;

const _: () = assert!(LAP_SAMPLES <= (RATE_HZ / 1_000 * LENGTH_MS_MIN) as usize);
const _: () = assert!(Codec::Pcmu.clock_hz() == Codec::Pcma.clock_hz());
