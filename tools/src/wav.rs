//! 16-bit mono WAV, the one form the tools write; reading is the business of
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
