//! Whether a peer that holds the call can be heard: it may play music of its own, or send silence,
//! or nothing at all, which no description tells beforehand (RFC 3264 §8.4).
//!
//! Absent on purpose: what is played instead (`drive`).

use shared::Codec;

/// How long nothing was heard, in looks of [`crate::agenda`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hush {
    looks: u8,
}

/// Two seconds of looks, one each 100 ms: longer than the pauses within a music or an announcement.
const LOOKS: u8 = 20;

/// Louder samples than this make speech audible: eight of 160, so that a click does not.
const SHARE: usize = 20;

impl Hush {
    /// Nothing was heard since the last look; `true` when there is enough of that just now.
    pub const fn look(&mut self) -> bool {
        if self.is_over() {
            return false;
        }
        self.looks += 1;
        self.is_over()
    }

    /// Something was heard.
    pub const fn end(&mut self) {
        self.looks = 0;
    }

    /// Whether nothing was heard for so long that something else shall be played.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.looks >= LOOKS
    }
}

/// Whether speech can be heard: above some 48 dB below the loudest there is, which neither digital
/// silence nor the noise of a muted microphone reaches.
#[must_use]
pub fn is_audible(codec: Codec, speech: &[u8]) -> bool {
    let loud = speech.iter().filter(|byte| is_loud(codec, **byte)).count();
    loud * SHARE > speech.len()
}

/// By the number of its step on the law's scale, of 128 (G.711 tables 1 and 2).
const fn is_loud(codec: Codec, byte: u8) -> bool {
    match codec {
        Codec::Pcmu => !byte & 0x7f >= 16,
        Codec::Pcma => (byte ^ 0x55) & 0x7f >= 8,
    }
}

#[cfg(test)]
mod tests {
    use audio_codec_algorithms::{encode_alaw, encode_ulaw};

    use super::*;

    fn tone(codec: Codec, level: i16) -> Vec<u8> {
        let encode = match codec {
            Codec::Pcmu => encode_ulaw,
            Codec::Pcma => encode_alaw,
        };
        let wave = [0, level, 0, -level];
        (0..160).map(|sample| encode(wave[sample % 4])).collect()
    }

    #[test]
    fn music_is_heard_and_silence_and_the_noise_of_a_line_are_not() {
        for codec in Codec::ALL {
            assert!(!is_audible(codec, &[codec.silence(); 160]));
            assert!(!is_audible(codec, &tone(codec, 60)), "{codec:?}");
            assert!(is_audible(codec, &tone(codec, 400)), "{codec:?}");
            assert!(!is_audible(codec, &[]));
        }
    }

    #[test]
    fn a_click_in_silence_is_not_heard() {
        let mut speech = [Codec::Pcmu.silence(); 160];
        speech[70..74].fill(0);
        assert!(!is_audible(Codec::Pcmu, &speech));
    }

    #[test]
    fn it_is_over_once_and_begins_anew_with_a_sound() {
        let mut hush = Hush::default();
        let mut looks = || (0..50).filter(|_| hush.look()).count();
        assert_eq!(looks(), 1);
        assert_eq!(looks(), 0);
        hush.end();
        assert!(!hush.is_over());
    }
}
