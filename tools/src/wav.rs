//! Mono WAV, in 16 bits and in µ-law: the forms the tools write; reading is the business of
//! `dataplane::prompt::decode`.

/// A WAV file of mono samples.
#[must_use]
pub fn write(rate_hz: u32, samples: &[i16]) -> Vec<u8> {
    let audio_bytes = u32::try_from(samples.len() * 2).expect("less than 4 GiB of audio");
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend(b"RIFF");
    file.extend((36 + audio_bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(rate_hz.to_le_bytes());
    file.extend((rate_hz * 2).to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data");
    file.extend(audio_bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

/// A WAV file of mono µ-law at 8,000 Hz.
#[must_use]
pub fn write_ulaw(audio: &[u8]) -> Vec<u8> {
    let audio_bytes = u32::try_from(audio.len()).expect("less than 4 GiB of audio");
    let mut file = Vec::with_capacity(58 + audio.len());
    file.extend(b"RIFF");
    // A chunk of odd length has a byte behind it that does not count.
    let padding = audio.len() % 2;
    file.extend((50 + audio_bytes + u32::from(padding != 0)).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(18_u32.to_le_bytes());
    file.extend(7_u16.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(8_000_u32.to_le_bytes());
    file.extend(8_000_u32.to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(8_u16.to_le_bytes());
    file.extend(0_u16.to_le_bytes());
    file.extend(b"fact");
    file.extend(4_u32.to_le_bytes());
    file.extend(audio_bytes.to_le_bytes());
    file.extend(b"data");
    file.extend(audio_bytes.to_le_bytes());
    file.extend(audio);
    file.extend(std::iter::repeat_n(0xff, padding));
    file
}
