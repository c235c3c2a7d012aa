//! `[cdr]`: where call detail records are written, and for how long they are kept.

use std::path::{Path, PathBuf};

use super::ConfigError;
use super::limits::CDR_DAYS;
use super::table::Table;

/// `[cdr]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CdrConfig {
    /// The file that gets a line of JSON for each call that is over; `None`: none does.
    pub path: Option<PathBuf>,
    /// How many days the store keeps the record of a call that is over.
    pub keep_days: u32,
    /// Whether it says who was parked, by whom, and who had the call.
    pub names: bool,
}

/// Days without `[cdr] keep_days`.
const KEEP_DAYS: u32 = 90;

impl Default for CdrConfig {
    fn default() -> Self {
        Self {
            path: None,
            keep_days: KEEP_DAYS,
            names: true,
        }
    }
}

impl CdrConfig {
    pub(super) fn read(root: &Table<'_>, folder: &Path) -> Result<Self, ConfigError> {
        let Some(table) = root.table("cdr")? else {
            return Ok(Self::default());
        };
        table.knows(&["path", "keep_days", "names"])?;
        let path = table.text("path", "write the path of a file")?;
        if path == Some("") {
            return Err(table.wrong("path", "empty; write the path of a file"));
        }
        Ok(Self {
            path: path.map(|path| folder.join(path)),
            keep_days: table.number("keep_days", &CDR_DAYS)?.unwrap_or(KEEP_DAYS),
            names: table.switch("names")?.unwrap_or(true),
        })
    }
}
