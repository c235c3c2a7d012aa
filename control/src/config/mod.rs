//! The operator's configuration: TOML into types that cannot be wrong, or one message that names file, line, key, what is wrong
//! and what would be right.
//!
//! Absent on purpose: opening what it names (music files are opened by whoever plays them; [`Config::problem`] words the message).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use shared::Codec;

use crate::sip::transport::Transport;

/// A checked configuration. Every key has a default: `Config::default()` is an empty file.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[node]`
    pub node: Node,
    /// `[sip]`
    pub sip: Sip,
    /// `[media]`
    pub media: Media,
    /// `[music.NAME]`, by name; always has `default`.
    pub music: BTreeMap<String, Music>,
    /// `[park]`
    pub park: Park,
    /// `[[orbit_range]]`, by start; never overlapping.
    pub orbit_ranges: Vec<OrbitRange>,
}

/// `[node]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Unique in a cluster.
    pub id: String,
}

/// `[sip]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sip {
    /// `["udp:127.0.0.1:5060", …]`
    pub listen: Vec<(Transport, SocketAddr)>,
    /// Host in Via and Contact; `None`: each listener's own address.
    pub advertise: Option<String>,
    /// Served besides our own addresses.
    pub domains: Vec<String>,
    /// Peers that may send requests.
    pub trusted: Vec<IpNet>,
}

/// `[media]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// Where RTP sockets bind.
    pub address: IpAddr,
    /// Address in SDP.
    pub advertise: IpAddr,
    /// First and last port, inclusive, at least one even-odd pair.
    pub ports: (u16, u16),
    /// Number of workers; `None`: one for each pinned CPU, or else one for each core less one, at least 1.
    pub workers: Option<u8>,
    /// CPUs to pin workers to.
    pub cpus: Vec<u16>,
    /// In preference.
    pub codecs: Vec<Codec>,
    /// Whether a stream may learn its peer's address from the first valid packet (RFC 7362); `latch = "closed"` (default) or `"learn"`.
    pub latch_learn: bool,
    /// Seconds of silence after which a bridged peer counts as gone.
    pub timeout: Duration,
}

/// `[music.NAME]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Music {
    /// `None`: the one that ships with the project (`"builtin"`).
    pub file: Option<PathBuf>,
    /// Programme (true), or from-start.
    pub programme: bool,
}

/// `[park]`; `[park.site.NAME]` is checked and kept for later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Park {
    /// The user part of the park address.
    pub user: String,
    /// 10 s to 10 min.
    pub pickup_timeout: Duration,
    /// 1 to 10.
    pub max_pickup_attempts: u8,
    /// Off: silence.
    pub music_on_hold: bool,
    /// A name in `music`.
    pub music: String,
    /// After the last attempt.
    pub on_timeout_uri: Option<String>,
}

/// `[[orbit_range]]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrbitRange {
    /// Unique.
    pub name: String,
    /// `*`, `#` or nothing.
    pub prefix: Option<char>,
    /// First number, after the prefix.
    pub start: u32,
    /// Last number, after the prefix; as many digits as `start`.
    pub end: u32,
}

/// One message for the operator: `site.toml:12: [park] pickup_timeout: …`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] with the first thing that is wrong.
    pub fn load(_path: &Path) -> Result<Self, ConfigError> {
        unimplemented!()
    }

    /// Checks a text; `name` stands for the file in messages; relative paths are relative to `folder`.
    ///
    /// # Errors
    /// [`ConfigError`] with the first thing that is wrong.
    pub fn parse(_text: &str, _name: &str, _folder: &Path) -> Result<Self, ConfigError> {
        unimplemented!()
    }

    /// Words a problem that was found later with the value of a key, such as `["music", "default", "file"]`.
    #[must_use]
    pub fn problem(&self, _key: &[&str], _what: &str) -> ConfigError {
        unimplemented!()
    }
}

impl Default for Config {
    fn default() -> Self {
        unimplemented!()
    }
}
