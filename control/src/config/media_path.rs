//! Which way the media of a retrieved call goes.

use super::ConfigError;
use super::table::Table;

/// Which way RTP goes between two who talk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MediaPath {
    /// Through our relay.
    #[default]
    Anchored,
    /// Between the two, where that is possible (RFC 3725).
    Released,
}

impl MediaPath {
    pub(super) const KEY: &str = "media";

    /// As it is written.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Released => "released",
        }
    }

    pub(super) fn read(table: &Table<'_>) -> Result<Option<Self>, ConfigError> {
        let rule = "write \"anchored\" or \"released\"";
        match table.text(Self::KEY, rule)? {
            None => Ok(None),
            Some("anchored") => Ok(Some(Self::Anchored)),
            Some("released") => Ok(Some(Self::Released)),
            Some(_) => Err(table.wrong(Self::KEY, &format!("neither; {rule}"))),
        }
    }
}
