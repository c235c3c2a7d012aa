//! `[party]`: what kind of party somebody is, for `[[policy]]`.

use std::fmt;

use ipnet::IpNet;

use super::limits::{EXTENSION_DIGITS, PATTERNS_MAX};
use super::table::Table;
use super::who::WHO_RULE;
use super::{ConfigError, Who};

/// Where a party belongs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// To this organisation.
    Internal,
    /// To the telephone network, fixed or mobile.
    Pstn,
    /// To another organisation that is reached over SIP; also who hides.
    Federated,
}

impl Kind {
    /// Each kind with its word in the configuration.
    pub(super) const WORDS: [(&'static str, Self); 3] = [
        ("internal", Self::Internal),
        ("pstn", Self::Pstn),
        ("federated", Self::Federated),
    ];
}

impl fmt::Display for Kind {
    /// As messages to callers say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Internal => "internal",
            Self::Pstn => "telephone network",
            Self::Federated => "federated",
        })
    }
}

/// `[party]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartyRules {
    /// These are internal, besides `[park] assigned`, the members of sites, and who has an
    /// extension in a domain of ours.
    pub internal: Vec<Who>,
    /// These belong to the telephone network, whatever else they are.
    pub pstn: Vec<Who>,
    /// Gateways: what comes from there is of the telephone network.
    pub pstn_networks: Vec<IpNet>,
    /// The longest number of an extension, 2 to 15 digits; what is longer, or begins with `+`, is
    /// of the telephone network.
    pub extension_digits: u8,
}

impl PartyRules {
    pub(super) fn read(root: &Table<'_>) -> Result<Self, ConfigError> {
        let mut party = Self::default();
        let Some(table) = root.table("party")? else {
            return Ok(party);
        };
        table.knows(&["internal", "pstn", "pstn_networks", "extension_digits"])?;
        party.internal = table.list("internal", WHO_RULE, PATTERNS_MAX)?;
        party.pstn = table.list("pstn", WHO_RULE, PATTERNS_MAX)?;
        let rule = "write networks such as \"192.0.2.0/24\"";
        party.pstn_networks = table.list("pstn_networks", rule, PATTERNS_MAX)?;
        if let Some(digits) = table.number("extension_digits", &EXTENSION_DIGITS)? {
            party.extension_digits = digits;
        }
        Ok(party)
    }
}

impl Default for PartyRules {
    fn default() -> Self {
        Self {
            internal: Vec::new(),
            pstn: Vec::new(),
            pstn_networks: Vec::new(),
            extension_digits: 6,
        }
    }
}
