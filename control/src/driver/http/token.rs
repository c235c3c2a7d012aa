//! A new token: random, told once, kept as a hash.

use std::fmt::{self, Write as _};
use std::io;

use sha2::{Digest as _, Sha256};

use crate::config::Role;
use crate::driver::clock;

/// A token that nobody has yet. Shows itself as what to tell its owner and what to write into the
/// configuration.
#[derive(Clone)]
pub struct NewToken {
    name: String,
    role: Role,
    token: String,
}

impl NewToken {
    /// Makes one of 256 random bits.
    ///
    /// # Errors
    /// When the operating system has no entropy to give.
    pub fn make(name: &str, role: Role) -> io::Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            role,
            token: format!("orbit_{}", random()?),
        })
    }

    /// What its owner sends.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The lines for the configuration.
    #[must_use]
    pub fn lines(&self) -> String {
        let Self { name, role, token } = self;
        let (name, sha256) = (quoted(name), hex(&Sha256::digest(token)));
        format!("[[api.token]]\nname = {name}\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n")
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewToken(…)")
    }
}

/// Names a run of the server.
pub(super) fn run() -> io::Result<u64> {
    let [a, b, c, d, e, f, g, h, ..] = clock::seed()?;
    Ok(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// A string of TOML, whatever it holds: the configuration says whether it is a name.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for one in text.chars() {
        match one {
            '"' | '\\' => quoted.extend(['\\', one]),
            one if one.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(one));
            }
            one => quoted.push(one),
        }
    }
    quoted + "\""
}

/// 256 random bits in base sixteen.
pub(super) fn random() -> io::Result<String> {
    Ok(hex(&clock::seed()?))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
