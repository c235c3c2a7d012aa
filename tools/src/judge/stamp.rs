//! What a packet of ours says in its audio: whose it is, which number it has, and when it was sent.
//! The rest is a pattern that follows from these, so that a changed byte shows. A relay that does
//! not transcode passes all of it on as it is.

use shared::Time;

/// Samples, which are bytes, of a packet: 20 ms.
pub const BYTES: usize = 160;

/// How a stamp begins. `FRIEND` is what phones send, `FOE` what an attack does.
const FRIEND: [u8; 4] = *b"oRb1";
const FOE: [u8; 4] = *b"eV1l";

/// Bytes ahead of the pattern.
const HEAD: usize = 25;

/// Who sent a packet, as which, when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The pair of phones.
    pub pair: u32,
    /// Which of the two.
    pub side: u8,
    /// Counted from 0.
    pub number: u64,
    /// By the wall clock.
    pub sent: Time,
}

/// What some audio is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audio {
    /// A phone of ours sent this.
    Stamped(Stamp),
    /// A phone of ours sent this, and it was changed on the way.
    Altered,
    /// An attack of ours sent this.
    Foe,
    /// Something else, such as music.
    Other,
}

impl Stamp {
    /// The audio of a packet.
    pub fn write(&self, audio: &mut [u8; BYTES]) {
        audio[..4].copy_from_slice(&FRIEND);
        audio[4..8].copy_from_slice(&self.pair.to_be_bytes());
        audio[8] = self.side;
        audio[9..17].copy_from_slice(&self.number.to_be_bytes());
        audio[17..HEAD].copy_from_slice(&self.sent.as_nanos().to_be_bytes());
        let seed = self.seed();
        for (place, byte) in (0_u8..).zip(&mut audio[HEAD..]) {
            *byte = seed.wrapping_add(place);
        }
    }

    /// Depends on every byte ahead of the pattern.
    fn seed(&self) -> u8 {
        let parts = [
            u64::from(self.pair) << 8 | u64::from(self.side),
            self.number,
            self.sent.as_nanos(),
        ];
        let sum = parts.iter().fold(0_u64, |sum, part| {
            (sum ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        sum.to_be_bytes()[0]
    }
}

/// What an attack sends as audio.
pub fn write_foe(audio: &mut [u8; BYTES]) {
    audio.fill(0x2a);
    audio[..4].copy_from_slice(&FOE);
}

impl Audio {
    /// What this is.
    #[must_use]
    pub fn read(payload: &[u8]) -> Self {
        let Some((begin, rest)) = payload.split_first_chunk::<4>() else {
            return Self::Other;
        };
        match *begin {
            FOE => Self::Foe,
            FRIEND => read_friend(rest).map_or(Self::Altered, Self::Stamped),
            _ => Self::Other,
        }
    }
}

fn read_friend(rest: &[u8]) -> Option<Stamp> {
    let (pair, rest) = rest.split_first_chunk::<4>()?;
    let (side, rest) = rest.split_first()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (sent, pattern) = rest.split_first_chunk::<8>()?;
    let stamp = Stamp {
        pair: u32::from_be_bytes(*pair),
        side: *side,
        number: u64::from_be_bytes(*number),
        sent: Time::from_nanos(u64::from_be_bytes(*sent)),
    };
    let seed = stamp.seed();
    let is_whole = pattern.len() == BYTES - HEAD
        && (0_u8..)
            .zip(pattern)
            .all(|(place, byte)| *byte == seed.wrapping_add(place));
    is_whole.then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped() -> (Stamp, [u8; BYTES]) {
        let stamp = Stamp {
            pair: 7,
            side: 1,
            number: 1 << 40,
            sent: Time::from_millis(5),
        };
        let mut audio = [0; BYTES];
        stamp.write(&mut audio);
        (stamp, audio)
    }

    #[test]
    fn what_was_written_is_read() {
        let (stamp, audio) = stamped();
        assert_eq!(Audio::read(&audio), Audio::Stamped(stamp));
    }

    #[test]
    fn a_change_of_any_byte_behind_the_mark_shows() {
        let (_, audio) = stamped();
        for place in 4..BYTES {
            let mut changed = audio;
            changed[place] ^= 0x55;
            assert_eq!(Audio::read(&changed), Audio::Altered, "byte {place}");
        }
        assert_eq!(Audio::read(&audio[..BYTES - 1]), Audio::Altered);
    }

    #[test]
    fn an_attack_is_told_from_music() {
        let mut audio = [0; BYTES];
        write_foe(&mut audio);
        assert_eq!(Audio::read(&audio), Audio::Foe);
        assert_eq!(Audio::read(&[0xff; BYTES]), Audio::Other);
        assert_eq!(Audio::read(&[]), Audio::Other);
    }
}
