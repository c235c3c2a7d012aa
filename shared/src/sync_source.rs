//! Who a stream is to its peer. Control chooses, and keeps it with the call: a phone that hears the
//! same source go on after a restart plays what it hears, while some take the random numbers of
//! another source for packets that come too late, and drop them for many seconds.

use core::time::Duration;

use crate::Ptime;

/// A synchronisation source (RFC 3550 §3), and how its numbers follow from the wall clock, so that
/// they are ahead of all that was sent before, whichever process sends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SyncSource {
    /// Random (RFC 3550 §8.1).
    pub ssrc: u32,
    /// The sequence number at the beginning of 1970; random (RFC 3550 §5.1).
    pub sequence: u16,
    /// The timestamp at the beginning of 1970; random.
    pub timestamp: u32,
    /// What the CNAME is made of: 96 random bits (RFC 7022 §4.2).
    pub cname: [u8; CNAME_BYTES],
}

/// See [`SyncSource::cname`].
pub const CNAME_BYTES: usize = 12;

impl SyncSource {
    /// One of many for tools and tests, which need nothing that nobody can guess.
    #[must_use]
    pub const fn numbered(number: u32) -> Self {
        let ssrc = number.wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995;
        let [a, b, c, d] = ssrc.to_be_bytes();
        Self {
            ssrc,
            sequence: u16::from_be_bytes([a, b]),
            timestamp: ssrc.rotate_left(7),
            cname: [a, b, c, d, 1, 2, 3, 4, 5, 6, 7, 8],
        }
    }

    /// The first sequence number of a stream that is opened at a time since 1970. At the usual
    /// packet time no stream has sent more by then, whenever it began.
    #[must_use]
    pub fn sequence_at(&self, wall: Duration) -> u16 {
        let packets = wall.as_millis() / u128::from(Ptime::DEFAULT.as_millis());
        let packets = u16::try_from(packets % (1 << 16)).unwrap_or_default();
        self.sequence.wrapping_add(packets)
    }

    /// The first timestamp of a stream that is opened at a time since 1970, of a clock with so many
    /// units a millisecond.
    #[must_use]
    pub fn timestamp_at(&self, wall: Duration, units_per_ms: u64) -> u32 {
        let units = wall.as_millis() * u128::from(units_per_ms);
        let units = u32::try_from(units % (1 << 32)).unwrap_or_default();
        self.timestamp.wrapping_add(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_numbers_go_on_from_one_process_to_the_next() {
        let source = SyncSource {
            ssrc: 7,
            sequence: 65_530,
            timestamp: u32::MAX - 799,
            cname: [1; CNAME_BYTES],
        };
        let first = Duration::from_secs(1_795_000_000);
        let sequence = source.sequence_at(first);
        let timestamp = source.timestamp_at(first, 8);
        // Ten minutes of music at 50 packets a second, and a second without a process.
        let next = first + Duration::from_secs(601);
        let ahead = source.sequence_at(next).wrapping_sub(sequence);
        assert_eq!(ahead, 30_050);
        let ahead = source.timestamp_at(next, 8).wrapping_sub(timestamp);
        assert_eq!(ahead, 601 * 8_000);
        assert_eq!(
            source.sequence_at(Duration::from_millis(120)),
            0,
            "it wraps"
        );
        assert_eq!(source.timestamp_at(Duration::from_millis(100), 8), 0);
    }
}
