//! `[park] notify_parker`: how the parker is told where its call waits, and what became of it.

use super::ConfigError;
use super::table::Table;

/// Whether the parker gets a text besides what it has subscribed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NotifyParker {
    /// It does not.
    #[default]
    Off,
    /// By SIP MESSAGE (RFC 3428).
    Message,
}

impl NotifyParker {
    pub(super) const KEY: &str = "notify_parker";

    pub(super) fn read(table: &Table<'_>) -> Result<Self, ConfigError> {
        let rule = "write \"message\" or \"off\"";
        match table.text(Self::KEY, rule)? {
            None | Some("off") => Ok(Self::Off),
            Some("message") => Ok(Self::Message),
            Some(_) => Err(table.wrong(Self::KEY, &format!("neither; {rule}"))),
        }
    }
}
