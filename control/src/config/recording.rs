//! The name of a recording that was uploaded.
//!
//! Absent on purpose: where it lies (`crate::driver`).

use sha2::{Digest as _, Sha256};

/// The name of an uploaded recording: the SHA-256 of the file, so that what has a name never
/// changes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RecordingName(String);

impl RecordingName {
    /// Of these bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// `None` for what is no name: 64 digits of base sixteen, in small letters.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
