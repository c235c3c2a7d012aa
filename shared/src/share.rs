//! A part of a whole, such as the part of its time that a worker needs.

use std::fmt;

/// A part of a whole in thousandths, 0 to 1,000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Share(u16);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// All of it.
    pub const WHOLE: Self = Self(1_000);

    /// So many hundredths; more than 100 are the whole.
    #[must_use]
    pub const fn percent(percent: u8) -> Self {
        Self::thousandths(percent as u64 * 10)
    }

    /// So many thousandths; more than 1,000 are the whole.
    #[must_use]
    pub const fn thousandths(thousandths: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "at most 1,000")]
        match thousandths {
            0..=1_000 => Self(thousandths as u16),
            _ => Self::WHOLE,
        }
    }

    /// In thousandths.
    #[must_use]
    pub const fn as_thousandths(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 10 {
            0 => write!(f, "{}%", self.0 / 10),
            tenth => write!(f, "{}.{tenth}%", self.0 / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_prints_as_a_percentage_and_ends_at_the_whole() {
        assert_eq!(Share::percent(85).to_string(), "85%");
        assert_eq!(Share::thousandths(7).to_string(), "0.7%");
        assert_eq!(Share::percent(101), Share::WHOLE);
        assert_eq!(Share::thousandths(u64::MAX).to_string(), "100%");
    }
}
