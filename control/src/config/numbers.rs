//! Telephone numbers of an operator: `112`, `2000-2999`, `+33140001000-+33140001999`.

use std::str::FromStr;

use super::OrbitRange;

/// One number, or all from one to another of the same length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// With a `+`.
    is_global: bool,
    digits: usize,
    first: u64,
    last: u64,
}

impl Numbers {
    /// Whether this is one of them, as dialled or as a user part says it.
    #[must_use]
    pub fn has(&self, number: &str) -> bool {
        number.parse::<Self>().is_ok_and(|one| {
            one.first == one.last && self.is_alike(&one) && {
                (self.first..=self.last).contains(&one.first)
            }
        })
    }

    /// The lowest orbit of a range that is one of them.
    pub(super) fn clash(&self, range: &OrbitRange) -> Option<u64> {
        let (start, end) = (u64::from(range.start), u64::from(range.end));
        let is_alike = !self.is_global
            && range.prefix.is_none()
            && self.digits == range.start.to_string().len();
        let lowest = start.max(self.first);
        (is_alike && lowest <= end.min(self.last)).then_some(lowest)
    }

    fn is_alike(&self, other: &Self) -> bool {
        (self.is_global, self.digits) == (other.is_global, other.digits)
    }
}

impl FromStr for Numbers {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let one = |text: &str| {
            let digits = text.strip_prefix('+').unwrap_or(text);
            let fits = (1..=15).contains(&digits.len());
            if !fits || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(());
            }
            let number = digits.parse().map_err(|_| ())?;
            Ok(Self {
                is_global: digits.len() < text.len(),
                digits: digits.len(),
                first: number,
                last: number,
            })
        };
        let Some((first, last)) = text.split_once('-') else {
            return one(text);
        };
        let (first, last) = (one(first.trim())?, one(last.trim())?);
        if !first.is_alike(&last) || last.first < first.first {
            return Err(());
        }
        Ok(Self {
            last: last.last,
            ..first
        })
    }
}

/// What numbers look like.
pub(super) const NUMBERS_RULE: &str =
    "write numbers such as \"112\", \"2000-2999\" or \"+33140001000-+33140001999\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_one_or_a_span() {
        let numbers = |text: &str| text.parse::<Numbers>();
        let span = numbers("2000-2999").unwrap();
        assert!(span.has("2000") && span.has("2999"));
        for other in ["1999", "3000", "02000", "+2000", "20000", "ann", ""] {
            assert!(!span.has(other), "{other}");
        }
        assert!(
            numbers("+33140001000 - +33140001999")
                .unwrap()
                .has("+33140001500")
        );
        for text in [
            "",
            "+",
            "a",
            "2-10",
            "20-10",
            "+1-2",
            "1234567890123456",
            "1-",
            "１",
        ] {
            assert!(numbers(text).is_err(), "{text}");
        }
    }
}
