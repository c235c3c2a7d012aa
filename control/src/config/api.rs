//! `[api]`: where the HTTP API listens, and who may use it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::ConfigError;
use super::limits::TOKENS_MAX;
use super::table::{NAME_RULE, Table, is_name};

/// `[api]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Api {
    /// A loopback address where there is no certificate.
    pub listen: SocketAddr,
    /// With one it speaks TLS only.
    pub certificate: Option<Certificate>,
    /// `[[api.token]]`, by name; none: nobody may do anything.
    pub tokens: Vec<Token>,
}

/// `certificate` and `key` of `[api]`: files in PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// The server's certificate, then those between it and its CA.
    pub chain: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
}

/// `[[api.token]]`: somebody who may use the API.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Unique; who did it, in the audit log.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The SHA-256 of the token. A token is random, so that there is nothing to guess from it.
    pub sha256: [u8; 32],
}

/// What somebody may do. Each may do what those before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Look.
    Viewer,
    /// Do something with calls.
    Operator,
    /// Change the configuration.
    Admin,
}

impl Api {
    pub(super) fn read(
        root: &Table<'_>,
        folder: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(table) = root.table("api")? else {
            return Ok(None);
        };
        table.knows(&["listen", "certificate", "key", "token"])?;
        let rule = "write ADDRESS:PORT such as \"127.0.0.1:8080\"";
        let listen = table.parsed::<SocketAddr>("listen", rule)?;
        let listen = listen.unwrap_or(LISTEN);
        let certificate = Certificate::read(&table, folder)?;
        if !listen.ip().is_loopback() && certificate.is_none() {
            let what = "not a loopback address, and what is said there is not encrypted; write \
                        certificate and key too, or 127.0.0.1 or [::1]";
            return Err(table.wrong("listen", what));
        }
        let mut tokens: Vec<Token> = Vec::new();
        for table in table.tables("token")? {
            let token = Token::read(&table)?;
            let is_same = |other: &&Token| other.name == token.name || other.sha256 == token.sha256;
            if let Some(other) = tokens.iter().find(is_same) {
                let key = if other.name == token.name {
                    "name"
                } else {
                    "sha256"
                };
                let what = "another token has it; write one of its own";
                return Err(table.wrong(key, what));
            }
            tokens.push(token);
        }
        if tokens.len() > TOKENS_MAX {
            return Err(table.wrong("token", &format!("more than {TOKENS_MAX}; write fewer")));
        }
        if tokens.is_empty() {
            let what = "no token, so that only its health can be asked; `orbitd token` makes one";
            warnings.push(table.wrong_itself(what).message);
        }
        Ok(Some(Self {
            listen,
            certificate,
            tokens,
        }))
    }
}

/// Where it listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

impl Certificate {
    fn read(table: &Table<'_>, folder: &Path) -> Result<Option<Self>, ConfigError> {
        let path = |key| {
            let path = table.text(key, "write the path of a PEM file")?;
            match path {
                Some("") => Err(table.wrong(key, "empty; write the path of a PEM file")),
                path => Ok(path.map(|path| folder.join(path))),
            }
        };
        match (path("certificate")?, path("key")?) {
            (Some(chain), Some(key)) => Ok(Some(Self { chain, key })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(table.wrong("certificate", "there is no key; write key too")),
            (None, Some(_)) => {
                let what = "there is no certificate; write certificate too";
                Err(table.wrong("key", what))
            }
        }
    }
}

impl Token {
    fn read(table: &Table<'_>) -> Result<Self, ConfigError> {
        table.knows(&["name", "role", "sha256"])?;
        let name = table.required("name", NAME_RULE)?;
        if !is_name(name) {
            return Err(table.wrong("name", &format!("not a name; {NAME_RULE}")));
        }
        let rule = "write \"viewer\", \"operator\" or \"admin\"";
        let role = Role::of(table.required("role", rule)?);
        let rule_of_hash = "write the 64 digits that `orbitd token` prints";
        let sha256 = hash(table.required("sha256", rule_of_hash)?);
        Ok(Self {
            name: name.to_owned(),
            role: role.ok_or_else(|| table.wrong("role", rule))?,
            sha256: sha256
                .ok_or_else(|| table.wrong("sha256", &format!("not a SHA-256; {rule_of_hash}")))?,
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}, {})", self.name, self.role)
    }
}

impl Role {
    /// All of them, the one that may least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// By its name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// 64 digits of base sixteen.
fn hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}
