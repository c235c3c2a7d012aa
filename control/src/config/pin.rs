//! A PIN: digits that a retriever dials. Kept as a hash, shown to nobody.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::limits::PIN_DIGITS;

/// A PIN.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin {
    salt: String,
    hash: [u8; 32],
}

impl Pin {
    /// `4711`, or `sha256:SALT:HASH`, where HASH is the SHA-256 of the salt and the digits behind
    /// each other, in base sixteen. A hash hides a PIN from a glance, not from who tries them all.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Some(hashed) = text.strip_prefix("sha256:") else {
            let is_pin = PIN_DIGITS.contains(&text.len()) && is_digits(text.as_bytes());
            return is_pin.then(|| Self {
                salt: String::new(),
                hash: hash("", text.as_bytes()),
            });
        };
        let (salt, hash) = hashed.split_once(':')?;
        if hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let byte = |at: usize| u8::from_str_radix(&hash[2 * at..2 * at + 2], 16).ok();
        let bytes: Vec<u8> = (0..32).filter_map(byte).collect();
        Some(Self {
            salt: salt.to_owned(),
            hash: bytes.try_into().ok()?,
        })
    }

    /// A PIN in digits as it is kept: `sha256:SALT:HASH`. `None` for what is no PIN in digits.
    #[must_use]
    pub fn hashed(digits: &str, salt: &str) -> Option<String> {
        let is_pin = PIN_DIGITS.contains(&digits.len()) && is_digits(digits.as_bytes());
        let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
        is_pin.then(|| format!("sha256:{salt}:{}", hex(hash(salt, digits.as_bytes()))))
    }

    /// Whether two ways to write a PIN, one of them in digits, are of the same; or are the same.
    #[must_use]
    pub fn are_one(one: &str, other: &str) -> bool {
        let hides = |hash: &str, digits: &str| {
            let is_plain = is_digits(digits.as_bytes());
            is_plain && Self::parse(hash).is_some_and(|pin| pin.is(digits.as_bytes()))
        };
        one == other || hides(one, other) || hides(other, one)
    }

    /// Whether these digits, in ASCII, are it. How long that takes tells nothing.
    #[must_use]
    pub fn is(&self, digits: &[u8]) -> bool {
        let other = hash(&self.salt, digits);
        let differ = self.hash.iter().zip(other).map(|(one, other)| one ^ other);
        std::hint::black_box(differ.fold(0, |all, bits| all | bits)) == 0
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

fn hash(salt: &str, digits: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt.as_bytes())
        .chain_update(digits)
        .finalize()
        .into()
}

fn is_digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_plain_or_hashed() {
        // printf %s salt4711 | sha256sum
        let hashed = "sha256:salt:\
                      740f9df08014957dcdb6e5d76eed11cb4786192879d9eecff364d95605912d2d";
        assert_eq!(Pin::hashed("4711", "salt").as_deref(), Some(hashed));
        assert_eq!(Pin::hashed("471", "salt"), None);
        assert!(Pin::are_one("4711", hashed) && Pin::are_one(hashed, "4711"));
        assert!(!Pin::are_one("4712", hashed) && !Pin::are_one(hashed, "471"));
        for pin in [Pin::parse("4711").unwrap(), Pin::parse(hashed).unwrap()] {
            assert!(pin.is(b"4711"));
            for other in ["", "4712", "47110", "471", "salt4711"] {
                assert!(!pin.is(other.as_bytes()), "{other}");
            }
        }
    }

    #[test]
    fn what_is_no_pin_is_refused() {
        for text in [
            "",
            "123",
            "1234567890123",
            "12a4",
            "sha256:a",
            "sha256:a:12",
            "sha256:a:xy",
        ] {
            assert_eq!(Pin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_pin_is_not_shown() {
        let pin = Pin::parse("4711").unwrap();
        assert_eq!(format!("{pin:?}"), "Pin(…)");
    }
}
