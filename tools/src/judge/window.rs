//! Which numbers arrived: what is lost, what came twice, what was overtaken.

use super::Findings;

/// The numbers of one stream so far; begins with its first.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) first: u64,
    pub(super) highest: u64,
    /// Whether `highest`, `highest - 1` … arrived, from bit 0 on.
    seen: u64,
}

impl Window {
    /// Nothing arrived, and `first` is about to.
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            highest: first,
            seen: 0,
        }
    }

    /// Counts an arrival; false when it was there before.
    pub(super) fn count(&mut self, number: u64, findings: &mut Findings) -> bool {
        if number > self.highest {
            let step = u32::try_from(number - self.highest).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            self.highest = number;
            findings.received += 1;
            return true;
        }
        let age = u32::try_from(self.highest - number).unwrap_or(u32::MAX);
        let bit = 1_u64.checked_shl(age).unwrap_or(0);
        if self.seen & bit != 0 {
            findings.repeated += 1;
            return false;
        }
        self.seen |= bit;
        self.first = self.first.min(number);
        findings.received += 1;
        findings.overtaken += u64::from(age > 0);
        true
    }

    /// Numbers from the first to the highest.
    pub(super) fn span(&self) -> u64 {
        self.highest - self.first + 1
    }
}
